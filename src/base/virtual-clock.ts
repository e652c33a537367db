import type { Clock, Timer } from './clock.ts'

interface Pending {
  readonly at: number
  readonly order: number
  readonly callback: () => void
}

/**
 * A clock that moves only when told to, for tests and simulation.
 *
 * Timers fire in order of their time, then of their making, each seeing its own instant.
 */
export class VirtualClock implements Clock {
  #monotonic = 0
  #wallOffset: number
  #order = 0
  readonly #pending = new Set<Pending>()

  constructor(wallStart: number = Date.UTC(2026, 0, 1)) {
    this.#wallOffset = wallStart
  }

  now(): number {
    return this.#wallOffset + this.#monotonic
  }

  monotonic(): number {
    return this.#monotonic
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const timer = this.after(ms, () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      })
      const onAbort = (): void => {
        timer.cancel()
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  after(ms: number, callback: () => void): Timer {
    const pending = { at: this.#monotonic + Math.max(0, ms), order: this.#order++, callback }
    this.#pending.add(pending)
    return { cancel: () => this.#pending.delete(pending) }
  }

  /** Moves time on by `ms`, firing what falls due and letting promises settle between. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms
    await settle()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#pending.delete(next)
      this.#monotonic = next.at
      next.callback()
      await settle()
    }
    this.#monotonic = end
  }

  /** Makes the wall clock jump, as an operator or NTP might; monotonic time does not notice. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms
  }

  #next(end: number): Pending | undefined {
    let first: Pending | undefined
    for (const pending of this.#pending) {
      if (pending.at > end) continue
      if (
        first === undefined ||
        pending.at < first.at ||
        (pending.at === first.at && pending.order < first.order)
      ) {
        first = pending
      }
    }
    return first
  }
}

/** Lets chains of promises settle: a turn of the loop, without passing time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}
