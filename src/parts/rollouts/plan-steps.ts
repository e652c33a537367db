import type { Release, ReleaseStep, ServiceSpec } from '../apps/model.ts'
import type { JobRun } from '../jobs/model.ts'
import { isRunOver } from '../jobs/model.ts'
import type { Rollout, RolloutStep, ServiceTarget } from './model.ts'
import {
  advanceMaintenance,
  advanceOnline,
  nextGoal,
  portionOf,
  zoneLimit,
  type Advance,
  type ServiceProgress,
} from './plan-targets.ts'

/** The steps of a rollout, and how far each one is. */

/** What is seen of the run of the test step under way. */
export type TestSeen = Pick<JobRun, 'state' | 'because'>

export interface StepsView {
  readonly rollout: Rollout
  readonly release: Release
  /** What ran before; null where nothing did. */
  readonly from: Release | null
  /** In the order in which they go out. */
  readonly services: readonly ServiceProgress[]
  readonly test: TestSeen | null
}

/** How far a step is: done, still on its way (with new targets perhaps), or failed. */
export type StepProgress =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'failed'; readonly because: string }
  | {
      readonly outcome: 'waits'
      readonly waitsFor: string
      readonly targets?: readonly ServiceTarget[]
      readonly startTest?: boolean
      readonly resumeAt?: number
    }

/** The steps as people will follow them. */
export function stepsOf(release: Release, purpose: Rollout['purpose']): RolloutStep[] {
  const kinds: RolloutStep['kind'][] = ['maintenance']
  const tests = release.steps.filter((step) => step.kind === 'test')
  if (purpose === 'deploy') kinds.push(...tests.map(({ kind }) => kind))
  kinds.push('online', 'remaining')
  return kinds.map((kind) => ({
    kind,
    title: titles[kind],
    state: 'waiting',
    startedAt: null,
    endedAt: null,
    because: '',
  }))
}

/** The release's test that the step under way runs, if it is one. */
export function testStepOf(
  release: Release,
  steps: readonly RolloutStep[],
): Extract<ReleaseStep, { kind: 'test' }> | undefined {
  const current = steps.findIndex((step) => step.state !== 'done')
  if (steps[current]?.kind !== 'test') return undefined
  const before = steps.slice(0, current).filter((step) => step.kind === 'test').length
  return release.steps.filter((step) => step.kind === 'test')[before]
}

export const titles: Readonly<Record<RolloutStep['kind'], string>> = {
  maintenance: 'a portion starts in the maintenance pool and is warmed up',
  test: 'tests run against the maintenance pool',
  online: 'the portion goes online, as many predecessors drain',
  remaining: 'the remaining instances follow in batches',
  revert: 'what ran before comes back',
}

export function progressOf(kind: RolloutStep['kind'], view: StepsView, now: number): StepProgress {
  switch (kind) {
    case 'maintenance':
      return maintenanceProgress(view)
    case 'test':
      return testProgress(view)
    case 'online':
      return onlineProgress(view)
    case 'remaining':
      return remainingProgress(view, now)
    case 'revert':
      return revertProgress(view)
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

function testProgress({ test }: StepsView): StepProgress {
  if (test === null) return { outcome: 'waits', waitsFor: 'the test to start', startTest: true }
  if (!isRunOver(test.state)) return { outcome: 'waits', waitsFor: `the test: ${test.because}` }
  if (test.state === 'succeeded') return { outcome: 'done' }
  const because = `the test failed: ${test.because} (roadstead logs shows its output)`
  return { outcome: 'failed', because }
}

/** One service after the other, those that others need first. */
function onlineProgress(view: StepsView): StepProgress {
  for (const seen of view.services) {
    // What the step before has made: predecessors that go meanwhile are no reason to want more.
    const made = Math.min(seen.target.successors, seen.change.count)
    const progress = advanceOnline(seen, made > 0 ? made : firstPortion(view, seen))
    if (progress.next !== undefined) return waits(progress)
  }
  return { outcome: 'done' }
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
function revertProgress(view: StepsView): StepProgress {
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
