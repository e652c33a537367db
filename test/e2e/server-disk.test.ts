/** A disk that is full, or fails, under load: nothing acknowledged is lost, and it goes on. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { canMountDisk, mountDisk } from '../fixtures/small-disk.ts'
import { Cloud, until } from './cloud.ts'

const entry = join(import.meta.dirname, '../../src/cli/roles/server.ts')
const preload = join(import.meta.dirname, '../fixtures/failing-fsync-preload.fixture.ts')
const ends: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

/** A server of its own, on a data folder. */
async function startServer(data: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, ['--no-warnings', entry, `--data=${data}`, '--port=0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  ends.push(() => killed(child))
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await until(() => {
    if (child.exitCode !== null) throw new Error(`the server ended: ${output}`)
    return output.includes('server listens')
  }, 'the server listens')
  return { child, url: /"url":"([^"]+)"/.exec(output)?.[1] ?? '' }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Writes through the API, each write a record of its own, and remembers what was acknowledged. */
class Writers {
  readonly acknowledged = new Set<string>()
  /** By status and code. */
  readonly refused = new Map<string, number>()
  readonly #target: () => { url: string; agent: string }
  #count = 0
  #isRunning = true
  readonly #running: Promise<void>[]

  constructor(target: () => { url: string; agent: string }, count = 4) {
    this.#target = target
    this.#running = Array.from({ length: count }, () => this.#run())
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    await Promise.all(this.#running)
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      const id = `n-${++this.#count}`
      const answer = await this.#write(id)
      if (answer === 'acknowledged') this.acknowledged.add(id)
      else {
        this.refused.set(answer, (this.refused.get(answer) ?? 0) + 1)
        await systemClock.sleep(20)
      }
    }
  }

  async #write(id: string): Promise<string> {
    const { url, agent } = this.#target()
    try {
      const response = await call(url, agent, `/v1/agents/${id}/register`, registration)
      if (response.ok) {
        await response.body?.cancel()
        return 'acknowledged'
      }
      const { error } = (await response.json()) as { error: { code: string } }
      return `${response.status} ${error.code}`
    } catch {
      return 'no answer'
    }
  }
}

const registration = {
  protocol: 1,
  incarnation: 'boot',
  version: '0.2.0',
  zone: 'a',
  address: '127.0.0.1',
  capacity: { cpu: 4, memoryBytes: 2 ** 33, diskBytes: 2 ** 36 },
  ports: { from: 21_000, to: 21_999 },
  labels: { padding: 'x'.repeat(200) },
}

function call(url: string, token: string, path: string, body?: unknown): Promise<Response> {
  return fetch(new URL(path, url), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function nodesOf(url: string, token: string): Promise<Set<string>> {
  const ids = new Set<string>()
  let cursor = ''
  for (;;) {
    const response = await call(url, token, `/v1/nodes?limit=1000${cursor}`)
    const page = (await response.json()) as { items: { id: string }[]; next?: string }
    for (const { id } of page.items) ids.add(id)
    if (page.next === undefined) return ids
    cursor = `&cursor=${encodeURIComponent(page.next)}`
  }
}

function missingOf(writers: Writers, found: ReadonlySet<string>): string[] {
  return [...writers.acknowledged].filter((id) => !found.has(id))
}

describe('a server under load', () => {
  it(
    'on a full disk refuses clearly, hears its agents, starts anew, and resumes by itself',
    { timeout: 120_000 },
    async ({ skip }) => {
      if (!canMountDisk()) skip('needs the right to mount a tmpfs (root)')
      const disk = mountDisk('12m')
      ends.push(() => disk.remove())
      const hog = join(disk.directory, 'hog')
      let server = await startServer(disk.directory)
      const token = (role: string): string =>
        readFileSync(join(disk.directory, 'tokens', role), 'utf8').trim()
      const [agent, operator] = [token('agent'), token('operator')]
      const writers = new Writers(() => ({ url: server.url, agent }))
      ends.push(() => writers.stop())
      await until(() => writers.acknowledged.size > 50, 'some writes are acknowledged')

      await writeFile(hog, Buffer.alloc(16 * 1024 * 1024)).catch(() => {})
      await until(() => writers.refused.has('503 store-full'), 'writes are refused')
      const report = { incarnation: 'boot', sequence: 1, full: true, instances: [], portsTaken: [] }
      const heard = await call(server.url, agent, '/v1/agents/n-1/report', report)
      expect(heard.status).toBeLessThan(300)
      expect((await call(server.url, operator, '/v1/apps')).status).toBe(200)

      // Killed on the full disk, it starts on it: what it has can be read, and nothing is lost.
      await killed(server.child)
      server = await startServer(disk.directory)
      expect(missingOf(writers, await nodesOf(server.url, operator))).toEqual([])
      const before = writers.acknowledged.size
      await rm(hog)
      const since = systemClock.monotonic()
      await until(() => writers.acknowledged.size > before + 20, 'writes are acknowledged again')
      expect(systemClock.monotonic() - since).toBeLessThan(30_000)
      await writers.stop()
      expect(missingOf(writers, await nodesOf(server.url, operator))).toEqual([])
      expect([...writers.refused.keys()].toSorted()).toEqual(['503 store-full', 'no answer'])
    },
  )

  it(
    'whose fsync fails acknowledges nothing more, ends, and is started again',
    { timeout: 120_000 },
    async () => {
      const cloud = new Cloud()
      const flag = join(cloud.folder, 'fail-now')
      process.env['NODE_OPTIONS'] = `--import=${preload}`
      process.env['FAILING_FSYNC'] = flag
      ends.push(() => cloud.remove())
      try {
        await cloud.start()
      } finally {
        delete process.env['NODE_OPTIONS']
        delete process.env['FAILING_FSYNC']
      }
      const agent = readFileSync(join(cloud.data, 'tokens/agent'), 'utf8').trim()
      const writers = new Writers(() => ({ url: cloud.file.server, agent }))
      ends.push(() => writers.stop())
      await until(() => writers.acknowledged.size > 50, 'some writes are acknowledged')
      const startedAt = async (): Promise<number> => {
        const { startedAt: at } = await cloud.get<{ startedAt: number }>('/v1/health')
        return at
      }
      const first = await startedAt()
      await writeFile(flag, '')
      await until(() => writers.refused.size > 0, 'the failure is noticed')
      const before = writers.acknowledged.size
      await until(() => writers.acknowledged.size > before + 20, 'another server goes on')
      expect(await startedAt()).toBeGreaterThan(first)
      await writers.stop()
      expect(missingOf(writers, await nodesOf(cloud.file.server, cloud.token))).toEqual([])
      expect([...writers.refused.keys()].toSorted()).toEqual(
        expect.arrayContaining([expect.stringMatching(/store-failed|no answer/)]),
      )
    },
  )
})
