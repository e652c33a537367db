import type { IncomingMessage } from 'node:http'
import type { Clock } from '../base/clock.ts'
import { Refusal } from '../base/errors.ts'

/** Time for a whole JSON body to arrive, in ms: 1 MiB at a modem's speed needs less. */
const jsonBodyMs = 10_000

/** A streamed body may take as long as it likes, as long as it brings this much ... */
const streamBytesMin = 10 * 1_024

/** ... in each span of this many ms. */
const streamWindowMs = 10_000

/** How often bodies under way are looked at, in ms. */
const sweepEveryMs = 1_000

interface Reading {
  readonly isStream: boolean
  readonly onSlow: (error: Refusal) => void
  since: number
  bytesAtSince: number
}

/**
 * Ends requests whose body comes a byte a second, with 408. One timer serves all of them, and
 * none runs while no body is being read.
 */
export class BodyGuard {
  readonly #clock: Clock
  readonly #readings = new Map<IncomingMessage, Reading>()
  #isSweeping = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Starts to watch a body; `onSlow` is called at most once. */
  begin(message: IncomingMessage, isStream: boolean, onSlow: (error: Refusal) => void): void {
    const bytesAtSince = message.socket.bytesRead
    this.#readings.set(message, { isStream, onSlow, since: this.#clock.monotonic(), bytesAtSince })
    if (this.#isSweeping) return
    this.#isSweeping = true
    this.#clock.after(sweepEveryMs, () => this.#sweep())
  }

  /** The body has arrived, or nobody wants it any more. */
  end(message: IncomingMessage): void {
    this.#readings.delete(message)
  }

  #sweep(): void {
    const now = this.#clock.monotonic()
    for (const [message, reading] of this.#readings) {
      if (message.destroyed) this.#readings.delete(message)
      else if (this.#isSlow(message, reading, now)) {
        this.#readings.delete(message)
        reading.onSlow(
          new Refusal('body-too-slow', 'the body came too slowly', {
            status: 408,
            hint: 'send it again over a better connection',
          }),
        )
      }
    }
    this.#isSweeping = this.#readings.size > 0
    if (this.#isSweeping) this.#clock.after(sweepEveryMs, () => this.#sweep())
  }

  #isSlow(message: IncomingMessage, reading: Reading, now: number): boolean {
    const spanMs = now - reading.since
    if (!reading.isStream) return spanMs >= jsonBodyMs
    if (spanMs < streamWindowMs) return false
    const bytes = message.socket.bytesRead
    const isSlow = bytes - reading.bytesAtSince < streamBytesMin && !message.complete
    reading.since = now
    reading.bytesAtSince = bytes
    return isSlow
  }
}
