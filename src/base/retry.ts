import type { Clock } from './clock.ts'
import { Fault, Refusal, Bug } from './errors.ts'
import type { Random } from './random.ts'

/** How waits grow: the first, the longest, and the factor between two. */
export interface Backoff {
  readonly firstMs: number
  readonly maxMs: number
  readonly factor: number
}

/** For calls to another role on the same machine or network: quick at first, 5 s at most. */
export const callBackoff: Backoff = { firstMs: 100, maxMs: 5_000, factor: 2 }

/**
 * The wait before attempt `attempt` (1 is the first repetition), with full jitter over its upper
 * half, so that 600 agents do not come back in step (rule 11 of docs/reference/rules.md).
 */
export function backoffMs(backoff: Backoff, attempt: number, random: Random): number {
  const bare = Math.min(backoff.maxMs, backoff.firstMs * backoff.factor ** (attempt - 1))
  return bare / 2 + (bare / 2) * random.float()
}

export interface RetryOptions {
  readonly clock: Clock
  readonly random: Random
  readonly backoff?: Backoff
  readonly signal?: AbortSignal
  /** Called before each wait, to log it. */
  readonly onRetry?: (error: unknown, attempt: number, waitMs: number) => void
}

/** Repeats `operation` until it succeeds, is refused, hits a Bug, or the signal aborts. */
export async function retry<T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation()
    } catch (error) {
      if (isFinal(error) || options.signal?.aborted) throw error
      const waitMs = backoffMs(options.backoff ?? callBackoff, attempt, options.random)
      options.onRetry?.(error, attempt, waitMs)
      await options.clock.sleep(waitMs, options.signal)
    }
  }
}

function isFinal(error: unknown): boolean {
  if (error instanceof Refusal || error instanceof Bug) return true
  return error instanceof Fault && error.retry === 'never'
}
