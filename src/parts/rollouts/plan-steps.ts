import { percentText } from '../../base/words.ts'
import { Bug, unreachable } from '../../base/errors.ts'
import type { Release, ReleaseStep, ServiceSpec } from '../apps/model.ts'
import { isRunOver } from '../jobs/model.ts'
import { judgeProgress } from './plan-judging.ts'
import { journeysProgress } from './plan-journeys.ts'
import { migrationProgress } from './plan-migration.ts'
import { waitsForTables, type StepProgress, type StepsView } from './plan-progress.ts'
import type { Rollout, RolloutStep } from './model.ts'
import {
  advanceCanary,
  advanceMaintenance,
  advanceOnline,
  nextGoal,
  portionOf,
  zoneLimit,
  type Advance,
  type ServiceProgress,
} from './plan-targets.ts'

/** The steps of a rollout, and how far each one is. */

/** The steps as people will follow them: those of the manifest, and those that it takes for granted. */
export function stepsOf(release: Release, purpose: Rollout['purpose']): RolloutStep[] {
  const stated = release.steps.map((step, index) => ({
    ...stepOf(step.kind, index),
    title: titleOf(step),
  }))
  const find = (kind: RolloutStep['kind']): RolloutStep =>
    stated.find((step) => step.kind === kind) ?? stepOf(kind)
  const essential = [find('maintenance'), find('online'), find('remaining')]
  // What ran before has been migrated, tested and judged before.
  if (purpose === 'revert') return essential
  const steps: RolloutStep[] = []
  const add = (step: RolloutStep): void => {
    if (step.kind !== 'migrate' && step.kind !== 'maintenance') ensure('maintenance')
    if (step.kind === 'judge' || step.kind === 'remaining') ensure('online')
    if (!steps.includes(step)) steps.push(step)
  }
  const ensure = (kind: 'maintenance' | 'online'): void => {
    if (steps.every((step) => step.kind !== kind)) add(find(kind))
  }
  for (const step of stated) add(step)
  if (steps.every(({ kind }) => kind !== 'remaining')) add(find('remaining'))
  return steps
}

/** With what its manifest says of it. */
function titleOf(step: ReleaseStep): string {
  if (step.kind === 'online' && step.weight < 1) {
    return `the portion goes online, with ${percentText(step.weight)} of the customers’ requests`
  }
  if (step.kind === 'judge') return `${titles.judge} for ${step.forMs / 1_000} s`
  if (step.kind === 'journeys') {
    return `${titles.journeys}: ${step.journeys.map(({ name }) => name).join(', ')}`
  }
  return titles[step.kind]
}

/** What follows the release, as people will follow it. */
export function afterOf({ after = [] }: Release): RolloutStep[] {
  return after.map(({ kind }, index) => stepOf(kind, index))
}

function stepOf(kind: RolloutStep['kind'], index?: number): RolloutStep {
  return {
    kind,
    title: titles[kind],
    state: 'waiting',
    startedAt: null,
    endedAt: null,
    because: '',
    ...(index === undefined ? {} : { index }),
  }
}

/** The step of the release that a step under way carries out, if it stands in the manifest. */
export function statedStep<K extends ReleaseStep['kind']>(
  release: Release,
  kind: K,
  step: RolloutStep | undefined,
): Extract<ReleaseStep, { kind: K }> | undefined {
  const stated = step?.index === undefined ? undefined : release.steps[step.index]
  return stated?.kind === kind ? (stated as Extract<ReleaseStep, { kind: K }>) : undefined
}

/** The step under way. */
export function currentStep(steps: readonly RolloutStep[]): RolloutStep | undefined {
  return steps.find((step) => step.state !== 'done')
}

export const titles: Readonly<Record<RolloutStep['kind'], string>> = {
  migrate: 'the schema is expanded, for old and new alike',
  maintenance: 'a portion starts in the maintenance pool and is warmed up',
  test: 'tests run against the maintenance pool',
  journeys: 'browser journeys run against the maintenance pool',
  online: 'the portion goes online, as many predecessors drain',
  judge: 'old and new are compared under customers’ load',
  remaining: 'the remaining instances follow in batches',
  revert: 'what ran before comes back',
  soak: 'the release proves itself',
  contract: 'what only the old version needed leaves the schema',
}

export function progressOf(step: RolloutStep, view: StepsView, now: number): StepProgress {
  switch (step.kind) {
    case 'migrate':
      return migrationProgress(view, 'expand')
    case 'maintenance':
      return maintenanceProgress(view)
    case 'test':
      return testProgress(view)
    case 'journeys':
      return journeysProgress(view, statedStep(view.release, 'journeys', step))
    case 'online':
      return onlineProgress(view, statedStep(view.release, 'online', step))
    case 'judge':
      return judgeProgress(view, statedStep(view.release, 'judge', step), now)
    case 'remaining':
      return remainingProgress(view, now)
    case 'revert':
      return revertProgress(view)
    case 'soak':
    case 'contract':
      throw new Bug(`${step.kind} follows a rollout and is none of its steps`)
    default:
      return unreachable(step.kind)
  }
}

/**
 * The first portion of each service starts, those that others need first. A service that is new
 * and has no route goes online at once: nobody can call it but the release itself, whose warm-up
 * and tests would have nobody to call otherwise.
 */
function maintenanceProgress(view: StepsView): StepProgress {
  const missing = new Set<string>()
  let waitsFor = ''
  let isDone = true
  const targets = view.services.map((seen) => {
    const { service, count } = seen.change
    const isBlocked = specOf(view, service)?.needs.some((need) => missing.has(need)) === true
    const goesOnline = isUnseen(view, seen)
    if (isBlocked) {
      if (goesOnline) missing.add(service)
      isDone = false
      return seen.target
    }
    const result = goesOnline
      ? advanceOnline(seen, count)
      : advanceMaintenance(seen, firstPortion(view, seen))
    if (result.next === undefined) return seen.target
    if (goesOnline) missing.add(service)
    isDone = false
    waitsFor ||= result.waitsFor
    return result.next
  })
  return isDone ? { outcome: 'done' } : { outcome: 'waits', waitsFor, targets }
}

/** New with this release, and without a way in from outside. */
function isUnseen(view: StepsView, { change }: ServiceProgress): boolean {
  if (change.target === null || specOf(view, change.service)?.route !== null) return false
  return view.from?.services.some((spec) => spec.name === change.service) !== true
}

function specOf({ release }: StepsView, service: string): ServiceSpec | undefined {
  return release.services.find((spec) => spec.name === service)
}

/** All services go at the same time. */
function allAtOnce(view: StepsView, advance: (seen: ServiceProgress) => Advance): StepProgress {
  const results = view.services.map(advance)
  if (results.every((result) => result.next === undefined)) return { outcome: 'done' }
  return {
    outcome: 'waits',
    waitsFor: results.find((result) => result.waitsFor !== '')?.waitsFor ?? '',
    targets: view.services.map((seen, index) => results[index]?.next ?? seen.target),
  }
}

function testProgress({ run, isTold }: StepsView): StepProgress {
  if (run === null) {
    if (!isTold) return waitsForTables
    return { outcome: 'waits', waitsFor: 'the test to start', start: { of: 'test' } }
  }
  if (!isRunOver(run.state)) return { outcome: 'waits', waitsFor: `the test: ${run.because}` }
  if (run.state === 'succeeded') return { outcome: 'done' }
  const because = `the test failed: ${run.because} (roadstead logs shows its output)`
  return { outcome: 'failed', because }
}

/** One service after the other, those that others need first. */
function onlineProgress(
  view: StepsView,
  step: Extract<ReleaseStep, { kind: 'online' }> | undefined,
): StepProgress {
  const isJudged = view.rollout.steps.some(({ kind }) => kind === 'judge')
  for (const seen of view.services) {
    // What the step before has made: predecessors that go meanwhile are no reason to want more.
    const made = Math.min(seen.target.successors, seen.change.count)
    const goal = made > 0 ? made : firstPortion(view, seen)
    const progress = isSplit(view, seen, step)
      ? advanceCanary(seen, goal, { ...step, isJudged })
      : advanceOnline(seen, goal)
    if (progress.next !== undefined) return waits(progress)
  }
  return { outcome: 'done' }
}

/** Whether the canary gets a share of its own: there is an old version, and an ingress between. */
function isSplit(
  view: StepsView,
  { change }: ServiceProgress,
  step: Extract<ReleaseStep, { kind: 'online' }> | undefined,
): step is Extract<ReleaseStep, { kind: 'online' }> {
  if (step === undefined || step.weight >= 1 || view.rollout.purpose === 'revert') return false
  if (change.singleton || specOf(view, change.service)?.worker !== false) return false
  return view.from?.services.some((spec) => spec.name === change.service) === true
}

function remainingProgress(view: StepsView, now: number): StepProgress {
  const step = view.release.steps.find((candidate) => candidate.kind === 'remaining')
  const batch = step?.batch ?? 1
  for (const seen of view.services) {
    const current = advanceOnline(seen, Math.min(seen.target.online, seen.change.count))
    if (current.next !== undefined && seen.target.online === seen.target.successors) {
      return waits(current)
    }
    if (seen.online >= seen.change.count && current.next === undefined) continue
    const pause = pauseBefore(seen, step, view.rollout, now)
    if (pause !== undefined) return pause
    // A person who reverts wants it back at once: it ran in every zone before.
    const goal = view.rollout.purpose === 'revert' ? seen.change.count : nextGoal(seen, batch)
    const progress = advanceOnline(seen, goal)
    if (progress.next !== undefined) return waits(progress)
  }
  return { outcome: 'done' }
}

/** Between two batches; one that is under way is not interrupted. */
function pauseBefore(
  seen: ServiceProgress,
  step: Extract<ReleaseStep, { kind: 'remaining' }> | undefined,
  rollout: Rollout,
  now: number,
): StepProgress | undefined {
  const pauseMs = step?.pauseMs ?? 0
  const between = seen.target.online === seen.target.successors && seen.target.online > 0
  if (pauseMs === 0 || !between) return undefined
  const resumeAt = rollout.resumeAt ?? now + pauseMs
  if (now >= resumeAt) return undefined
  const waitsFor = `the pause of ${pauseMs / 1_000} s between two batches`
  return { outcome: 'waits', waitsFor, resumeAt }
}

/** All of what ran before online again first, then the others go. */
export function revertProgress(view: StepsView): StepProgress {
  return allAtOnce(view, (seen) => {
    const { count } = seen.change
    return advanceOnline(seen, count)
  })
}

/** The share of a service that goes first: all of it where nothing serves customers yet. */
function firstPortion(view: StepsView, seen: ServiceProgress): number {
  const { change, others, target } = seen
  if (change.count === 0 || change.target === null) return 0
  if (change.singleton) return others > 0 && target.successors === 0 ? 0 : 1
  const isFirst = view.rollout.fromReleaseId === null
  const step = view.release.steps.find((candidate) => candidate.kind === 'maintenance')
  if (isFirst) return change.count
  const portion = portionOf(change.count, step?.portion ?? 1, step?.min ?? 1)
  if (view.rollout.purpose === 'revert') return portion
  return Math.min(portion, Math.max(zoneLimit(seen), target.successors))
}

function waits(progress: Advance): StepProgress {
  return {
    outcome: 'waits',
    waitsFor: progress.waitsFor,
    ...(progress.next === undefined ? {} : { targets: [progress.next] }),
  }
}
