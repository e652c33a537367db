import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Release } from '../../src/parts/apps/model.ts'
import { isRunOver } from '../../src/parts/jobs/model.ts'
import type { InstanceView } from '../../src/wire/api.ts'
import type { RunView } from '../../src/wire/jobs.ts'
import { Machines } from '../e2e/machines.ts'
import { sendEndless, sendRaw, sendSlowly } from '../fixtures/raw-http.ts'
import { digestOf } from '../../src/base/digest.ts'
import { tarOf } from '../fixtures/tar.ts'
import { anObserved } from '../fixtures/records.ts'
import type { Answer } from './bad-input.ts'

/**
 * What the bad inputs are sent to: one real server in a process of its own, a real agent and
 * ingress beside it, and an app with a job, so that there is something to do harm to.
 */

export type Role = 'operator' | 'agent' | 'ingress' | null

/** What the server says of itself since it was asked last; see measured-server.fixture.ts. */
export interface Measured {
  readonly wallMs: number
  readonly cpuMs: number
  readonly rss: number
  readonly held: number
}

export interface Outgoing {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A node that has registered and runs nothing: reports of it come from the table. */
export const idleNode = 'node-idle'

/** The incarnation under which it has registered. */
export const idleIncarnation = 'boot-1'

export const registration = {
  protocol: 2,
  incarnation: idleIncarnation,
  version: '0.2.0',
  zone: 'a',
  address: '127.0.0.1',
  // Less than any instance asks for, so that nothing is ever placed here.
  capacity: { cpu: 0.001, memoryBytes: 2 ** 20, diskBytes: 2 ** 20 },
  ports: { from: 29_000, to: 29_010 },
  labels: {},
}

const files = {
  'server.js': `require('node:http').createServer((_, r) => r.end('ok')).listen(+process.env.PORT, process.env.HOST)`,
  'job.js': 'setTimeout(() => {}, 600_000)',
  'roadstead.yaml': `roadstead: v1
app: shop
services:
  web: { run: node server.js, health: /, route: shop.localhost, cpu: 0.1, memory: 64MiB }
jobs:
  long: { service: web, run: node job.js, timeout: 10m }
`,
}

export class Target {
  readonly #machines = new Machines()
  readonly #tokens = new Map<Role, string>()
  /** An instance of the real agent's node. */
  instanceId = ''
  /** Everything that the server answered. */
  readonly answered: string[] = []

  async start(): Promise<void> {
    const preload = pathToFileURL(join(import.meta.dirname, 'measured-server.fixture.ts')).href
    process.env['NODE_OPTIONS'] = `--import=${preload}`
    try {
      await this.#machines.startServer()
    } finally {
      delete process.env['NODE_OPTIONS']
    }
    for (const role of ['operator', 'agent', 'ingress'] as const) {
      const file = join(this.#machines.folder, 'tokens', role)
      this.#tokens.set(role, readFileSync(file, 'utf8').trim())
    }
    this.#machines.startAgent('node-1')
    await this.#machines.startIngress()
    await this.#machines.deploy('shop', files)
    this.instanceId = (await this.instances())[0]?.id ?? ''
    await this.call('agent', 'POST', `/v1/agents/${idleNode}/register`, { body: registration })
  }

  /** Inputs as large as the bad ones, and fine: what serves them is loaded and has its buffers. */
  async sendHonestly(): Promise<void> {
    const report = { incarnation: idleIncarnation, sequence: 1, portsTaken: [], full: true }
    const observed = Array.from({ length: 9_000 }, () => anObserved({ instanceId: 'i-none' }))
    const body = { ...report, instances: observed }
    await this.call('agent', 'POST', `/v1/agents/${idleNode}/report`, { body })
    const archive = tarOf([{ name: 'a', content: Buffer.alloc(64 * 1024 * 1024) }])
    await this.call('operator', 'PUT', `/v1/artifacts/${digestOf(archive)}`, {
      body: new Uint8Array(archive),
    })
    const manifest = `${files['roadstead.yaml']}# ${'x'.repeat(1_000_000)}\n`
    const { status } = await this.deployAgain({ manifest })
    if (status !== 200) throw new Error(`an honest deploy was answered with ${status}`)
  }

  stop(): Promise<void> {
    return this.#machines.remove()
  }

  get port(): number {
    return Number(new URL(this.#machines.url).port)
  }

  /** Whether the very process that was started at the beginning still runs. */
  get isAlive(): boolean {
    const { exitCode, signalCode } = this.#machines.process('server')
    return exitCode === null && signalCode === null
  }

  token(role: Role): string {
    return this.#tokens.get(role) ?? ''
  }

  /** What the server's process printed. */
  get output(): string {
    return this.#machines.outputOf('server')
  }

  async call(
    role: Role,
    method: string,
    path: string,
    { body, headers = {} }: Outgoing = {},
  ): Promise<Answer> {
    const content = contentOf(body)
    const response = await exchange(
      {
        port: this.port,
        method,
        path,
        headers: {
          ...(role === null ? {} : { authorization: `Bearer ${this.token(role)}` }),
          ...(content === undefined ? {} : { 'content-length': String(content.length) }),
          ...(typeof body === 'string' || isPlain(body)
            ? { 'content-type': 'application/json' }
            : {}),
          ...headers,
        },
      },
      content,
    )
    return this.#noted(response)
  }

  /** Sends bytes that need not be HTTP. */
  async raw(text: string, ms?: number): Promise<Answer> {
    return this.#noted(parsed(await sendRaw(this.port, text, ms)))
  }

  /** Announces a whole JSON body and sends its beginning: who refuses it need not read on. */
  announce(role: Role, path: string, body: unknown): Promise<Answer> {
    const text = JSON.stringify(body)
    const head = this.head('POST', path, [`Content-Length: ${Buffer.byteLength(text)}`], role)
    return this.raw(head + text.slice(0, 1_000))
  }

  /** A head, then one byte each 50 ms. */
  async slowly(head: string): Promise<Answer> {
    return this.#noted(parsed(await sendSlowly(this.port, head, 50)))
  }

  /** A head, then a body without an end. */
  async endlessly(head: string, piece: Buffer): Promise<Answer & { readonly bytesSent: number }> {
    const { answer, bytesSent } = await sendEndless(this.port, head, piece)
    return { ...this.#noted(parsed(answer)), bytesSent }
  }

  /** The head of a request with a body, by the operator unless `role` says otherwise. */
  head(method: string, path: string, headers: readonly string[], role: Role = 'operator'): string {
    const lines = [
      `${method} ${path} HTTP/1.1`,
      'Host: roadstead',
      `Authorization: Bearer ${this.token(role)}`,
      'Content-Type: application/json',
      ...headers,
    ]
    return `${lines.join('\r\n')}\r\n\r\n`
  }

  async get<T>(path: string): Promise<T> {
    return JSON.parse((await this.call('operator', 'GET', path)).text) as T
  }

  /** Instances of services that have not ended. */
  instances(): Promise<InstanceView[]> {
    return this.#machines.instances()
  }

  /** Deploys once more what runs, with these parts of the request changed. */
  async deployAgain(parts: object): Promise<Answer> {
    const path = '/v1/cells/local/default/apps/shop'
    const { items } = await this.get<{ items: Release[] }>(`${path}/releases`)
    const { manifest, services = [], version } = items[0] ?? {}
    const artifacts = { '.': services[0]?.artifact }
    const body = { manifest, artifacts, files: null, version, supersede: false, ...parts }
    return this.call('operator', 'POST', `${path}/deploy`, { body })
  }

  /** Takes back every run, and waits until all are over. */
  async cancelRuns(): Promise<void> {
    await this.#machines.until('every run is over', async () => {
      const { items } = await this.get<{ items: RunView[] }>('/v1/runs?limit=200')
      const open = items.filter(({ state }) => !isRunOver(state))
      for (const { id } of open) {
        await this.call('operator', 'POST', `/v1/runs/${id}/cancel`, { body: {} })
      }
      return open.length === 0
    })
  }

  /** Names of the files in the server's store of artifacts. */
  async artifactFiles(): Promise<string[]> {
    const folder = join(this.#machines.folder, 'server/artifacts')
    const found = await readdir(folder, { recursive: true, withFileTypes: true })
    return found.filter((entry) => entry.isFile()).map(({ name }) => name)
  }

  /** Names of the files that are still coming in. */
  async incomingFiles(): Promise<string[]> {
    return (await this.artifactFiles()).filter((name) => !/^[0-9a-f]{62}$/.test(name))
  }

  async measure(what: 'lag' | 'memory'): Promise<Measured> {
    const server = this.#machines.process('server')
    const answer = once(server, 'message')
    server.send(what)
    const [measured] = (await answer) as [Measured]
    return measured
  }

  #noted(answer: Answer): Answer {
    this.answered.push(answer.text)
    return answer
  }
}

function isPlain(body: unknown): boolean {
  return body !== undefined && !(body instanceof Uint8Array)
}

function contentOf(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined
  if (body instanceof Uint8Array) return Buffer.from(body)
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

interface Question {
  readonly port: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

/** Not fetch: it rewrites the paths that are to be sent as they are. */
function exchange(question: Question, content: Buffer | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...question, host: '127.0.0.1', agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const headers = response.headers as Record<string, string>
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode ?? 0, headers, text })
      })
    })
    sent.on('error', reject)
    sent.end(content)
  })
}

/** An answer as bytes, its body perhaps in chunks. */
function parsed(answer: string): Answer {
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0)
  const [head = '', ...rest] = answer.split('\r\n\r\n')
  const lines = head.split('\r\n').slice(1)
  const headers = Object.fromEntries(
    lines.map((line) => {
      const [name = '', value = ''] = line.split(/: ?(.*)/)
      return [name.toLowerCase(), value]
    }),
  )
  // Node.js may refuse the rest of a connection by a second answer.
  const text = rest.join('\r\n\r\n').slice(0, Number(headers['content-length'] ?? Infinity))
  return { status, headers, text }
}
