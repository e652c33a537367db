/**
 * A histogram of durations in geometric buckets, so that two can be added, or one subtracted from
 * a later one of the same series, and so that it crosses the wire as plain numbers.
 */

/** The upper bound of the first bucket, in ms; anything quicker counts as this quick. */
const firstMs = 0.2
/** Each bucket ends 15 % above the one before: a percentile is right to within 15 %. */
const growth = 1.15
/** 96 buckets reach 0.2 ms x 1.15^95 = 117 s; anything slower falls into the last. */
export const bucketCount = 96

const logGrowth = Math.log(growth)

/** Counts per bucket, `bucketCount` long; cumulative over the life of its series. */
export type Histogram = number[]

const zeros: readonly number[] = Array.from<number>({ length: bucketCount }).fill(0)

export function emptyHistogram(): Histogram {
  return zeros.slice()
}

/** Adds one duration, in ms. */
export function record(histogram: Histogram, durationMs: number): void {
  const bucket = bucketOf(durationMs)
  histogram[bucket] = (histogram[bucket] ?? 0) + 1
}

/** Adds `other` onto `histogram` in place. */
export function addHistogram(histogram: Histogram, other: readonly number[]): void {
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    histogram[bucket] = (histogram[bucket] ?? 0) + (other[bucket] ?? 0)
  }
}

/** What came into a series between `earlier` and `later`; never below zero. */
export function subtractHistogram(later: readonly number[], earlier: readonly number[]): Histogram {
  const between = emptyHistogram()
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    between[bucket] = Math.max(0, (later[bucket] ?? 0) - (earlier[bucket] ?? 0))
  }
  return between
}

/** The duration in ms that a share `quantile` (0 to 1) stays under; null of an empty histogram. */
export function percentile(histogram: readonly number[], quantile: number): number | null {
  let total = 0
  for (const count of histogram) total += count
  if (total === 0) return null
  const wanted = quantile * total
  let seen = 0
  for (let bucket = 0; bucket < histogram.length; bucket++) {
    const count = histogram[bucket] ?? 0
    if (count > 0 && seen + count >= wanted) {
      const lower = bucket === 0 ? 0 : upperBoundMs(bucket - 1)
      return lower + ((wanted - seen) / count) * (upperBoundMs(bucket) - lower)
    }
    seen += count
  }
  return upperBoundMs(bucketCount - 1)
}

function bucketOf(durationMs: number): number {
  if (!(durationMs > firstMs)) return 0
  const bucket = Math.ceil(Math.log(durationMs / firstMs) / logGrowth)
  return Math.min(bucketCount - 1, bucket)
}

/** The longest duration, in ms, that a bucket counts. */
export function upperBoundMs(bucket: number): number {
  return firstMs * growth ** bucket
}
