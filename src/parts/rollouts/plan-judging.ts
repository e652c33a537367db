import { Bug } from '../../base/errors.ts'
import type { ReleaseStep } from '../apps/model.ts'
import { failedOf, type CounterSeries } from '../ingress/model.ts'
import type { JudgeReport } from './judge-model.ts'
import type { LedgerBaseline, Rollout } from './model.ts'
import { earlyLooksMax, judge, judgeEarly, type GroupCounts } from './plan-judge.ts'
import { addCounters, countersBetween, zeroCounters, type IngressCounts } from './plan-ledger.ts'
import type { ServiceSeen } from './plan-targets.ts'
import type { ComparedGroups, Judged, StepProgress, StepsView } from './plan-progress.ts'

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
  const isCompared = view.services.some(({ target }) => (target.split?.baseline ?? 0) > 0)
  if (step === undefined || !isCompared) return { outcome: 'done' }
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
  const report = reportOf(view.groups, step, isAtEnd ? earlierEnds(judging, step) : undefined)
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
function earlierEnds(
  { startedAt, endsAt }: NonNullable<Rollout['judging']>,
  { forMs }: JudgeStep,
): number {
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
    return { ...report, because: `${service}: ${report.because}` }
  })
  const worst =
    reports.find(({ verdict }) => verdict === 'fail') ??
    reports.find(({ verdict }) => verdict === 'inconclusive') ??
    reports[0]
  if (worst === undefined) throw new Bug('there is something to compare, and nothing was')
  return worst
}

function sizeOf({ answered, failed }: GroupCounts): number {
  return answered + failed
}

/** The counts of both groups of each compared service since the comparison began. */
export function comparedGroups(
  services: readonly ServiceSeen[],
  { judging, releaseId }: Rollout,
  now: readonly IngressCounts[],
): ComparedGroups[] {
  if (judging === undefined) return []
  const { baseline } = judging
  return services
    .filter(({ target }) => (target.split?.baseline ?? 0) > 0)
    .map((seen) => {
      const { service } = seen.change
      const fresh = new Set<string | null>(seen.baseline.map(({ instanceId }) => instanceId))
      const isOf = ({ backendId }: CounterSeries): boolean => backendId.endsWith(`/${service}`)
      return {
        service,
        // Those that have ended meanwhile count as well: a canary that crashes is no better for it.
        canary: countsOf(baseline, now, (one) => isOf(one) && one.releaseId === releaseId),
        baseline: countsOf(baseline, now, (one) => isOf(one) && fresh.has(one.instanceId)),
      }
    })
}

function countsOf(
  baseline: LedgerBaseline,
  now: readonly IngressCounts[],
  isMember: (series: CounterSeries) => boolean,
): GroupCounts {
  const sum = zeroCounters()
  for (const { ingressId, incarnation, series } of now) {
    const before = baseline.ingresses[ingressId]
    for (const one of series) {
      if (one.pool !== 'online' || one.instanceId === null || !isMember(one)) continue
      const earlier =
        before?.incarnation === incarnation
          ? before.series.find(
              ({ instanceId, backendId }) =>
                instanceId === one.instanceId && backendId === one.backendId,
            )
          : undefined
      addCounters(sum, countersBetween(one.counters, earlier?.counters))
    }
  }
  const { answered, appErrors, latency } = sum
  return { answered, appErrors, failed: failedOf(sum), latency }
}
