import { percentile } from '../../base/histogram.ts'
import { percentText } from '../../base/words.ts'
import { fisherTail, largest, normalTail, wilson, zMax, zOfTail } from '../../base/normal.ts'
import type { JudgeCriterion, JudgeFinding, JudgeReport, JudgeVerdict } from './judge-model.ts'

/**
 * The judge: whether a canary keeps the limits of its judge step, against a baseline of the same
 * age and size. How it decides, and with what error, stands in docs/reference/judge.md.
 *
 * A criterion is one measured difference with its confidence bounds. The bounds of two groups are
 * combined by Newcombe's square-and-add: of shares from Wilson's intervals, of percentiles (as
 * logarithms) from the order statistics, which assume nothing about how latencies are distributed.
 */

/** What a group's instances counted since the judging began, added up. */
export interface GroupCounts {
  readonly answered: number
  /** Answers of 500 and above. */
  readonly appErrors: number
  /** Requests that broke or got no answer at an instance of the group; not in `answered`. */
  readonly failed: number
  /** base/histogram.ts. */
  readonly latency: readonly number[]
}

/** By how much the canary may be worse: errors as a share, the others as a rise (0.2: +20 %). */
export type JudgeLimits = Readonly<Partial<Record<JudgeCriterion, number>>>

/** How often `judgeEarly` may be asked in one judging: its share of the error is cut so. */
export const earlyLooksMax = 10

/** Stated error of a wrong `fail`, 5 % in all: 4 % at the ends, 0.1 % at each early look. */
const failLevels = { ends: 0.04, early: 0.01 / earlyLooksMax }
/** Stated error of a wrong `pass`; asked for at the ends only. */
const passLevel = 0.05
/** Requests per group below which nothing passes. */
const leastRequests = 50
/** Of a difference like the one seen, `moreRequests` shows four in five. */
const zOfPower = zOfTail(0.2)
/** No judging is told to wait for more than this. */
const moreRequestsMax = 1_000_000
/**
 * Latencies are counted in buckets 15 % wide: a smaller rise may be a step over a bucket's edge,
 * so that it is no ground to fail.
 */
const leastProvenRise = 0.15

const quantiles = { p50: 0.5, p95: 0.95, p99: 0.99 } as const
const criteria: readonly JudgeCriterion[] = ['errors', 'p50', 'p95', 'p99']

/** What else decides the same judging: all of it together keeps to the stated error. */
export interface JudgeAmid {
  /** Services that are compared, any of which alone fails the canary; 1 where it is not said. */
  readonly services?: number
  /** Ends before this one, each of which was inconclusive; 0 where it is not said. */
  readonly earlierEnds?: number
}

/** The verdict at the end of the judge step's `for`, or at a later end where that could not tell. */
export function judge(
  canary: GroupCounts,
  baseline: GroupCounts,
  limits: JudgeLimits,
  { services = 1, earlierEnds = 0 }: JudgeAmid = {},
): JudgeReport {
  const share = shareOfEnd(earlierEnds)
  return reportOf({
    canary,
    baseline,
    limits,
    services,
    failLevel: failLevels.ends * share,
    passLevel: passLevel * share,
    nextShare: shareOfEnd(earlierEnds + 1),
  })
}

/**
 * A look before the end, at most `earlyLooksMax` times: `fail` when the canary is worse beyond
 * doubt (99.9 %), otherwise `inconclusive`, which means: go on.
 */
export function judgeEarly(
  canary: GroupCounts,
  baseline: GroupCounts,
  limits: JudgeLimits,
  { services = 1 }: JudgeAmid = {},
): JudgeReport {
  const failLevel = failLevels.early
  const nextShare = shareOfEnd(0)
  return reportOf({ canary, baseline, limits, services, failLevel, passLevel: 0, nextShare })
}

/**
 * The share of the ends' error that one of them may use: most of it the first, which is seldom
 * followed by another, and each later one half of what is left, so that no number of ends adds up
 * to more than all of it.
 */
function shareOfEnd(earlierEnds: number): number {
  return earlierEnds === 0 ? 0.75 : 0.25 * 0.5 ** earlierEnds
}

interface Look {
  readonly canary: GroupCounts
  readonly baseline: GroupCounts
  readonly limits: JudgeLimits
  readonly services: number
  readonly failLevel: number
  /** 0: nothing may pass. */
  readonly passLevel: number
  /** Of the end for which more requests would be waited. */
  readonly nextShare: number
}

function reportOf(look: Look): JudgeReport {
  const asked = criteria.filter((criterion) => look.limits[criterion] !== undefined)
  // Any one alone fails the canary, so that they share the error; to pass it takes them all.
  const sharing = Math.max(1, asked.length * look.services)
  const findings = asked.map((criterion) => findingOf(criterion, look, sharing))
  const requests = { canary: requestsOf(look.canary), baseline: requestsOf(look.baseline) }
  const verdict = verdictOf(findings)
  return { verdict, because: sentence(verdict, findings, requests), requests, findings }
}

function verdictOf(findings: readonly JudgeFinding[]): JudgeVerdict {
  if (findings.some((finding) => finding.verdict === 'fail')) return 'fail'
  const isPassed = findings.length > 0 && findings.every(({ verdict }) => verdict === 'pass')
  return isPassed ? 'pass' : 'inconclusive'
}

/** A difference that was measured, with how surely it lies on which side of its limit. */
interface Measured {
  readonly canary: number | null
  readonly baseline: number | null
  /** Above this it fails, if surely; below `limit` it passes, if surely. */
  readonly failsAbove: number
  readonly passesBelow: number
  /** Confidence bounds of the difference at `z`, were both groups `times` as large. */
  readonly bounds: (z: number, times: number) => { low: number; high: number }
  /** An exact test that must agree before it fails: its p-value. */
  readonly exactTail: number
  /** What it takes at least to say anything, in requests per group. */
  readonly least: number
}

function findingOf(criterion: JudgeCriterion, look: Look, sharing: number): JudgeFinding {
  const limit = look.limits[criterion] ?? 0
  const measured =
    criterion === 'errors'
      ? errorsMeasured(look, limit)
      : latencyMeasured(look, limit, quantiles[criterion])
  const { bounds, failsAbove, passesBelow, exactTail } = measured
  const overTail = normalTail(largest((z) => bounds(z, 1).low > failsAbove, zMax))
  const overP = Math.max(overTail, overTail < 0.5 ? exactTail : 0)
  const withinP = normalTail(largest((z) => bounds(z, 1).high < passesBelow, zMax))
  const least = Math.min(requestsOf(look.canary), requestsOf(look.baseline))
  const isPassed = least >= leastRequests && withinP < look.passLevel
  const verdict = overP < look.failLevel / sharing ? 'fail' : isPassed ? 'pass' : null
  const pValue = Math.min(overP, withinP)
  return {
    criterion,
    canary: measured.canary,
    baseline: measured.baseline,
    limit,
    pValue,
    confidence: 1 - pValue,
    verdict: verdict ?? 'inconclusive',
    moreRequests: verdict === null ? moreRequests(measured, look, sharing) : null,
  }
}

function requestsOf({ answered, failed }: GroupCounts): number {
  return answered + failed
}

/** A request that broke at an instance counts like an answer of 500: the caller got neither. */
function errorsMeasured({ canary, baseline }: Look, limit: number): Measured {
  const one = { events: canary.appErrors + canary.failed, trials: requestsOf(canary) }
  const other = { events: baseline.appErrors + baseline.failed, trials: requestsOf(baseline) }
  const share = ({ events, trials }: typeof one): number => (trials === 0 ? 0 : events / trials)
  const scaled = ({ events, trials }: typeof one, times: number): typeof one => {
    return { events: events * times, trials: Math.max(1, trials) * times }
  }
  return {
    canary: one.trials === 0 ? null : share(one),
    baseline: other.trials === 0 ? null : share(other),
    failsAbove: limit,
    passesBelow: limit,
    bounds: (z, times) =>
      squareAndAdd(
        { value: share(one), ...wilson(scaled(one, times), z) },
        { value: share(other), ...wilson(scaled(other, times), z) },
      ),
    exactTail: fisherTail(one, other),
    least: leastRequests,
  }
}

function latencyMeasured({ canary, baseline }: Look, rise: number, quantile: number): Measured {
  const ofGroup = (group: GroupCounts, z: number, times: number): Estimate =>
    logQuantile(group.latency, quantile, z, times)
  return {
    canary: percentile(canary.latency, quantile),
    baseline: percentile(baseline.latency, quantile),
    failsAbove: Math.log(1 + Math.max(rise, leastProvenRise)),
    passesBelow: Math.log(1 + rise),
    bounds: (z, times) => squareAndAdd(ofGroup(canary, z, times), ofGroup(baseline, z, times)),
    exactTail: 0,
    least: Math.max(leastRequests, requestsForQuantile(quantile)),
  }
}

interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** Newcombe's hybrid bounds of `a - b`. */
function squareAndAdd(a: Estimate, b: Estimate): { low: number; high: number } {
  const difference = a.value - b.value
  return {
    low: difference - Math.hypot(a.value - a.low, b.high - b.value),
    high: difference + Math.hypot(a.high - a.value, b.value - b.low),
  }
}

/** The logarithm of a quantile with its bounds; without bound where the sample has no such rank. */
function logQuantile(
  histogram: readonly number[],
  quantile: number,
  z: number,
  times: number,
): Estimate {
  let total = 0
  for (const count of histogram) total += count
  if (total === 0) return { value: 0, low: -Infinity, high: Infinity }
  const samples = total * times
  const spread = z * Math.sqrt((quantile * (1 - quantile)) / samples) + 0.5 / samples
  const at = (share: number): number => Math.log(percentile(histogram, share) ?? 0)
  return {
    value: at(quantile),
    low: quantile - spread <= 0 ? -Infinity : at(quantile - spread),
    high: quantile + spread >= 1 ? Infinity : at(quantile + spread),
  }
}

/** From so many requests on a quantile has an upper bound at the level that passes. */
function requestsForQuantile(quantile: number): number {
  const z = zOfTail(passLevel) + zOfPower
  return Math.ceil((z * z * quantile + 1) / (1 - quantile))
}

/** How many more requests per group would decide, were the two to go on as they did. */
function moreRequests(
  { bounds, failsAbove, passesBelow, least }: Measured,
  look: Look,
  sharing: number,
): number {
  const seen = Math.max(requestsOf(look.canary), requestsOf(look.baseline))
  const fewer = Math.min(requestsOf(look.canary), requestsOf(look.baseline))
  const toFail = zOfTail((failLevels.ends * look.nextShare) / sharing) + zOfPower
  const toPass = zOfTail(passLevel * look.nextShare) + zOfPower
  const base = Math.max(1, seen)
  const isOpen = (times: number): boolean =>
    bounds(toFail, times).low <= failsAbove && bounds(toPass, times).high >= passesBelow
  const times = fewer === 0 && least > leastRequests ? 1 : largest(isOpen, moreRequestsMax / base)
  if (times * base >= moreRequestsMax) return moreRequestsMax
  return Math.max(Math.ceil(times * base) - seen, least - fewer, 1)
}

function sentence(
  verdict: JudgeVerdict,
  findings: readonly JudgeFinding[],
  requests: JudgeReport['requests'],
): string {
  if (requests.canary === 0 && requests.baseline === 0) return 'no request reached either group'
  if (requests.canary === 0) return 'no request reached the canary'
  if (requests.baseline === 0) return 'no request reached the baseline'
  const told = `after ${requests.canary} requests to the canary and ${requests.baseline} to the baseline`
  if (verdict === 'pass') return `the canary keeps every limit, ${told}`
  const shown = findings.filter((finding) => finding.verdict === verdict)
  if (verdict === 'fail') return `${shown.map(failure).join('; ')}, ${told}`
  const more = Math.max(0, ...shown.map((finding) => finding.moreRequests ?? 0))
  const names = shown.map(({ criterion }) => criterion).join(', ')
  const least = more >= moreRequestsMax ? 'more than a million' : `about ${more}`
  return `too close to call (${names}) ${told}: ${least} more per group would decide`
}

function failure({ criterion, canary, baseline, limit, confidence }: JudgeFinding): string {
  const show = (value: number | null): string =>
    criterion === 'errors' ? percentText(value ?? 0) : `${(value ?? 0).toFixed(1)} ms`
  const sure = percentText(Math.min(0.9999, confidence))
  return (
    `${criterion} ${show(canary)} against ${show(baseline)} is over +${percentText(limit)} ` +
    `(${sure} sure)`
  )
}
