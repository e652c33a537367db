/**
 * The few exact and asymptotic distributions that comparing two groups of requests needs. They are
 * written out here because the libraries that have them bring tables of two digits, no types, or
 * dozens of packages for these sixty lines; the tests hold them against published values.
 */

/** The chance that a standard normal variable exceeds `z`; relative error below 2e-7 everywhere. */
export function normalTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2
  const t = 1 / (1 + x / 2)
  const series = chebyshev.reduceRight((sum, coefficient) => sum * t + coefficient, 0)
  const tail = (t * Math.exp(-x * x + series)) / 2
  return z >= 0 ? tail : 1 - tail
}

/** Coefficients of erfc(x) = t exp(-x² + Σ cᵢ tⁱ), t = 1 / (1 + x/2) (Press et al., 6.2). */
const chebyshev = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
  -0.82215223, 0.17087277,
]

/** The largest z that is asked for: tails beyond it are below 1e-22. */
export const zMax = 10

/** The z that a standard normal variable exceeds with chance `tail` (above 0, up to a half). */
export function zOfTail(tail: number): number {
  return largest((z) => normalTail(z) >= tail, zMax)
}

/** The largest x in 0..`max` at which `holds` is true; it is true below and false above it. */
export function largest(holds: (x: number) => boolean, max: number): number {
  if (holds(max)) return max
  let low = 0
  let high = max
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (holds(middle)) low = middle
    else high = middle
  }
  return low
}

/** `events` of `trials`. */
export interface Share {
  readonly events: number
  readonly trials: number
}

/** Wilson's interval for the share behind `events` of `trials`; `trials` 0 says nothing: 0 to 1. */
export function wilson({ events, trials }: Share, z: number): { low: number; high: number } {
  if (trials === 0) return { low: 0, high: 1 }
  const share = events / trials
  const weight = (z * z) / trials
  const centre = share + weight / 2
  const spread = z * Math.sqrt((share * (1 - share)) / trials + weight / (4 * trials))
  const scale = 1 + weight
  return {
    low: Math.max(0, (centre - spread) / scale),
    high: Math.min(1, (centre + spread) / scale),
  }
}

/**
 * Fisher's exact test, one-sided: the chance that `a` has as many events as it has, or more, if
 * both groups had the same share and the events fell on their trials at random.
 */
export function fisherTail(a: Share, b: Share): number {
  const events = a.events + b.events
  const trials = a.trials + b.trials
  const most = Math.min(events, a.trials)
  let term = Math.exp(
    logChoose(a.trials, a.events) + logChoose(b.trials, b.events) - logChoose(trials, events),
  )
  let sum = term
  for (let k = a.events; k < most; k++) {
    term *= ((a.trials - k) * (events - k)) / ((k + 1) * (b.trials - events + k + 1))
    sum += term
    // Terms rise to the mode and then fall ever faster: what follows so small a one adds nothing.
    if (term < sum * 1e-14) break
  }
  return Math.min(1, sum)
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k)
}

/** Stirling's series; below 10 the product itself. */
function logFactorial(n: number): number {
  if (n < 10) {
    let product = 1
    for (let factor = 2; factor <= n; factor++) product *= factor
    return Math.log(product)
  }
  const cube = n * n * n
  return (n + 0.5) * Math.log(n) - n + Math.log(2 * Math.PI) / 2 + 1 / (12 * n) - 1 / (360 * cube)
}
