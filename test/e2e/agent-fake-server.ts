import { createReadStream } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ObservedInstance } from '../../src/parts/instances/model.ts'
import type {
  AgentReport,
  AssignedInstance,
  LogBatch,
  LogLine,
  RegisterRequest,
} from '../../src/wire/agent.ts'

/** As much of a server as an agent needs: the wire of src/wire/agent.ts, kept in memory. */
export class FakeServer {
  readonly registrations: RegisterRequest[] = []
  readonly reports: AgentReport[] = []
  /** By instance: each state it was reported in, in order, without repetitions. */
  readonly states = new Map<string, string[]>()
  readonly observed = new Map<string, ObservedInstance>()
  readonly lines = new Map<string, LogLine[]>()
  readonly lost = new Map<string, number>()
  /** Archives by digest. */
  readonly artifacts = new Map<string, string>()
  pulls = 0
  /** A status to answer every call with, instead of serving it. */
  failWith: number | undefined
  /** Whether logs are answered with 503. */
  failLogs = false
  /** Instances of another node: whoever tells of them is refused. */
  readonly foreign = new Set<string>()
  #assigned: AssignedInstance[] = []
  #revision = 1
  #server: Server | undefined
  #port = 0
  #waiting = new Set<() => void>()
  #known = new Set<string>()

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        response.writeHead(500).end(JSON.stringify({ error: { message: String(error) } }))
      })
    })
    await new Promise<void>((resolve) => {
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  async stop(): Promise<void> {
    this.#wakeAll()
    this.#server?.closeAllConnections()
    await new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined))
    this.#server = undefined
  }

  /** Forgets which nodes it knows, as a server whose store was lost. */
  forgetNodes(): void {
    this.#known.clear()
    this.#wakeAll()
  }

  assign(...assigned: AssignedInstance[]): void {
    this.#assigned = assigned
    this.#revision++
    this.#wakeAll()
  }

  text(instanceId: string): string {
    return (this.lines.get(instanceId) ?? []).map((line) => line.text).join('\n')
  }

  #wakeAll(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    const [, , , nodeId = '', what = ''] = url.pathname.split('/')
    const answer = (status: number, body?: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(body === undefined ? undefined : JSON.stringify(body))
    }
    const refuse = (status: number, code: string): void =>
      answer(status, { error: { code, message: code, details: { oldest: 7, newest: 8 } } })
    if (this.failWith !== undefined) return refuse(this.failWith, 'staged')
    if (request.headers.authorization !== 'Bearer secret') return refuse(401, 'token-unknown')
    if (url.pathname.startsWith('/v1/artifacts/')) return this.#sendArtifact(url, response)
    const body = request.method === 'POST' ? JSON.parse(await readAll(request)) : undefined
    if (what === 'register') {
      this.#known.add(nodeId)
      this.registrations.push(body)
      return answer(200, {})
    }
    if (!this.#known.has(nodeId)) return refuse(404, 'node-unknown')
    if (what === 'assignment') return this.#sendAssignment(url, request, answer)
    const foreign = this.#foreignIn(body)
    if (foreign !== undefined) {
      const details = { instanceId: foreign }
      return answer(403, { error: { code: 'instance-foreign', message: 'no', details } })
    }
    if (what === 'report') return answer(200, this.#take(body))
    if (what === 'logs' && this.failLogs) return refuse(503, 'staged')
    if (what === 'logs') return answer(204, this.#append(body))
    return refuse(404, 'not-found')
  }

  async #sendAssignment(
    url: URL,
    request: IncomingMessage,
    answer: (status: number, body?: unknown) => void,
  ): Promise<void> {
    if (Number(url.searchParams.get('after')) === this.#revision) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve)
        request.socket.once('close', resolve)
      })
    }
    answer(200, { revision: this.#revision, instances: this.#assigned })
  }

  #sendArtifact(url: URL, response: ServerResponse): void {
    const digest = decodeURIComponent(url.pathname.slice('/v1/artifacts/'.length))
    const archive = this.artifacts.get(digest)
    this.pulls++
    if (archive === undefined) response.writeHead(404).end()
    else createReadStream(archive).pipe(response)
  }

  #foreignIn(body: Partial<AgentReport & LogBatch> | undefined): string | undefined {
    const told = [...(body?.instances ?? []), ...(body?.batches ?? [])]
    return told.find(({ instanceId }) => this.foreign.has(instanceId))?.instanceId
  }

  #take(report: AgentReport): { full: boolean } {
    this.reports.push(report)
    for (const one of report.instances) {
      this.observed.set(one.instanceId, one)
      const states = this.states.get(one.instanceId) ?? []
      if (states.at(-1) !== one.state) states.push(one.state)
      this.states.set(one.instanceId, states)
    }
    return { full: false }
  }

  #append(batch: LogBatch): undefined {
    for (const { instanceId, offset, lost, lines } of batch.batches) {
      const kept = this.lines.get(instanceId) ?? []
      if (offset > kept.length) throw new Error(`lines ${kept.length} to ${offset} are missing`)
      kept.push(...lines.slice(kept.length - offset))
      this.lines.set(instanceId, kept)
      this.lost.set(instanceId, (this.lost.get(instanceId) ?? 0) + lost)
    }
  }
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk as string
  return text
}
