import type { Plan } from '../../base/control-loop.ts'
import { putBack, runTimeoutMs, wantedCount, type Release } from '../apps/model.ts'
import type { LedgerBaseline, Rollout, RolloutStep, ServiceTarget } from './model.ts'
import type { RolloutAction, RolloutView } from './plan-actions.ts'
import { planAfter } from './plan-after.ts'
import { afterOf, currentStep, progressOf, revertProgress, stepsOf, titles } from './plan-steps.ts'
import type { RunToStart, StepProgress, StepsView } from './plan-progress.ts'
import { ledgerSince, tollSince, type SpanLedger, type Toll } from './plan-ledger.ts'
import { holdOf } from './plan-gates.ts'
import { changesBetween, progressOfService } from './plan-targets.ts'
import { tablesInUse } from './plan-tables.ts'

/**
 * Decides how one rollout goes on: forward step by step, or back. It only says what is wanted
 * (`targets`); the instances controller makes it so, and the next pass looks again.
 */

/** How long a step may wait for instances before the rollout reverts, in ms. */
const stepWaitMs = 120_000

/** How long bringing back what ran before may take, in ms. */
const revertWaitMs = 180_000

/** The span after a rollout's end that is counted for its record, in ms. */
export const afterWindowMs = 10_000

export function planRollout(view: RolloutView, now: number): Plan<RolloutAction> {
  switch (view.rollout.state) {
    case 'queued':
      return planQueued(view, now)
    case 'running':
      return planRunning(view, now)
    case 'reverting':
      return planReverting(view, now)
    case 'done':
    case 'reverted':
    case 'failed':
    case 'superseded':
    case 'cancelled':
      return planSettled(view, now)
  }
}

function planQueued(view: RolloutView, now: number): Plan<RolloutAction> {
  const { app, rollout, release } = view
  if (app.destroying) return supersede(view, now, 'the app is being destroyed')
  if (rollout.cancelledBy !== undefined) {
    return supersede(view, now, `${rollout.cancelledBy} took it back`, 'cancelled')
  }
  if (view.superseder !== null) return supersede(view, now, `${view.superseder} took its place`)
  const hold = holdOf(view, now)
  if (hold !== null) return { ...tell(rollout, hold.because), wakeAt: hold.wakeAt }
  if (view.ahead !== null) return tell(rollout, `waits for ${view.ahead.id} to end`)
  if (view.contracting !== null) {
    return tell(rollout, `waits for the contract of ${view.contracting} to end`)
  }
  if (view.listenersMissing.length > 0) {
    return tell(rollout, `waits for the listener ports of ${view.listenersMissing.join(', ')}`)
  }
  const targets = changesBetween(putBack(app, rollout.putsBack), view.from, release).map(
    ({ service, target, count }): ServiceTarget => ({
      service,
      target,
      successors: 0,
      online: 0,
      predecessors: Math.max(count, countBefore(view, service)),
    }),
  )
  const steps = targets.length === 0 ? [] : stepsOf(release, rollout.purpose)
  const changes: Partial<Rollout> = {
    state: 'running',
    fromReleaseId: app.releaseId,
    ...(view.gate === undefined ? {} : { gate: view.gate }),
    targets,
    steps: startStep(steps, 0, now),
    startedAt: now,
    deadline: now + stepWaitMs,
    baseline: baselineOf(view, now),
    ledger: { ...rollout.ledger, before: view.lastMinute },
    because: targets.length === 0 ? 'no service changes' : (steps[0]?.title ?? ''),
  }
  return one({ type: 'begin', changes, because: `release ${release.number} begins` })
}

/** Instances of a service that ran before: none goes until as many as are wanted took over. */
function countBefore({ app, from }: RolloutView, service: string): number {
  const spec = from?.services.find((candidate) => candidate.name === service)
  return spec === undefined ? 0 : wantedCount(app, spec)
}

function planRunning(view: RolloutView, now: number): Plan<RolloutAction> {
  const { app, rollout, release } = view
  if (app.destroying) return supersede(view, now, 'the app is being destroyed')
  if (view.superseder !== null && !isMigrating(view)) {
    return supersede(view, now, `${view.superseder} took its place`)
  }
  const toll = tollOf(view)
  const trouble = troubleOf(view, toll)
  if (trouble !== null) return beginRevert(view, now, trouble)
  const index = rollout.steps.findIndex((step) => step.state !== 'done')
  const step = rollout.steps[index]
  if (step === undefined) {
    const { failed, sent } = toll
    const because = `${nameOf(release)} is online: ${failed} of ${sent} requests failed`
    return finish(view, now, 'done', release.id, because)
  }
  const progress = progressOf(step, stepsView(view, now), now)
  if (progress.outcome === 'failed') {
    return beginRevert(view, now, progress.because, judged(rollout, progress))
  }
  if (progress.outcome === 'done') {
    return completeStep(view, index, now, judged(rollout, progress))
  }
  if (progress.isPatient !== true && now >= (rollout.deadline ?? now + 1)) {
    return beginRevert(view, now, tooLate(view, progress.waitsFor))
  }
  if (progress.start !== undefined) return startRun(progress.start, now)
  return carryOn(view, now, progress)
}

/** A schema is not left in the middle of a change, whoever is in a hurry. */
function isMigrating({ rollout }: RolloutView): boolean {
  return rollout.runId !== null && currentStep(rollout.steps)?.kind === 'migrate'
}

function startRun(run: RunToStart, now: number): Plan<RolloutAction> {
  const isMigration = run.of === 'migration'
  const checked = run.of === 'test' ? 'the test starts' : 'the journeys start'
  const because = isMigration ? `the ${run.stage} of ${run.service} starts` : checked
  // A migration ends by its own time-out.
  const changes = isMigration ? { deadline: now + stepWaitMs } : {}
  return one({ type: 'start-run', run, changes, because })
}

/** What the comparison has come to, for the record. */
function judged(
  { judging }: Rollout,
  progress: Exclude<StepProgress, { outcome: 'waits' }>,
): Partial<Rollout> {
  if (judging === undefined || progress.report === undefined) return {}
  return { judging: { ...judging, report: progress.report } }
}

function planReverting(view: RolloutView, now: number): Plan<RolloutAction> {
  const { rollout } = view
  if (view.app.destroying) return supersede(view, now, 'the app is being destroyed')
  if (view.superseder !== null) return supersede(view, now, `${view.superseder} took its place`)
  const progress = revertProgress(stepsView(view, now))
  if (progress.outcome === 'done') {
    const back = view.from === null ? 'nothing ran before' : `${nameOf(view.from)} runs again`
    return finish(view, now, 'reverted', undefined, `${rollout.because}; ${back}`)
  }
  if (progress.outcome === 'failed' || now >= (rollout.deadline ?? now + 1)) {
    const waited = progress.outcome === 'waits' ? progress.waitsFor : progress.because
    return finish(view, now, 'failed', undefined, `${rollout.because}; could not revert: ${waited}`)
  }
  return carryOn(view, now, progress)
}

function planSettled(view: RolloutView, now: number): Plan<RolloutAction> {
  const { rollout } = view
  if (rollout.ledger.after !== null || rollout.endedAt === null || rollout.baseline === null) {
    return planAfter(view, now)
  }
  const until = rollout.endedAt + afterWindowMs
  if (now < until) return { actions: [], because: 'counts what comes after', wakeAt: until }
  const after = spanOf(view, now)?.during ?? null
  const changes = { ledger: { ...rollout.ledger, after }, baseline: null }
  return one({ type: 'settle', changes, because: 'the counts of the time after are in' })
}

/** Why the rollout cannot go on, or null: failed requests first, they are what matters most. */
function troubleOf(view: RolloutView, { sent, failed, causes }: Toll): string | null {
  const { release } = view
  if (release.revertAboveFailed !== null && failed > release.revertAboveFailed) {
    const list = Object.entries(causes).map(([cause, count]) => `${count} ${cause}`)
    return `${failed} of ${sent} requests failed (${list.join(', ')})`
  }
  const failing = view.services.flatMap((seen) => seen.successors.map((one) => one.failing))
  return failing.find((because) => because !== null) ?? null
}

/** A missing place explains more than a missing answer, and what a check said more than a count. */
function tooLate(view: RolloutView, waitsFor: string): string {
  const successors = view.services.flatMap((seen) => seen.successors)
  const late = successors.filter((successor) => !successor.ready)
  const unplaced = late.find((successor) => successor.unplaced !== null)?.unplaced?.because
  const [first] = late
  const because = first === undefined ? waitsFor : `${waitsFor}: ${first.waitsFor}`
  return `${unplaced ?? because} (waited ${stepWaitMs / 1_000} s)`
}

/** Turns round: what ran before is the target now, and all of it has to be online first. */
function beginRevert(
  view: RolloutView,
  now: number,
  because: string,
  more: Partial<Rollout> = {},
): Plan<RolloutAction> {
  const { app, rollout, from, release } = view
  const back = changesBetween(app, release, from)
  const targets = rollout.targets.map((target): ServiceTarget => {
    const change = back.find((candidate) => candidate.service === target.service)
    const count = change?.count ?? 0
    const predecessors = target.online
    return {
      service: target.service,
      target: change?.target ?? null,
      successors: count,
      online: count,
      predecessors,
      // The canary gets nothing more from here on, however long the others take to be there.
      ...(target.split === undefined ? {} : { split: { ...target.split, share: 0, baseline: 0 } }),
    }
  })
  const failed = rollout.steps.map((step) =>
    step.state === 'running'
      ? ({ ...step, state: 'failed', endedAt: now, because } as const)
      : step,
  )
  const revert: RolloutStep = {
    kind: 'revert',
    title: titles.revert,
    state: 'running',
    startedAt: now,
    endedAt: null,
    because: '',
  }
  const changes: Partial<Rollout> = {
    ...more,
    state: 'reverting',
    targets,
    because,
    steps: [...failed.filter((step) => step.state !== 'waiting'), revert],
    deadline: now + revertWaitMs,
    runId: null,
    resumeAt: null,
  }
  return one({ type: 'advance', changes, because: `reverts: ${because}` })
}

function completeStep(
  view: RolloutView,
  index: number,
  now: number,
  more: Partial<Rollout>,
): Plan<RolloutAction> {
  const { rollout } = view
  const ended = rollout.steps.map((step, at) =>
    at === index ? ({ ...step, state: 'done', endedAt: now, because: '' } as const) : step,
  )
  const next = rollout.steps[index + 1]
  const changes: Partial<Rollout> = {
    ...more,
    // From here on customers are divided by the number of instances.
    ...(next?.kind === 'remaining' ? { targets: rollout.targets.map(withoutSplit) } : {}),
    steps: startStep(ended, index + 1, now),
    deadline: now + stepWaitMs + testTime(view, ended),
    runId: null,
    resumeAt: null,
    because: next?.title ?? 'all steps are done',
  }
  return one({ type: 'advance', changes, because: changes.because ?? '' })
}

function withoutSplit({ split: _split, lent = 0, ...target }: ServiceTarget): ServiceTarget {
  return { ...target, predecessors: target.predecessors + lent }
}

/** A test, or a run of journeys, has its own time-out on top of the time that it may wait for a place. */
function testTime(view: RolloutView, steps: readonly RolloutStep[]): number {
  const index = currentStep(steps)?.index
  return index === undefined ? 0 : runTimeoutMs(view.release.steps[index])
}

/** Commits new targets, if any; a step that merely waits changes nothing. */
function carryOn(
  view: RolloutView,
  now: number,
  progress: Extract<StepProgress, { outcome: 'waits' }>,
): Plan<RolloutAction> {
  const { rollout } = view
  const { passed } = progress
  const givesUpAt = progress.isPatient === true ? Infinity : rollout.deadline
  const lostAt = tablesInUse(view, now).wakeAt
  const wakes = [givesUpAt ?? now + stepWaitMs, progress.resumeAt, progress.wakeAt, lostAt]
  const soonest = Math.min(...wakes.map((at) => at ?? Infinity))
  const wakeAt = soonest === Infinity ? undefined : soonest
  const targets = merge(rollout.targets, progress.targets ?? [])
  const pauses = progress.resumeAt !== undefined && rollout.resumeAt === null
  const waitsFor = `waits for ${progress.waitsFor}`
  const told = { ...progress.changes, ...judgedBy(view, progress, now) }
  if (Object.keys(told).length > 0) {
    const changes = { ...told, because: waitsFor }
    return { actions: [{ type: 'advance', changes, passed, because: waitsFor }], because: waitsFor }
  }
  if (!pauses && targets === rollout.targets) return { actions: [], because: waitsFor, wakeAt }
  const changes: Partial<Rollout> = {
    targets: [...targets],
    resumeAt: progress.resumeAt ?? null,
    ...(targets === rollout.targets ? {} : { deadline: now + stepWaitMs }),
  }
  const because = pauses ? waitsFor : wishes(rollout.targets, targets)
  return { actions: [{ type: 'advance', changes, because }], because, wakeAt }
}

/** The comparison begins, or is looked at once more. */
function judgedBy(
  view: RolloutView,
  { judged: look }: Extract<StepProgress, { outcome: 'waits' }>,
  now: number,
): Partial<Rollout> {
  const { begun, looked } = look ?? {}
  if (begun !== undefined) return { judging: { ...begun, baseline: baselineOf(view, now) } }
  const { judging } = view.rollout
  return judging === undefined || looked === undefined ? {} : { judging: { ...judging, ...looked } }
}

/** What is newly wanted, service by service, for people. */
function wishes(before: readonly ServiceTarget[], after: readonly ServiceTarget[]): string {
  const sentences = after.flatMap((target, index) => {
    const { service, successors, online, predecessors } = target
    const old = before[index]
    const wished: string[] = []
    if (successors !== old?.successors) wished.push(`${successors} started in maintenance`)
    if (online !== old?.online) wished.push(`${online} online`)
    if ((target.lent ?? 0) > (old?.lent ?? 0)) {
      wished.push(`the room of ${target.lent} of its predecessors, since there is no other`)
    } else if (predecessors !== old?.predecessors) wished.push(`${predecessors} predecessors left`)
    if (target.split !== undefined && old?.split === undefined) {
      wished.push(`${target.split.share * 100} % of the requests for the canary`)
    }
    return wished.length === 0 ? [] : [`${service}: wants ${wished.join(', ')}`]
  })
  return sentences.join('; ')
}

function finish(
  view: RolloutView,
  now: number,
  state: 'done' | 'reverted' | 'failed',
  releaseId: string | undefined,
  because: string,
): Plan<RolloutAction> {
  const changes: Partial<Rollout> = {
    state,
    because,
    endedAt: now,
    deadline: null,
    targets: [],
    runId: null,
    steps: view.rollout.steps.map((step) =>
      step.state === 'running' ? { ...step, state: 'done', endedAt: now } : step,
    ),
    baseline: baselineOf(view, now),
    ledger: { ...view.rollout.ledger, ...spanOf(view, now) },
    ...(state === 'done' && view.rollout.purpose === 'deploy' ? followed(view) : {}),
  }
  return one({ type: 'finish', changes, releaseId, because })
}

/** What the manifest wants to follow; what has been migrated so far is another stage's. */
function followed({ release }: RolloutView): Partial<Rollout> {
  const after = afterOf(release)
  return after.length === 0 ? {} : { after, migrated: [] }
}

function supersede(
  view: RolloutView,
  now: number,
  because: string,
  state: 'superseded' | 'cancelled' = 'superseded',
): Plan<RolloutAction> {
  const changes: Partial<Rollout> = {
    state,
    because,
    endedAt: now,
    deadline: null,
    targets: [],
    runId: null,
    baseline: null,
    ledger: { ...view.rollout.ledger, ...spanOf(view, now) },
  }
  return one({ type: 'finish', changes, releaseId: undefined, because })
}

function startStep(steps: readonly RolloutStep[], index: number, now: number): RolloutStep[] {
  return steps.map((step, at) =>
    at === index ? { ...step, state: 'running', startedAt: now } : step,
  )
}

/** The same array when nothing changes, so that waiting is told from acting. */
function merge(
  before: readonly ServiceTarget[],
  changed: readonly ServiceTarget[],
): readonly ServiceTarget[] {
  const after = before.map(
    (target) => changed.find((candidate) => candidate.service === target.service) ?? target,
  )
  const isSame = after.every((target, index) => {
    const old = before[index]
    return (
      old !== undefined &&
      old.successors === target.successors &&
      old.online === target.online &&
      old.predecessors === target.predecessors &&
      old.lent === target.lent &&
      (old.split === undefined) === (target.split === undefined)
    )
  })
  return isSame ? before : after
}

function stepsView(view: RolloutView, now: number): StepsView {
  const { rollout, release, from, run, counts } = view
  const { applied } = tablesInUse(view, now)
  const services = view.services.map((seen) => progressOfService(seen, applied))
  return { rollout, release, from, services, run, counts, isTold: applied >= view.revision }
}

function spanOf(view: RolloutView, now: number): SpanLedger | undefined {
  const { baseline } = view.rollout
  return baseline === null ? undefined : ledgerSince(baseline, view.counts, now)
}

function tollOf({ rollout: { baseline }, counts }: RolloutView): Toll {
  return baseline === null ? { sent: 0, failed: 0, causes: {} } : tollSince(baseline, counts)
}

function baselineOf(view: RolloutView, now: number): LedgerBaseline {
  const ingresses = view.counts.map(({ ingressId, incarnation, series }) => [
    ingressId,
    { incarnation, series: [...series] },
  ])
  return { at: now, ingresses: Object.fromEntries(ingresses) }
}

function nameOf(release: Release): string {
  return release.version === ''
    ? `release ${release.number}`
    : `release ${release.number} (${release.version})`
}

function one(action: RolloutAction): Plan<RolloutAction> {
  return { actions: [action], because: action.because }
}

/** Waits, and says so in the record, once: people see what a queued rollout waits for. */
function tell(rollout: Rollout, because: string): Plan<RolloutAction> {
  if (rollout.because === because) return wait(because)
  return one({ type: 'advance', changes: { because }, because })
}

function wait(because: string): Plan<RolloutAction> {
  return { actions: [], because }
}
