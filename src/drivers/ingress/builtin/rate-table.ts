/** Time over which requests are averaged, in ms: a page with many pictures is no flood. */
const windowMs = 10_000

interface Rate {
  /** When the current window began, in monotonic ms. */
  beganAt: number
  /** Requests let through in it, and in the one before. */
  current: number
  before: number
}

/**
 * How many requests of each client were let through lately. Two windows are kept for each, and the one
 * before counts for as much of it as the last ten seconds still hold.
 *
 * Bounded: of more than `clientsMax` clients those that were heard longest ago are forgotten.
 */
export class RateTable {
  readonly #perWindow: number
  readonly #clientsMax: number
  /** The one heard longest ago first. */
  readonly #rates = new Map<string, Rate>()

  constructor(requestsPerSecond: number, clientsMax: number) {
    this.#perWindow = (requestsPerSecond * windowMs) / 1_000
    this.#clientsMax = clientsMax
  }

  get size(): number {
    return this.#rates.size
  }

  /** Whether a request of the client is let through at `now` (monotonic ms); only then it counts. */
  admits(client: string, now: number): boolean {
    const rate = this.#rates.get(client) ?? { beganAt: now, current: 0, before: 0 }
    this.#rates.delete(client)
    this.#rates.set(client, rate)
    this.#forget(now)
    const windows = Math.floor((now - rate.beganAt) / windowMs)
    if (windows > 0) {
      rate.before = windows === 1 ? rate.current : 0
      rate.current = 0
      rate.beganAt += windows * windowMs
    }
    const left = 1 - (now - rate.beganAt) / windowMs
    if (rate.current + rate.before * left >= this.#perWindow) return false
    rate.current++
    return true
  }

  /** Drops whoever has been silent for both windows, and whoever is too many. */
  #forget(now: number): void {
    for (const [client, { beganAt }] of this.#rates) {
      const isOver = this.#rates.size > this.#clientsMax || now - beganAt > 2 * windowMs
      if (!isOver || this.#rates.size === 1) return
      this.#rates.delete(client)
    }
  }
}
