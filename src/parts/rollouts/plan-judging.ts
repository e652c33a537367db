import { Bug } from '../../base/errors.ts'
import { upperBoundMs } from '../../base/histogram.ts'
import type { ReleaseStep } from '../apps/model.ts'
import { failedOf } from '../ingress/model.ts'
import type { JudgeLatency, JudgeReport } from './judge-model.ts'
import type { Judging } from './model.ts'
import { earlyLooksMax, judge, judgeEarly, type GroupCounts } from './plan-judge.ts'
import { addCounters, countersSince, zeroCounters, type CountedSince } from './plan-ledger.ts'
import type { ServiceSeen } from './plan-targets.ts'
import type { Judged, StepProgress, StepsView } from './plan-progress.ts'

/** When the judge looks, and what follows from what it finds. */

type JudgeStep = Extract<ReleaseStep, { kind: 'judge' }>

/**
 * Compares until the time is over, and looks a few times before for what cannot wait. While it
 * cannot tell, it holds and says what it needs: after twice the time it looks again, and so on,
 * since each look has its own chance to be wrong.
 */
export function judgeProgress(
  view: StepsView,
  step: JudgeStep | undefined,
  now: number,
): StepProgress {
  const { judging, proceed } = view.rollout
  if (step === undefined || !view.services.some(isCompared)) return { outcome: 'done' }
  const everyMs = Math.ceil(step.forMs / (earlyLooksMax + 1))
  if (judging === undefined) {
    const endsAt = now + step.forMs
    const begun = { startedAt: now, endsAt, lookAt: now + everyMs, report: null }
    return holds('the comparison to begin', { begun })
  }
  if (proceed !== undefined) return { outcome: 'done' }
  if (now < judging.lookAt) {
    const { report } = judging
    const isHeld = report !== null && judging.endsAt - judging.startedAt > step.forMs
    return { ...holds(isHeld ? heldBy(report) : wordsFor(step), {}), wakeAt: judging.lookAt }
  }
  const isAtEnd = now >= judging.endsAt
  const ends = isAtEnd ? earlierEnds(judging, step) : undefined
  const report = reportOf(comparedGroups(view, judging), step, ends)
  if (report.verdict === 'fail') return { outcome: 'failed', because: report.because, report }
  if (!isAtEnd) {
    const lookAt = Math.min(judging.endsAt, now + everyMs)
    return holds(wordsFor(step), { looked: { report, lookAt } })
  }
  if (report.verdict === 'pass') return { outcome: 'done', report }
  const endsAt = now + (now - judging.startedAt)
  return holds(heldBy(report), { looked: { report, lookAt: endsAt, endsAt } })
}

/** Each end that could not tell doubled the time. */
function earlierEnds({ startedAt, endsAt }: Judging, { forMs }: JudgeStep): number {
  return Math.max(0, Math.round(Math.log2((endsAt - startedAt) / forMs)))
}

function wordsFor({ forMs }: JudgeStep): string {
  return `${forMs / 1_000} s of comparison`
}

function heldBy({ because }: JudgeReport): string {
  return `a verdict: ${because}; \`roadstead rollouts proceed\` lets it go on`
}

function holds(waitsFor: string, judged: Judged): Extract<StepProgress, { outcome: 'waits' }> {
  return { outcome: 'waits', waitsFor, judged, isPatient: true }
}

/**
 * One report of all services: the first that fails decides, then the first that says nothing.
 * `ends`: how many ends came before this one; undefined: it is none.
 * Services that customers never reached meanwhile are left out, unless nobody reached any.
 */
function reportOf(
  groups: readonly ComparedGroups[],
  step: JudgeStep,
  ends: number | undefined,
): JudgeReport {
  const look = ends === undefined ? judgeEarly : judge
  const reached = groups.filter(({ canary, baseline }) => sizeOf(canary) + sizeOf(baseline) > 0)
  const compared = reached.length > 0 ? reached : groups
  const services = compared.length
  const reports = compared.map(({ service, canary, baseline }) => {
    const report = look(canary, baseline, step.stop, { services, earlierEnds: ends ?? 0 })
    const latency = distributionsOf(canary.latency, baseline.latency)
    return { ...report, because: `${service}: ${report.because}`, latency }
  })
  const worst =
    reports.find(({ verdict }) => verdict === 'fail') ??
    reports.find(({ verdict }) => verdict === 'inconclusive') ??
    reports[0]
  if (worst === undefined) throw new Bug('there is something to compare, and nothing was')
  return worst
}

/** Side by side, from the first bucket that either has something in to the last. */
function distributionsOf(canary: readonly number[], baseline: readonly number[]): JudgeLatency[] {
  const all = canary.map((count, bucket) => ({
    untilMs: upperBoundMs(bucket),
    canary: count,
    baseline: baseline[bucket] ?? 0,
  }))
  const isFilled = (one: JudgeLatency): boolean => one.canary + one.baseline > 0
  return all.slice(all.findIndex(isFilled), all.findLastIndex(isFilled) + 1)
}

function sizeOf({ answered, failed }: GroupCounts): number {
  return answered + failed
}

/** What canary and baseline of one service have come to since the comparison began. */
interface ComparedGroups {
  readonly service: string
  readonly canary: GroupCounts
  readonly baseline: GroupCounts
}

/** The counts of both groups of each compared service since the comparison began. */
function comparedGroups(
  { services, rollout, counts }: StepsView,
  { baseline }: Judging,
): ComparedGroups[] {
  const since = [...countersSince(baseline, counts)]
  return services.filter(isCompared).map((seen) => {
    const { service } = seen.change
    const own = since.filter(({ series }) => series.backendId.endsWith(`/${service}`))
    const fresh = new Set(seen.baseline.map(({ instanceId }) => instanceId))
    return {
      service,
      // Those that have ended meanwhile count as well: a canary that crashes is no better for it.
      canary: sumOf(own.filter(({ series }) => series.releaseId === rollout.releaseId)),
      baseline: sumOf(own.filter(({ series }) => fresh.has(series.instanceId ?? ''))),
    }
  })
}

function isCompared({ target }: ServiceSeen): boolean {
  return (target.split?.baseline ?? 0) > 0
}

/** Of what was counted by instance; the series of a whole backend are its instances once more. */
function sumOf(counted: readonly CountedSince[]): GroupCounts {
  const sum = zeroCounters()
  for (const { series, counters } of counted) {
    if (series.instanceId !== null) addCounters(sum, counters)
  }
  const { answered, appErrors, latency } = sum
  return { answered, appErrors, failed: failedOf(sum), latency }
}
