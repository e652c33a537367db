/** A real ingress process, and a server that says to it what the test wants. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OpenPorts } from '../../src/parts/ingress/driver.ts'
import type { Backend, CounterSeries, IngressReport } from '../../src/parts/ingress/model.ts'
import { until } from '../contract/ingress-bed.ts'

const entry = new URL('../../src/cli/roles/ingress.ts', import.meta.url).pathname
const token = 'a-token'

/** Plays the server's two routes for ingresses, with a table that the test sets. */
export class FakeServer {
  readonly reports: IngressReport[] = []
  /** By series, what was told last; begun anew with each incarnation. */
  readonly series = new Map<string, CounterSeries>()
  #backends: readonly Backend[] = []
  #version = 0
  #waiting = new Set<() => void>()
  #server: Server | undefined
  #incarnation = ''
  port = 0

  async start(): Promise<void> {
    const server = createServer((req, res) => void this.#answer(req, res))
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve))
    this.port = (server.address() as AddressInfo).port
    this.#server = server
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections()
    await new Promise((resolve) => this.#server?.close(resolve))
  }

  /** Sets the whole table; returns its revision. */
  setTable(backends: readonly Backend[]): number {
    this.#backends = backends
    this.#version++
    for (const wake of this.#waiting) wake()
    return this.#version
  }

  /** Waits until the ingress has said that it applied the revision. */
  async applied(revision: number): Promise<void> {
    await until(
      () => (this.reports.at(-1)?.appliedRevision ?? 0) >= revision,
      `${revision} applied`,
    )
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.headers.authorization !== `Bearer ${token}`) return void res.writeHead(401).end()
    const url = new URL(req.url ?? '/', 'http://server')
    if (url.pathname === '/v1/ingresses/local/report') return this.#take(req, res)
    const after = Number(url.searchParams.get('after'))
    while (after === this.#version && !res.destroyed) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve)
        res.once('close', resolve)
      })
    }
    this.#waiting.clear()
    const delta = { version: this.#version, revision: this.#version, full: true, removed: [] }
    res.writeHead(200, { 'content-type': 'application/json' })
    res.end(JSON.stringify({ ...delta, backends: this.#backends }))
  }

  async #take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    const report = JSON.parse(Buffer.concat(chunks).toString()) as IngressReport
    if (report.incarnation !== this.#incarnation) this.series.clear()
    this.#incarnation = report.incarnation
    this.reports.push(report)
    for (const one of report.series) {
      this.series.set(`${one.backendId} ${one.pool} ${one.instanceId ?? '*'}`, one)
    }
    res.end('{"full":false}')
  }
}

/** A data folder with a token, and the processes that were started on it. */
export class IngressPlace {
  readonly folder: string
  readonly #children = new Set<ChildProcess>()

  constructor(folder: string) {
    this.folder = folder
  }

  static async make(): Promise<IngressPlace> {
    const folder = await mkdtemp(join(tmpdir(), 'roadstead-ingress-'))
    await writeFile(join(folder, 'token'), `${token}\n`)
    return new IngressPlace(folder)
  }

  /** Starts the role; resolves once it listens, or when it ended instead. */
  async start(options: {
    server: FakeServer
    port?: number
    more?: readonly string[]
  }): Promise<IngressProcess> {
    const child = spawn(
      process.execPath,
      [
        entry,
        `--server=http://127.0.0.1:${options.server.port}`,
        `--token-file=${join(this.folder, 'token')}`,
        `--data=${this.folder}`,
        `--listen=127.0.0.1:${options.port ?? 0}`,
        ...(options.more ?? []),
      ],
      { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] },
    )
    this.#children.add(child)
    const ports: OpenPorts = { publicPort: 0 }
    const ingress = {
      child,
      port: 0,
      ports,
      errors: '',
      exit: undefined as number | null | undefined,
    }
    child.stderr?.on('data', (chunk: Buffer) => (ingress.errors += chunk.toString()))
    child.on('message', (message: OpenPorts) => {
      ingress.port = message.publicPort
      ingress.ports = message
    })
    child.on('exit', (code) => (ingress.exit = code))
    await until(() => ingress.port > 0 || ingress.exit !== undefined, 'it listens', 15_000)
    return ingress
  }

  async remove(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await new Promise((resolve) => child.once('exit', resolve))
    }
    await rm(this.folder, { recursive: true, force: true })
  }
}

export interface IngressProcess {
  readonly child: ChildProcess
  readonly port: number
  readonly ports: OpenPorts
  readonly errors: string
  /** Undefined while it runs; null when a signal ended it. */
  readonly exit: number | null | undefined
}
