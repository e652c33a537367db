import type { Clock, Timer } from '../../../base/clock.ts'
import { limits } from './limits.ts'

/** A request that waits for an instance. */
export interface Held {
  /** Tries again; `isProbe`: also with instances that refused a moment ago. */
  release(isProbe: boolean): void
  /** Its time is up. */
  expire(): void
  /** Monotonic ms at which its time is up. */
  readonly holdUntil: number
}

/** What the queue asks of its pool. */
interface Waited {
  readonly isEmpty: boolean
  isUsable(): boolean
}

/**
 * Requests that wait out a momentary gap: the only instance was killed, or the table is between two
 * states. Nothing of them was sent yet, so any method may wait. Bounded by `limits.heldMax`.
 *
 * While every instance refuses, one request at a time probes; as soon as one gets through, all go.
 */
export class HoldQueue {
  readonly #pool: Waited
  readonly #clock: Clock
  readonly #waiting = new Set<Held>()
  #timer: Timer | undefined

  constructor(pool: Waited, clock: Clock) {
    this.#pool = pool
    this.#clock = clock
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  /** Takes a request in; false when the queue is full or the request's time is up. */
  offer(held: Held): boolean {
    if (this.#waiting.size >= limits.heldMax) return false
    if (held.holdUntil <= this.#clock.monotonic()) return false
    this.#waiting.add(held)
    this.#schedule()
    return true
  }

  remove(held: Held): void {
    this.#waiting.delete(held)
  }

  /** Lets all go; those that find nothing come back with the time they have left. */
  releaseAll(): void {
    const released = [...this.#waiting]
    this.#waiting.clear()
    for (const held of released) held.release(false)
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.isEmpty) return
    this.#timer = this.#clock.after(limits.probeEveryMs, () => {
      this.#timer = undefined
      this.#tick()
      this.#schedule()
    })
  }

  #tick(): void {
    const now = this.#clock.monotonic()
    for (const held of this.#waiting) {
      if (held.holdUntil > now) continue
      this.#waiting.delete(held)
      held.expire()
    }
    if (this.#pool.isEmpty) return
    if (this.#pool.isUsable()) return this.releaseAll()
    for (const probe of this.#waiting) {
      this.#waiting.delete(probe)
      probe.release(true)
      return
    }
  }
}
