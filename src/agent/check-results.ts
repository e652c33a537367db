/** The answer to one health check. */
export interface CheckResult {
  /** Monotonic ms at which it was asked: what orders results, since a late time-out proves nothing new. */
  readonly askedAt: number
  readonly ok: boolean
  readonly because: string
}

/** Results that are kept of one run; `passes` and `fails` above it count as this many. */
export const checkResultsMax = 100

/** Adds a result, in the order of asking, and drops the oldest beyond the bound. */
export function withResult(
  results: readonly CheckResult[],
  result: CheckResult,
): readonly CheckResult[] {
  const later = results.findLastIndex((earlier) => earlier.askedAt <= result.askedAt) + 1
  return results.toSpliced(later, 0, result).slice(-checkResultsMax)
}

/** How many of the newest results agree; undefined without any. */
export interface Streak {
  readonly ok: boolean
  readonly length: number
  /** What the newest said. */
  readonly because: string
}

/** The newest results that agree. */
export function streakOf(results: readonly CheckResult[]): Streak | undefined {
  const newest = results.at(-1)
  if (newest === undefined) return undefined
  const differs = results.findLastIndex((result) => result.ok !== newest.ok)
  return { ok: newest.ok, length: results.length - differs - 1, because: newest.because }
}
