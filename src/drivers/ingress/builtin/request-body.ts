import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Clock } from '../../../base/clock.ts'
import { limits } from './limits.ts'

/**
 * The body of a request on its way to an instance.
 *
 * A small one of known length is read whole first, so that it can be sent to another instance
 * again. Any other is streamed with back-pressure; until its first byte is read it can move too.
 */
export class RequestBody {
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #clock: Clock
  readonly #kind: 'none' | 'small' | 'stream'
  readonly #expectsContinue: boolean
  #kept: Buffer | null = null
  #hasBegun = false
  #attach: (() => void) | undefined
  #lastByteAt = 0
  #bytes = 0
  readonly #bytesMax: number
  readonly #onTooLarge: () => void

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    clock: Clock,
    bound: { readonly bytesMax: number; readonly onTooLarge: () => void },
  ) {
    this.#bytesMax = bound.bytesMax
    this.#onTooLarge = bound.onTooLarge
    this.#req = req
    this.#res = res
    this.#clock = clock
    this.#expectsContinue = req.headers.expect !== undefined
    this.#kind = kindOf(req)
    if (this.#kind === 'none') return
    // A client that breaks off is heard of through the response; an unheard error would end us.
    req.on('error', () => {})
  }

  /** Whether it can be sent to another instance. */
  get isReplayable(): boolean {
    return this.#kind !== 'stream' || !this.#hasBegun
  }

  /** Whether the client has sent all of it. */
  get isComplete(): boolean {
    return this.#kind === 'none' || this.#req.complete
  }

  /** Calls back once when an attempt can begin: at once, or when a small body is here. */
  whenReady(callback: () => void): void {
    if (this.#kind !== 'small') return callback()
    this.begin()
    const chunks: Buffer[] = []
    this.#req.on('data', (chunk: Buffer) => {
      this.#lastByteAt = this.#clock.monotonic()
      chunks.push(chunk)
    })
    this.#req.once('end', () => {
      this.#kept = chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks)
      callback()
    })
  }

  /** What one attempt sends. */
  forAttempt(): Buffer | Readable | null {
    return this.#kind === 'stream' ? this.#stream() : this.#kept
  }

  /** The client owes bytes, is being listened to, and has sent none for too long. */
  isStalled(now: number): boolean {
    if (!this.#hasBegun || this.isComplete || this.#req.isPaused()) return false
    return now - this.#lastByteAt > limits.bodySilenceMsMax
  }

  /** The attempt is about to send: from here on a streamed body is read, and cannot move. */
  begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    this.#lastByteAt = this.#clock.monotonic()
    if (this.#expectsContinue && !this.#res.headersSent) this.#res.writeContinue()
    this.#attach?.()
  }

  /** A stream over the request that takes nothing from it before `begin`, whoever looks into it. */
  #stream(): Readable {
    const req = this.#req
    const onData = (chunk: Buffer): void => {
      this.#lastByteAt = this.#clock.monotonic()
      this.#bytes += chunk.length
      if (this.#bytes > this.#bytesMax) return this.#onTooLarge()
      if (!stream.push(chunk)) req.pause()
    }
    const onEnd = (): void => void stream.push(null)
    const stream = new Readable({
      highWaterMark: limits.replayBytesMax,
      read: () => {
        if (!this.#hasBegun) return
        this.#lastByteAt = this.#clock.monotonic()
        req.resume()
      },
      destroy: (error, callback) => {
        req.off('data', onData).off('end', onEnd)
        callback(error)
      },
    })
    this.#attach = () => void req.on('data', onData).once('end', onEnd)
    // Breaking off is the attempt's matter: it hears of it through its own failure.
    stream.on('error', () => {})
    return stream
  }
}

function kindOf(req: IncomingMessage): 'none' | 'small' | 'stream' {
  if (req.headers['transfer-encoding'] !== undefined) return 'stream'
  const length = Number(req.headers['content-length'] ?? 0)
  if (length === 0) return 'none'
  return length <= limits.replayBytesMax ? 'small' : 'stream'
}
