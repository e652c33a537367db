import type { Clock, Timer } from './clock.ts'
import { TimerHeap } from './timer-heap.ts'

/**
 * A clock that moves only when told to, for tests.
 *
 * Timers fire in order of their time, then of their making, each seeing its own instant.
 */
export class VirtualClock implements Clock {
  #monotonic = 0
  #wallOffset: number
  readonly #timers = new TimerHeap()

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
    return sleepBy(this, ms, signal)
  }

  after(ms: number, callback: () => void): Timer {
    return this.#timers.add(this.#monotonic + Math.max(0, ms), callback)
  }

  /** Moves time on by `ms`, firing what falls due and letting promises settle between. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms
    await settle()
    for (let due = this.#timers.takeUntil(end); due; due = this.#timers.takeUntil(end)) {
      this.#monotonic = due.at
      due.callback()
      await settle()
    }
    this.#monotonic = end
  }

  /** Makes the wall clock jump, as an operator or NTP might; monotonic time does not notice. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms
  }
}

/** `Clock.sleep` for a clock that has `after`. */
export function sleepBy(
  clock: Pick<Clock, 'after'>,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal === undefined) {
      clock.after(ms, resolve)
      return
    }
    if (signal.aborted) return reject(signal.reason)
    const timer = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    const onAbort = (): void => {
      timer.cancel()
      reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** Lets every chain of promises run to its end: a turn of the event loop, without passing time. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
