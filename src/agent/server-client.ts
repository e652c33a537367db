import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https'
import type { ByteStream } from '../base/disk.ts'
import type { Duplex } from 'node:stream'
import { Fault, Refusal, messageOf } from '../base/errors.ts'
import type { SecretRef } from '../base/secret-ref.ts'
import type {
  AgentReport,
  Assignment,
  LogBatch,
  RegisterRequest,
  ReportAnswer,
} from '../wire/agent.ts'
import type { ErrorBody } from '../wire/api.ts'

/**
 * The server as an agent sees it. Every call ends by itself: a server that says nothing is a Fault
 * `server-unreachable`, one that failed `server-failed`; what it refuses is a Refusal with its
 * status (404: it does not know this node; 426: it does not speak this protocol).
 */
export interface ServerClient {
  register(request: RegisterRequest, signal: AbortSignal): Promise<void>
  /** The whole assignment as soon as it is newer than `after`; undefined after `waitMs`. */
  assignment(after: number, waitMs: number, signal: AbortSignal): Promise<Assignment | undefined>
  report(report: AgentReport, signal: AbortSignal): Promise<ReportAnswer>
  ship(batch: LogBatch, signal: AbortSignal): Promise<void>
  artifact(digest: string, signal: AbortSignal): Promise<ByteStream>
  /** The node's end of an exec: text messages are strings, what is binary Buffers. */
  openExec(execId: string, signal: AbortSignal): Promise<Duplex>
  close(): Promise<void>
}

export interface HttpServerClientOptions {
  readonly serverUrl: string
  readonly nodeId: string
  readonly token: SecretRef
}

/** A call that should be answered at once is given up after this long, in ms. */
const callTimeoutMs = 10_000
/** A long poll may be answered this much later than asked for, in ms. */
const pollMarginMs = 10_000
/** A pull may stand still this long between two pieces, in ms. */
const stallTimeoutMs = 30_000
/** Bytes of an answer that are read at the most: an assignment of thousands of instances. */
const answerBytesMax = 64 * 1024 * 1024
/** Connections kept: the long poll, a report, a batch of logs, and two pulls. */
const socketsMax = 5

/**
 * Calls the server over HTTP. On node:http rather than undici: in an agent that makes a call a
 * second, undici costs 25 MB on every node and gains nothing (docs/decisions/0005).
 */
export class HttpServerClient implements ServerClient {
  readonly #base: URL
  readonly #nodePath: string
  readonly #token: SecretRef
  readonly #agent: HttpAgent

  constructor(options: HttpServerClientOptions) {
    this.#base = new URL(options.serverUrl)
    this.#nodePath = `/v1/agents/${encodeURIComponent(options.nodeId)}`
    this.#token = options.token
    const keep = { keepAlive: true, maxSockets: socketsMax }
    this.#agent = this.#base.protocol === 'https:' ? new HttpsAgent(keep) : new HttpAgent(keep)
  }

  async register(request: RegisterRequest, signal: AbortSignal): Promise<void> {
    await this.#json('POST', `${this.#nodePath}/register`, { body: request, signal })
  }

  async assignment(
    after: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Assignment | undefined> {
    const path = `${this.#nodePath}/assignment?after=${after}&waitMs=${waitMs}`
    const timeoutMs = waitMs + pollMarginMs
    return (await this.#json('GET', path, { signal, timeoutMs })) as Assignment | undefined
  }

  async report(report: AgentReport, signal: AbortSignal): Promise<ReportAnswer> {
    const answer = await this.#json('POST', `${this.#nodePath}/report`, { body: report, signal })
    return (answer as ReportAnswer | undefined) ?? { full: false }
  }

  async ship(batch: LogBatch, signal: AbortSignal): Promise<void> {
    await this.#json('POST', `${this.#nodePath}/logs`, { body: batch, signal })
  }

  async artifact(digest: string, signal: AbortSignal): Promise<ByteStream> {
    const path = `/v1/artifacts/${encodeURIComponent(digest)}`
    const response = await this.#send('GET', path, { signal, timeoutMs: stallTimeoutMs })
    if (response.statusCode === 200) return response
    throw refusalOf(response.statusCode ?? 0, errorOf(await readAll(response)))
  }

  /** The library is loaded by the first exec: most agents never see one. */
  async openExec(execId: string, signal: AbortSignal): Promise<Duplex> {
    const { openMessages } = await import('../wire/messages.ts')
    const url = new URL(`${this.#nodePath}/execs/${encodeURIComponent(execId)}`, this.#base)
    const target = { url, token: this.#token, timeoutMs: callTimeoutMs }
    return openMessages(target, signal)
  }

  close(): Promise<void> {
    this.#agent.destroy()
    return Promise.resolve()
  }

  async #json(method: string, path: string, call: Call): Promise<unknown> {
    const response = await this.#send(method, path, call)
    const text = await readAll(response)
    const status = response.statusCode ?? 0
    if (status >= 200 && status < 300) return text === '' ? undefined : parse(text)
    throw refusalOf(status, errorOf(text))
  }

  #send(method: string, path: string, call: Call): Promise<IncomingMessage> {
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body))
    const send = this.#base.protocol === 'https:' ? httpsRequest : httpRequest
    return new Promise((resolve, reject) => {
      const request = send(new URL(path, this.#base), {
        method,
        agent: this.#agent,
        signal: call.signal,
        timeout: call.timeoutMs ?? callTimeoutMs,
        headers: {
          authorization: `Bearer ${this.#token.reveal()}`,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': body.length }),
        },
      })
      request.on('timeout', () => request.destroy(new Error('no answer in time')))
      request.on('error', (error) => reject(unreachableFault(error)))
      request.on('response', resolve)
      request.end(body)
    })
  }
}

interface Call {
  readonly body?: unknown
  readonly signal: AbortSignal
  readonly timeoutMs?: number
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length
      if (bytes > answerBytesMax) throw new Error(`an answer of more than ${answerBytesMax} bytes`)
      chunks.push(chunk as Buffer)
    }
  } catch (error) {
    throw unreachableFault(error)
  }
  return Buffer.concat(chunks).toString()
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Fault('server-failed', 'the server answered with no JSON', { cause })
  }
}

function unreachableFault(cause: unknown): Fault {
  const message = `the server does not answer: ${messageOf(cause)}`
  return new Fault('server-unreachable', message, { cause })
}

/** The instance that the server says is another node's; undefined for any other error. */
export function foreignInstanceOf(error: unknown): string | undefined {
  if (!(error instanceof Refusal) || error.code !== 'instance-foreign') return undefined
  const instanceId = error.details?.['instanceId']
  return typeof instanceId === 'string' ? instanceId : undefined
}

/** What a status of 400 and above means: the server's own sentence where it sent one. */
export function refusalOf(
  status: number,
  error: Partial<ErrorBody['error']> | undefined,
): Refusal | Fault {
  const { hint, details = {} } = error ?? {}
  const message = error?.message ?? `the server answered ${status}`
  if (status < 400 || status >= 500) return new Fault('server-failed', message)
  return new Refusal(error?.code ?? 'server-refused', message, { status, hint, details })
}

function errorOf(text: string): Partial<ErrorBody['error']> | undefined {
  try {
    return (JSON.parse(text) as Partial<ErrorBody>).error
  } catch {
    return undefined
  }
}
