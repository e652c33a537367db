import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { serverNodeOptions } from '../../src/cli/up/role-spec.ts'
import { fillStore, listenerPorts, tokenOf, type CellSize } from './cell.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** The real server process on a store that holds a large cell, and its agents in another process. */
export class LargeServer {
  readonly folder: string
  readonly server: ChildProcess
  readonly agents: ChildProcess
  readonly url: string

  private constructor(folder: string, url: string, server: ChildProcess, agents: ChildProcess) {
    this.folder = folder
    this.url = url
    this.server = server
    this.agents = agents
  }

  static async start(size: CellSize): Promise<LargeServer> {
    const folder = mkdtempSync(join(tmpdir(), 'roadstead-large-'))
    await fill(folder, size)
    const ports = `${listenerPorts.from}-${listenerPorts.to}`
    const launcher = join(root, 'bin', 'roadstead.js')
    const parameters = ['server', '--data', folder, '--port', '0', '--listener-ports', ports]
    const server = spawn(process.execPath, [...serverNodeOptions, launcher, ...parameters], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const url = await urlOf(server)
    const program = fileURLToPath(new URL('./cheap-agents.ts', import.meta.url))
    const agents = spawn(process.execPath, [program, url, tokenOf('agent'), String(size.nodes)], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const large = new LargeServer(folder, url, server, agents)
    await large.#untilReady(size)
    return large
  }

  /** Ends both processes and takes their data away. */
  async stop(): Promise<void> {
    this.agents.kill('SIGKILL')
    const isOver = new Promise((resolve) => this.server.once('exit', resolve))
    this.server.kill('SIGTERM')
    await isOver
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Every node is heard, and nothing waits for a place. */
  async #untilReady({ nodes }: CellSize): Promise<void> {
    for (let second = 0; second < 120; second++) {
      await sleep(1_000)
      const headers = { authorization: `Bearer ${tokenOf('operator')}` }
      const answer = await fetch(`${this.url}/v1/nodes?limit=1000`, { headers })
      const { items } = (await answer.json()) as { items: { status: string }[] }
      if (items.filter(({ status }) => status === 'ready').length === nodes) return
    }
    throw new Error('the agents are not all heard')
  }
}

async function fill(folder: string, size: CellSize): Promise<void> {
  mkdirSync(join(folder, 'server'), { recursive: true })
  mkdirSync(join(folder, 'tokens'), { recursive: true })
  for (const role of ['operator', 'agent', 'ingress'] as const) {
    writeFileSync(join(folder, 'tokens', role), `${tokenOf(role)}\n`, { mode: 0o600 })
  }
  const file = join(folder, 'server', 'state.db')
  const store = await openSqliteStore({ file, clock: systemClock, log: silentLog })
  await fillStore(store, size, Date.now())
  await store.close()
}

/** From its log, which names where it listens. */
function urlOf(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const look = (chunk: Buffer): void => {
      if (text.length > 100_000) return
      text += chunk.toString()
      const url = /http:\/\/127\.0\.0\.1:\d+(?=")/.exec(text)?.[0]
      if (url !== undefined) resolve(url)
    }
    server.stdout?.on('data', look)
    server.stderr?.on('data', look)
    server.once('exit', (code) => reject(new Error(`the server ended by ${code}: ${text}`)))
  })
}

/** The memory of a process by what backs it, in MiB, as the kernel counts it. */
export function memoryOf(pid: number): { pssMiB: number; anonymousMiB: number; fileMiB: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const of = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0) / 1_024
  return { pssMiB: of('Pss'), anonymousMiB: of('Pss_Anon'), fileMiB: of('Pss_File') }
}
