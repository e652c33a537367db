import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { Fault, messageOf, Refusal } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { backoffMs, type Backoff } from '../../base/retry.ts'
import type { SecretRef } from '../../base/secret-ref.ts'
import type { ErrorBody } from '../../wire/api.ts'
import { EventStreamParser, type StreamEvent } from './event-stream.ts'

/** Speaks HTTP with the server: token, idempotency keys, patience while it is away, errors. */

export interface TransportOptions {
  /** `http://127.0.0.1:7070`, without a path. */
  readonly server: string
  readonly token: SecretRef | undefined
  readonly clock: Clock
  readonly random: Random
  /** How long a server that does not answer is asked again, in ms. */
  readonly patienceMs: number
  /** The network; the tests give their own. */
  readonly fetch?: typeof fetch
}

/** Values of a query; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly query?: Query | undefined
  /** Sent as JSON; a Blob is sent as it is. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
}

/** Waits between two attempts: a server that is restarted is back within half a second. */
const awayBackoff: Backoff = { firstMs: 50, maxMs: 500, factor: 2 }

/** A stream that has said nothing for so long is taken for dead; heartbeats come every 15 s. */
const streamSilenceMsMax = 45_000

/** For the answer to the upgrade to a WebSocket, in ms. */
const upgradeMs = 10_000

/** Statuses that say "not now", not "no". */
const awayStatuses = new Set([502, 503, 504])

/** One conversation with a server: it remembers the last write, so that later reads see it. */
export class Transport {
  readonly #options: TransportOptions
  readonly #fetch: typeof fetch
  #seenRevision: string | undefined

  constructor(options: TransportOptions) {
    this.#options = options
    this.#fetch = options.fetch ?? fetch
  }

  get server(): string {
    return this.#options.server
  }

  /**
   * Makes a call until it is answered or patience ends, and returns a good answer. A write keeps
   * its idempotency key over all attempts, so it happens once.
   */
  async send(call: Call): Promise<Response> {
    const headers = this.#headersOf(call)
    const startedAt = this.#options.clock.monotonic()
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(call, headers)
      if (outcome instanceof Response) return outcome
      const waitMs = backoffMs(awayBackoff, attempt, this.#options.random)
      const waitedMs = this.#options.clock.monotonic() - startedAt
      if (waitedMs + waitMs > this.#options.patienceMs) throw outcome
      await this.#options.clock.sleep(waitMs, call.signal)
    }
  }

  /** Opens a WebSocket as a stream of its messages. */
  async messages(path: string, signal: AbortSignal): Promise<Duplex> {
    const { openMessages } = await import('../../wire/messages.ts')
    const { server, token } = this.#options
    return openMessages({ url: new URL(path, server), token, timeoutMs: upgradeMs }, signal)
  }

  /** Makes a call whose answer is JSON. */
  async json<T>(call: Call): Promise<T> {
    const response = await this.send(call)
    return (await response.json()) as T
  }

  /** Follows a stream of events until the signal aborts; a broken one is resumed after its last id. */
  async *events(
    path: string,
    query: Query,
    signal: AbortSignal,
  ): AsyncGenerator<StreamEvent, void, undefined> {
    let lastId: string | undefined
    while (!signal.aborted) {
      const headers: Record<string, string> = { accept: 'text/event-stream' }
      if (lastId !== undefined) headers['last-event-id'] = lastId
      const response = await this.send({ method: 'GET', path, query, headers, signal })
      try {
        for await (const event of readEvents(response, this.#options.clock)) {
          lastId = event.id ?? lastId
          yield event
        }
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof Refusal || error instanceof RangeError) throw error
      }
      await this.#options.clock.sleep(awayBackoff.firstMs, signal).catch(() => {})
    }
  }

  /** A good answer, or what to throw when patience ends; throws what no patience helps. */
  async #attempt(call: Call, headers: Headers): Promise<Response | Fault> {
    let response: Response
    try {
      response = await this.#fetch(this.#urlOf(call), {
        method: call.method,
        headers,
        body: bodyOf(call),
        signal: call.signal ?? null,
        redirect: 'error',
      })
    } catch (error) {
      if (call.signal?.aborted) throw call.signal.reason
      return unreachable(this.#options.server, error)
    }
    this.#seenRevision = response.headers.get('roadstead-revision') ?? this.#seenRevision
    if (response.ok) return response
    const error = await errorOf(response)
    if (error instanceof Fault && awayStatuses.has(response.status)) return error
    throw error
  }

  #headersOf(call: Call): Headers {
    const headers = new Headers(call.headers)
    const { token, random } = this.#options
    if (token !== undefined) headers.set('authorization', `Bearer ${token.reveal()}`)
    if (call.body !== undefined && !(call.body instanceof Blob)) {
      headers.set('content-type', 'application/json')
    }
    if (call.method === 'GET' || call.method === 'HEAD') {
      if (this.#seenRevision !== undefined) headers.set('roadstead-revision', this.#seenRevision)
    } else {
      headers.set('idempotency-key', Buffer.from(random.bytes(16)).toString('hex'))
    }
    return headers
  }

  #urlOf(call: Call): URL {
    const url = new URL(call.path, this.#options.server)
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    return url
  }
}

/** What an answer outside 200 to 299 means: a Refusal for 4xx, a Fault for 5xx. */
async function errorOf(response: Response): Promise<Refusal | Fault> {
  const body = await errorBodyOf(response)
  const code = body?.code ?? `http-${response.status}`
  const message = body?.message ?? `the server answered ${response.status}`
  if (response.status >= 500) {
    const retry = awayStatuses.has(response.status) ? 'backoff' : 'never'
    return new Fault(code, message, { retry })
  }
  return new Refusal(code, message, {
    status: response.status,
    hint: body?.hint,
    path: body?.path,
    details: body?.details ?? {},
  })
}

async function errorBodyOf(response: Response): Promise<ErrorBody['error'] | undefined> {
  try {
    const { error } = (await response.json()) as Partial<ErrorBody>
    return typeof error?.message === 'string' ? error : undefined
  } catch {
    return undefined
  }
}

/** The code of the Fault that says that no server answers. */
export const unreachableCode = 'server-unreachable'

function unreachable(server: string, error: unknown): Fault {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  return new Fault(unreachableCode, `no server answers at ${server} (${messageOf(cause)})`, {
    cause: error,
  })
}

function bodyOf(call: Call): Blob | string | null {
  if (call.body === undefined) return null
  return call.body instanceof Blob ? call.body : JSON.stringify(call.body)
}

/** The events of one answer, until it ends, breaks, or has been silent for too long. */
async function* readEvents(response: Response, clock: Clock): AsyncGenerator<StreamEvent> {
  if (response.body === null) return
  const parser = new EventStreamParser()
  const decoder = new TextDecoder()
  const reader = response.body.getReader()
  try {
    for (;;) {
      const silence = clock.after(streamSilenceMsMax, () => void reader.cancel())
      const { value, done } = await reader.read().finally(() => silence.cancel())
      if (done) return
      yield* parser.push(decoder.decode(value, { stream: true }))
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
