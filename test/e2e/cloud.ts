import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { readUpFile, type UpFile } from '../../src/cli/api/settings.ts'
import type { AppView, InstanceView, RolloutView } from '../../src/wire/api.ts'

/** A whole cloud of this test's own: `roadstead up` on free ports, used as a person would. */

export const root = join(import.meta.dirname, '../..')
export const program = join(root, 'src/cli/main.ts')
export const shopFolder = join(root, 'examples/shop')

/** What a command printed, and how it ended. */
export interface Ran {
  readonly code: number | null
  readonly output: string
}

/** What the load generator says of itself at its end. */
export interface LoadReport {
  readonly sent: number
  readonly answered: Readonly<Record<string, number>>
  readonly failed: Readonly<Record<string, number>>
}

export class Cloud {
  readonly folder = mkdtempSync(join(tmpdir(), 'roadstead-shop-'))
  readonly #data: string
  #up: ChildProcess | undefined
  #output = ''

  /** On a data folder that is there already, or on a new one. */
  constructor(data?: string) {
    this.#data = data ?? join(this.folder, 'data')
  }

  get data(): string {
    return this.#data
  }

  /** Starts `up` and waits until it says that all of it runs. */
  async start(more: readonly string[] = []): Promise<void> {
    const options = ['up', '--data', this.#data, '--port', '0', '--ingress-port', '0', ...more]
    this.#up = spawn(process.execPath, [program, ...options], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    })
    this.#up.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()))
    this.#up.stderr?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()))
    await until(() => this.#output.includes('all of it runs'), 'up says that all of it runs')
  }

  /** Ctrl-C, and whether it ended by itself. */
  async stop(): Promise<number | null> {
    const up = this.#up
    if (up === undefined || up.exitCode !== null) return up?.exitCode ?? null
    up.kill('SIGINT')
    await until(() => up.exitCode !== null || up.signalCode !== null, 'up ends')
    return up.exitCode
  }

  async remove(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  get file(): UpFile {
    const file = readUpFile(this.#data)
    if (file === undefined) throw new Error(`there is no up.json; up said: ${this.#output}`)
    return file
  }

  /** The operator's token. */
  get token(): string {
    return readFileSync(join(this.#data, 'tokens/operator'), 'utf8').trim()
  }

  /** What the CLI needs to find this cloud. */
  get environment(): Record<string, string> {
    return {
      ...(process.env as Record<string, string>),
      NO_COLOR: '1',
      ROADSTEAD_SERVER: this.file.server,
      ROADSTEAD_TOKEN_FILE: join(this.#data, 'tokens/operator'),
    }
  }

  /** Runs a command of the CLI in the shop's folder. */
  async run(...command: string[]): Promise<Ran> {
    const child = spawn(process.execPath, [program, ...command], {
      cwd: shopFolder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: this.environment,
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, output }
  }

  async get<T>(path: string): Promise<T> {
    const response = await this.request('GET', path)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }

  request(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${this.file.server}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  app(): Promise<AppView> {
    return this.get('/v1/cells/local/default/apps/shop')
  }

  async newestRollout(): Promise<RolloutView> {
    const { items } = await this.get<{ items: RolloutView[] }>('/v1/rollouts?limit=1')
    const [newest] = items
    if (newest === undefined) throw new Error('there was no rollout yet')
    return newest
  }

  /** Instances of the shop that have not ended, by service. */
  async instances(service?: string): Promise<InstanceView[]> {
    const filter = service === undefined ? '' : `&service=${service}`
    const { items } = await this.get<{ items: InstanceView[] }>(`/v1/instances?app=shop${filter}`)
    return items.filter((instance) => instance.state !== 'ended' && instance.purpose === 'service')
  }

  /** Pids of the shop's instances by id. */
  async pids(): Promise<Record<string, number | null>> {
    const all = await this.instances()
    return Object.fromEntries(all.map(({ id, observed }) => [id, observed?.pid ?? null]))
  }

  /** The shop's front page, as a browser would ask for it. */
  async page(path = '/'): Promise<{ status: number; text: string }> {
    const response = await fetch(`${this.file.ingress}${path}`, {
      headers: { host: 'shop.localhost' },
    })
    return { status: response.status, text: await response.text() }
  }

  async #sentInAll(): Promise<number> {
    return (await this.app()).traffic?.sentTotal ?? 0
  }

  /** Starts customers and waits until they are served; `end` stops them and tells what they saw. */
  async load(rate: number): Promise<{ end(): Promise<LoadReport> }> {
    const file = join(shopFolder, 'load/load.js')
    const where = ['--url', this.file.ingress, '--host', 'shop.localhost']
    const how = ['--rate', String(rate), '--duration', '5m', '--json']
    const child = spawn(process.execPath, [file, ...where, ...how], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
    await once(child, 'message')
    // More than what an earlier load may still have to be counted for.
    const enough = (await this.#sentInAll()) + rate * 2
    const isServed = async (): Promise<boolean> => (await this.#sentInAll()) >= enough
    await until(isServed, 'the load runs')
    return {
      async end() {
        child.kill('SIGTERM')
        await ended
        return JSON.parse(output.trim().split('\n').at(-1) ?? '') as LoadReport
      },
    }
  }
}

/** All that failed, as the load generator counted it. */
export function failuresOf(report: LoadReport): number {
  return Object.values(report.failed).reduce((sum, count) => sum + count, 0)
}

/** Looks every 50 ms until `condition` holds, for a minute at the most. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  for (let look = 0; look < 1_200; look++) {
    if (await condition()) return
    await systemClock.sleep(50)
  }
  throw new Error(`it never came to pass that ${what}`)
}
