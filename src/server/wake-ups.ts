import type { Clock } from '../base/clock.ts'

/** Long polls that wait for the same thing. */
export class WakeUps {
  readonly #clock: Clock
  #waiting = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Resolves at the next wake-up or after `ms`; rejects with the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const end = (): void => {
        this.#waiting.delete(end)
        timer.cancel()
        signal.removeEventListener('abort', abort)
        resolve()
      }
      const abort = (): void => {
        this.#waiting.delete(end)
        timer.cancel()
        reject(signal.reason)
      }
      const timer = this.#clock.after(ms, end)
      signal.addEventListener('abort', abort, { once: true })
      this.#waiting.add(end)
    })
  }

  wakeAll(): void {
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const wake of waiting) wake()
  }
}

/** Asks `look` until it has an answer, `waitMs` have passed, or the signal aborts. */
export async function pollUntil<T>(
  look: () => T | undefined,
  options: {
    readonly wakeUps: WakeUps
    readonly clock: Clock
    readonly waitMs: number
    readonly signal: AbortSignal
  },
): Promise<T | undefined> {
  const { wakeUps, clock, waitMs, signal } = options
  const deadline = clock.monotonic() + waitMs
  for (;;) {
    const answer = look()
    if (answer !== undefined) return answer
    const leftMs = deadline - clock.monotonic()
    if (leftMs <= 0) return undefined
    await wakeUps.wait(leftMs, signal)
  }
}
