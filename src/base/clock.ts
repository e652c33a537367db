/**
 * Time comes in through this interface and nowhere else, so that a simulator can own it.
 *
 * Wall time is for people and records; monotonic time is for durations. Never subtract wall times
 * to learn how long something took.
 */
export interface Clock {
  /** Milliseconds since 1970 (UTC), for people and records; it may jump. */
  now(): number
  /** Milliseconds since an arbitrary start, for durations; it never goes back. */
  monotonic(): number
  /** Resolves after `ms`, or rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls back once after `ms`; the timer does not keep the process alive. */
  after(ms: number, callback: () => void): Timer
}

export interface Timer {
  cancel(): void
}

/** The longest delay that a timer can hold: 2^31 - 1 ms; longer ones are cut to it. */
const delayMsMax = 2_147_483_647

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = (): void => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
        Math.min(Math.max(0, ms), delayMsMax),
      )
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  },
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, ms), delayMsMax))
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
