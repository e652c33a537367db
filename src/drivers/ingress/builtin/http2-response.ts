import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'

/** Headers of a connection, which a stream of HTTP/2 must not carry. */
const forbidden = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/**
 * The answer on a stream of HTTP/2, in the manner of Node's ServerResponse as far as the ingress uses
 * it. Node has such a class of its own, which tells `finish` of an answer that its client has broken
 * off, and keeps one only of several headers of a name.
 */
class Http2Response extends EventEmitter {
  readonly #stream: ServerHttp2Stream
  readonly #isHead: boolean
  readonly #early = new Map<string, string>()
  #hasBody = true
  #isFinished = false
  headersSent = false
  writableEnded = false

  constructor(stream: ServerHttp2Stream, isHead: boolean) {
    super()
    this.#stream = stream
    this.#isHead = isHead
    stream.on('error', () => {})
    stream.on('drain', () => this.emit('drain'))
    stream.on('finish', () => this.#onFinish())
    stream.on('close', () => {
      // A stream that ended on both sides is closed without a `finish` by Node, and without an error.
      if (this.writableEnded || (this.headersSent && !this.#hasBody)) this.#onFinish()
      this.emit('close')
    })
  }

  get destroyed(): boolean {
    return this.#stream.destroyed
  }

  /** For the head that is still to come; what that names itself comes before it. */
  setHeader(name: string, value: string): void {
    this.#early.set(name.toLowerCase(), value)
  }

  writeContinue(): void {
    if (!this.headersSent && !this.#isGone) this.#stream.additionalHeaders({ ':status': 100 })
  }

  /** The reason is HTTP/1.1's alone. */
  writeHead(status: number, second: string | Headers, third?: Headers): this {
    const headers = headersOf(typeof second === 'string' ? (third ?? []) : second)
    for (const [name, value] of this.#early) headers[name] ??= value
    this.headersSent = true
    this.#hasBody = !this.#isHead && status !== 204 && status !== 205 && status !== 304
    if (!this.#isGone) respond(this.#stream, status, headers)
    return this
  }

  flushHeaders(): void {}

  write(chunk: Buffer | string): boolean {
    if (this.#isGone || !this.#hasBody) return true
    return this.#stream.write(chunk)
  }

  end(chunk?: Buffer | string): void {
    if (this.writableEnded) return
    this.writableEnded = true
    if (chunk !== undefined) this.write(chunk)
    this.#stream.end()
  }

  /** Breaks the answer off, so that its client knows that it is not whole. */
  destroy(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }

  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }

  /** All is sent; a client that sends on is told that nobody reads it. */
  #onFinish(): void {
    if (this.#isFinished || this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR) return
    this.#isFinished = true
    this.emit('finish')
    if (!this.#stream.readableEnded) this.#stream.close(constants.NGHTTP2_NO_ERROR)
  }
}

type Headers = readonly string[] | Readonly<Record<string, string | number>>

/** The answer on a stream, for all that answers by way of a ServerResponse. */
export function http2Response(stream: ServerHttp2Stream, isHead: boolean): ServerResponse {
  return new Http2Response(stream, isHead) as unknown as ServerResponse
}

function headersOf(headers: Headers): Record<string, string | string[]> {
  const flat = isFlat(headers)
    ? headers
    : Object.entries(headers).flatMap(([name, value]) => [name, String(value)])
  const all: Record<string, string | string[]> = {}
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = (flat[index] as string).toLowerCase()
    if (forbidden.has(name)) continue
    const value = flat[index + 1] as string
    const before = all[name]
    all[name] = before === undefined ? value : [before, value].flat()
  }
  return all
}

function isFlat(headers: Headers): headers is readonly string[] {
  return Array.isArray(headers)
}

/** Node refuses to repeat headers that have one value by their nature: then the first one counts. */
function respond(
  stream: ServerHttp2Stream,
  status: number,
  headers: Record<string, string | string[]>,
): void {
  try {
    stream.respond({ ...headers, ':status': status })
  } catch {
    const single = Object.entries(headers).map(([name, value]) => {
      const isOne = name === 'set-cookie' || typeof value === 'string'
      return [name, isOne ? value : value[0]] as const
    })
    stream.respond({ ...Object.fromEntries(single), ':status': status })
  }
}
