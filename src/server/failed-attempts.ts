import { nothingLost, type Bound } from '../base/bounds.ts'
import type { Clock } from '../base/clock.ts'
import { Refusal } from '../base/errors.ts'

/** Wrong credentials from one address before it gets 429: a person's typing errors, many times. */
const attemptsMax = 30

/** The span over which they are counted, in ms. */
const windowMs = 60_000

/** Addresses remembered at once; the oldest is forgotten first. */
const addressesMax = 10_000

/** Counts wrong credentials by address. */
export class FailedAttempts {
  readonly #clock: Clock
  readonly #counts = new Map<string, { count: number; since: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  bounds(): Bound[] {
    return [
      {
        name: 'server.addresses-with-failed-logins',
        says: 'addresses whose wrong credentials are counted; the oldest is forgotten first',
        unit: 'items',
        overflow: 'drops-oldest',
        limit: addressesMax,
        used: () => this.#counts.size,
        lost: nothingLost,
      },
    ]
  }

  /** Counts one, and throws a Refusal `too-many-attempts` (429) when it is one too many. */
  count(address: string): void {
    const now = this.#clock.monotonic()
    const known = this.#counts.get(address)
    if (known === undefined || now - known.since >= windowMs) {
      this.#counts.delete(address)
      this.#counts.set(address, { count: 1, since: now })
      this.#forgetOldest()
      return
    }
    known.count++
    if (known.count <= attemptsMax) return
    throw new Refusal('too-many-attempts', 'too many wrong credentials from this address', {
      status: 429,
      details: { retryAfterMs: known.since + windowMs - now },
    })
  }

  #forgetOldest(): void {
    if (this.#counts.size <= addressesMax) return
    const [oldest] = this.#counts.keys()
    if (oldest !== undefined) this.#counts.delete(oldest)
  }
}
