import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'

/** An ingress as it runs in production, from a table on disk: the server is no part of it. */
export function runRoadstead(options: {
  readonly folder: string
  readonly port: number
  /** The port of the one instance behind it. */
  readonly target: number
  readonly driver?: string
  readonly flags?: readonly string[]
}): ChildProcess {
  const { folder, port, target, driver = 'builtin', flags = [] } = options
  mkdirSync(join(folder, 'ingress'), { recursive: true })
  writeFileSync(join(folder, 'token'), 'none')
  const endpoint = { instanceId: 'i-1', releaseId: 'rel-1', address: '127.0.0.1', port: target }
  const backend = {
    id: 'local/default/bench/web',
    online: [{ ...endpoint, ready: true }],
    maintenance: [],
    route: { host: 'bench.localhost', path: '/', expose: 'public' },
    listener: null,
  }
  const table = { schema: 1, revision: 1, backends: [backend] }
  writeFileSync(join(folder, 'ingress', 'table.json'), JSON.stringify(table))
  return run(process.execPath, [
    join(import.meta.dirname, '..', '..', 'src', 'cli', 'roles', 'ingress.ts'),
    '--server=http://127.0.0.1:9',
    `--token-file=${join(folder, 'token')}`,
    `--data=${folder}`,
    `--port=${port}`,
    '--default-host=bench.localhost',
    `--driver=${driver}`,
    '--log-level=error',
    ...flags,
  ])
}

export function run(command: string, parameters: readonly string[]): ChildProcess {
  return spawn(command, parameters, { stdio: ['ignore', 'ignore', 'inherit'] })
}

/** Resolves once somebody listens on a port of this machine. */
export async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('error', () => resolve(false))
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
    })
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`nobody listens on port ${port}`)
}
