import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

/** The server as its own process, over its real store: started, killed, told to end. */

let data: string
const children: ChildProcess[] = []

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'roadstead-process-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
  await rm(data, { recursive: true, force: true })
})

interface Started {
  readonly child: ChildProcess
  readonly url: string
  /** All that it printed so far. */
  output(): string
  ended(): Promise<number | null>
}

function start(...options: string[]): Started & { listening: Promise<string> } {
  const entry = join(import.meta.dirname, '../../src/cli/roles/server.ts')
  const child = spawn(
    process.execPath,
    ['--no-warnings', entry, `--data=${data}`, '--port=0', ...options],
    { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
  )
  children.push(child)
  let output = ''
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const collect = (chunk: Buffer): void => {
    output += chunk.toString()
    const url = /"url":"([^"]+)"/.exec(output)?.[1]
    if (url !== undefined) resolve(url)
  }
  child.stdout?.on('data', collect)
  child.stderr?.on('data', collect)
  child.once('exit', () => reject(new Error(output)))
  promise.catch(() => {})
  return {
    child,
    url: '',
    listening: promise,
    output: () => output,
    async ended() {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      return child.exitCode
    },
  }
}

async function started(...options: string[]): Promise<Started> {
  const server = start(...options)
  return { ...server, url: await server.listening }
}

async function tokenOf(role: string): Promise<string> {
  return (await readFile(join(data, 'tokens', role), 'utf8')).trim()
}

async function call(server: Started, path: string, init: RequestInit = {}): Promise<Response> {
  const role = path.includes('/agents/') ? 'agent' : 'operator'
  return fetch(new URL(path, server.url), {
    ...init,
    headers: { authorization: `Bearer ${await tokenOf(role)}`, 'content-type': 'application/json' },
  })
}

function register(server: Started, nodeId: string): Promise<Response> {
  const body = {
    protocol: 1,
    incarnation: 'boot',
    version: '0.2.0',
    zone: 'a',
    address: '127.0.0.1',
    capacity: { cpu: 4, memoryBytes: 2 ** 33, diskBytes: 2 ** 36 },
    ports: { from: 21_000, to: 21_999 },
    labels: {},
  }
  const path = `/v1/agents/${nodeId}/register`
  return call(server, path, { method: 'POST', body: JSON.stringify(body) })
}

describe('the server process', () => {
  test('makes its tokens at the first start, for nobody’s eyes but its owner’s', async () => {
    const server = await started()
    for (const role of ['operator', 'agent', 'ingress']) {
      const file = join(data, 'tokens', role)
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      expect(await tokenOf(role)).toMatch(/^rst_[\w-]{43}$/)
    }
    expect((await stat(join(data, 'tokens'))).mode & 0o777).toBe(0o700)
    expect((await call(server, '/v1/apps')).status).toBe(200)
    expect(server.output()).not.toContain(await tokenOf('operator'))
  })

  test('killed and started again, it has every acknowledged write and the same tokens', async () => {
    const first = await started()
    const token = await tokenOf('operator')
    for (let node = 0; node < 5; node++) {
      expect((await register(first, `node-${node}`)).status).toBe(200)
    }
    first.child.kill('SIGKILL')
    await first.ended()
    const second = await started()
    expect(await tokenOf('operator')).toBe(token)
    const nodes = (await (await call(second, '/v1/nodes')).json()) as { items: { id: string }[] }
    expect(nodes.items.map(({ id }) => id)).toHaveLength(5)
  })

  test('with a new store it goes on with the tokens that lie there', async () => {
    const first = await started()
    const token = await tokenOf('operator')
    first.child.kill('SIGTERM')
    await first.ended()
    await rm(join(data, 'server'), { recursive: true })
    const second = await started()
    expect(await tokenOf('operator')).toBe(token)
    expect((await call(second, '/v1/apps')).status).toBe(200)
  })

  test('a lost or damaged token file is replaced, and the old token is worth nothing', async () => {
    const first = await started()
    const before = await tokenOf('operator')
    first.child.kill('SIGTERM')
    await first.ended()
    await rm(join(data, 'tokens', 'operator'))
    await writeFile(join(data, 'tokens', 'agent'), 'what is this\n')
    const second = await started()
    expect(await tokenOf('operator')).not.toBe(before)
    expect(await tokenOf('agent')).toMatch(/^rst_/)
    expect((await call(second, '/v1/apps')).status).toBe(200)
    const old = { authorization: `Bearer ${before}` }
    expect((await fetch(new URL('/v1/apps', second.url), { headers: old })).status).toBe(401)
  })

  test('told to end, it ends polls and streams and leaves with code 0', async () => {
    const server = await started()
    await register(server, 'node-1')
    const { revision } = (await (await call(server, '/v1/health')).json()) as { revision: number }
    const poll = call(server, `/v1/agents/node-1/assignment?after=${revision}&waitMs=30000`)
    const stream = await call(server, '/v1/watch')
    const began = performance.now()
    server.child.kill('SIGTERM')
    expect(await server.ended()).toBe(0)
    expect(performance.now() - began).toBeLessThan(4_000)
    expect((await poll).status).toBe(503)
    await stream.text().catch(() => '')
    expect(server.output()).not.toContain('unexpected error')
  })

  test('supervised, it ends when its supervisor is gone', async () => {
    const server = await started('--supervised')
    server.child.disconnect()
    expect(await server.ended()).toBe(0)
  })

  test('a taken port is a refusal that says what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const server = start(`--port=${port}`)
    expect(await server.ended()).not.toBe(0)
    expect(server.output()).toContain(`port ${port} on 127.0.0.1 is taken`)
    expect(server.output()).not.toMatch(/\n\s+at /)
    other.close()
  })

  test('a taken port ends `roadstead server` too, with its store opened already', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const program = join(import.meta.dirname, '../../src/cli/main.ts')
    const run = [program, 'server', '--data', data, '--port', String(port)]
    const child = spawn(process.execPath, run, { stdio: ['ignore', 'ignore', 'ignore'] })
    children.push(child)
    expect(await once(child, 'exit')).toEqual([1, null])
    other.close()
  })

  test('a second server on the same data is refused', async () => {
    await started()
    const second = start()
    expect(await second.ended()).not.toBe(0)
    expect(second.output()).not.toMatch(/\n\s+at /)
  })
})
