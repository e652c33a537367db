import { request, type IncomingMessage } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../../../base/clock.ts'
import { Fault, messageOf } from '../../../base/errors.ts'

/**
 * The Docker Engine's API over its socket. Every call has its time: an engine that is stopped
 * takes connections and answers none, and nothing here may wait for it for ever. Paths carry no
 * version, so that each engine speaks its own newest; what is used of it has been there since 1.25.
 */

export interface EngineCall {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** A tar that is sent as it comes, in place of `body`. */
  readonly content?: Readable
  readonly headers?: Readonly<Record<string, string>>
  /** The engine's `callMsMax` unless it is said. */
  readonly timeoutMs?: number
}

export interface EngineAnswer {
  readonly status: number
  /** Parsed; undefined where there was none. */
  readonly body: unknown
}

/** Most calls take a few ms; a start under load takes seconds. */
const callMsMax = 10_000

/** An answer's bytes at the most: a list of a thousand containers has 2 MiB. */
const bodyBytesMax = 16 * 1024 * 1024

/** Characters of the engine's own words that a sentence carries. */
const wordsMax = 300

export class Engine {
  readonly #socketPath: string
  readonly #clock: Clock

  constructor(socketPath: string, clock: Clock) {
    this.#socketPath = socketPath
    this.#clock = clock
  }

  /**
   * One call. Answers of any status are given; faults: `engine-silent` when none came in time,
   * `engine-gone` when nobody listens.
   */
  async call(call: EngineCall): Promise<EngineAnswer> {
    const late = new AbortController()
    const timer = this.#clock.after(call.timeoutMs ?? callMsMax, () => late.abort())
    try {
      const response = await this.#open(call, late.signal)
      return { status: response.statusCode ?? 0, body: await bodyOf(response) }
    } catch (error) {
      throw late.signal.aborted ? this.#silent(call) : error
    } finally {
      timer.cancel()
    }
  }

  /** A call that has to succeed, or to answer one of `also`; Fault `engine-refused` otherwise. */
  async demand(call: EngineCall, also: readonly number[] = []): Promise<EngineAnswer> {
    const answer = await this.call(call)
    if (answer.status < 300 || also.includes(answer.status)) return answer
    throw refused(call, answer)
  }

  /** A call whose answer goes on and on; only its beginning has a time. */
  async stream(call: EngineCall, signal?: AbortSignal): Promise<IncomingMessage> {
    const late = new AbortController()
    const timer = this.#clock.after(call.timeoutMs ?? callMsMax, () => late.abort())
    try {
      const signals = signal === undefined ? [] : [signal]
      const response = await this.#open(call, AbortSignal.any([late.signal, ...signals]))
      const status = response.statusCode ?? 0
      if (status < 300) return response
      throw refused(call, { status, body: await bodyOf(response) })
    } catch (error) {
      throw late.signal.aborted ? this.#silent(call) : error
    } finally {
      timer.cancel()
    }
  }

  /** A call whose connection becomes a pipe in both directions. */
  hijack(call: EngineCall): Promise<{ socket: Duplex; head: Buffer }> {
    return new Promise((resolve, reject) => {
      const body = JSON.stringify(call.body ?? {})
      const headers = { connection: 'Upgrade', upgrade: 'tcp' }
      const asked = request(this.#options(call, { ...headers, ...bodyHeaders(body) }))
      const timer = this.#clock.after(call.timeoutMs ?? callMsMax, () => {
        asked.destroy()
        reject(this.#silent(call))
      })
      asked.once('upgrade', (_response, socket, head) => {
        timer.cancel()
        resolve({ socket, head })
      })
      asked.once('response', (response) => {
        timer.cancel()
        const status = response.statusCode ?? 0
        bodyOf(response).then((body) => reject(refused(call, { status, body })), reject)
      })
      asked.once('error', (error) => {
        timer.cancel()
        reject(this.#gone(error))
      })
      asked.end(body)
    })
  }

  #open(call: EngineCall, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const body = call.body === undefined ? '' : JSON.stringify(call.body)
      const { content } = call
      const own =
        content === undefined ? bodyHeaders(body) : { 'content-type': 'application/x-tar' }
      const asked = request({ ...this.#options(call, { ...call.headers, ...own }), signal })
      asked.once('response', resolve)
      asked.on('error', (error) => reject(this.#gone(error)))
      if (content === undefined) asked.end(body)
      else pipeline(content, asked).catch((error: unknown) => reject(this.#gone(error as Error)))
    })
  }

  #options({ method, path, query = {} }: EngineCall, headers: Record<string, string>) {
    const search = new URLSearchParams(query).toString()
    const target = search === '' ? path : `${path}?${search}`
    // A connection of its own: none is left over from an engine that has been started anew.
    return {
      socketPath: this.#socketPath,
      method,
      path: target,
      headers: { host: 'docker', ...headers },
      agent: false as const,
    }
  }

  #silent({ method, path }: EngineCall): Fault {
    return new Fault('engine-silent', `the Docker Engine does not answer (${method} ${path})`)
  }

  #gone(cause: Error): Fault {
    const what = `the Docker Engine cannot be reached at ${this.#socketPath}`
    return new Fault('engine-gone', `${what}: ${messageOf(cause)}`, { cause })
  }
}

function bodyHeaders(body: string): Record<string, string> {
  const length = String(Buffer.byteLength(body))
  return body === ''
    ? { 'content-length': '0' }
    : { 'content-type': 'application/json', 'content-length': length }
}

async function bodyOf(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    const part = chunk as Buffer
    bytes += part.length
    if (bytes > bodyBytesMax) throw new Fault('engine-refused', 'its answer is over 16 MiB')
    chunks.push(part)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  if (text === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** The engine said no; its own words are for people. */
export function refused({ method, path }: EngineCall, { status, body }: EngineAnswer): Fault {
  const words = wordsOf(body)
  return new Fault(
    'engine-refused',
    `the Docker Engine said ${status} to ${method} ${path}${words}`,
  )
}

/** `: No such container: …` */
export function wordsOf(body: unknown): string {
  const said = body !== null && typeof body === 'object' && 'message' in body ? body.message : body
  return typeof said === 'string' && said !== '' ? `: ${said.trim().slice(0, wordsMax)}` : ''
}
