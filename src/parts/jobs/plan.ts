import type { Plan } from '../../base/control-loop.ts'
import type { JobSpec } from '../apps/model.ts'
import type { JobState } from './model.ts'
import { planRun, type RunAction, type RunSeen } from './plan-run.ts'
import { decideSlots } from './plan-slots.ts'

/**
 * Decides what is to be done about one job of one cell: which slots of its schedule start, how its
 * runs go on, and whether it is late.
 */

export interface JobView {
  readonly job: string
  /** Of the release that the cell runs; null: it has no such job (any more), or it is a rollout's. */
  readonly spec: JobSpec | null
  /** Null before its schedule was first looked at. */
  readonly state: JobState | null
  /** Runs that are not over, oldest first. */
  readonly open: readonly RunSeen[]
  /** Ids of those that are, oldest first. */
  readonly over: readonly string[]
}

/** Everything that the jobs controller may ever do. */
export type JobAction =
  | RunAction
  /** Begin to watch the schedule: slots before this instant are nobody's. */
  | { readonly type: 'begin'; readonly state: Partial<JobState>; readonly because: string }
  /** A slot has come: make its run. */
  | { readonly type: 'start-slot'; readonly slot: number; readonly because: string }
  /** Slots have passed while nobody could start them. */
  | { readonly type: 'pass-slots'; readonly decidedUntil: number; readonly because: string }
  | { readonly type: 'late' | 'on-time'; readonly since: number | null; readonly because: string }
  /** The job is gone, and its state with it. */
  | { readonly type: 'forget-state'; readonly because: string }
  /** A run that is over is forgotten: history is kept within a bound. */
  | { readonly type: 'forget'; readonly runId: string; readonly because: string }

/** Runs of one job that are kept when they are over: a week of hourly ones, weeks of nightly. */
const runsKept = 100

export function planJob(view: JobView, now: number): Plan<JobAction> {
  const actions: JobAction[] = []
  const wakes: number[] = []
  const sentences: string[] = []
  for (const seen of view.open) {
    const plan = planRun(seen, view, now)
    actions.push(...plan.actions)
    sentences.push(plan.because)
    if (plan.wakeAt !== undefined) wakes.push(plan.wakeAt)
  }
  const schedule = planSchedule(view, now)
  actions.push(...schedule.actions)
  if (schedule.because !== '') sentences.push(schedule.because)
  if (schedule.wakeAt !== undefined) wakes.push(schedule.wakeAt)
  for (const runId of view.over.slice(0, Math.max(0, view.over.length - runsKept))) {
    actions.push({ type: 'forget', runId, because: 'history is kept within a bound' })
  }
  const wakeAt = Math.min(...wakes)
  const because = sentences.length === 0 ? 'nothing to run' : sentences.join('; ')
  return wakeAt === Infinity ? { actions, because } : { actions, because, wakeAt }
}

function planSchedule(view: JobView, now: number): Plan<JobAction> {
  const { spec, state } = view
  if (spec === null) {
    const isGone = state !== null && view.open.length === 0
    const because = 'the release has no such job any more'
    return isGone ? { actions: [{ type: 'forget-state', because }], because } : quiet
  }
  if (state === null) {
    const because = spec.schedule === null ? 'known from now on' : 'its schedule begins'
    return one({ type: 'begin', state: { decidedUntil: now, begunAt: now }, because })
  }
  const late = planLate(spec, state, now)
  const slots = spec.schedule === null ? quiet : planSlots(spec.schedule, state, now)
  const wakes = [late.wakeAt, slots.wakeAt].filter((at) => at !== undefined)
  return {
    actions: [...slots.actions, ...late.actions],
    because: [slots.because, late.because].filter((text) => text !== '').join('; '),
    ...(wakes.length === 0 ? {} : { wakeAt: Math.min(...wakes) }),
  }
}

function planSlots(
  schedule: NonNullable<JobSpec['schedule']>,
  state: JobState,
  now: number,
): Plan<JobAction> {
  const { start, missed, decidedUntil, next } = decideSlots(schedule, state.decidedUntil, now)
  const wake = next === null ? {} : { wakeAt: next }
  const times = missed === null ? '' : missed.count === 1 ? 'one time' : `${missed.count} times`
  if (start !== null) {
    const before = missed === null ? '' : `; ${times} before it were missed`
    const because = `its time has come${before}`
    return { actions: [{ type: 'start-slot', slot: start, because }], because, ...wake }
  }
  if (missed === null) return { actions: [], because: '', ...wake }
  const because = `${times} passed while nobody could start it`
  return { actions: [{ type: 'pass-slots', decidedUntil, because }], because, ...wake }
}

/** Late: it has not succeeded for as long as its manifest allows. */
function planLate({ lateAfterMs }: JobSpec, state: JobState, now: number): Plan<JobAction> {
  const lateAt = lateAfterMs === null ? Infinity : lastGood(state) + lateAfterMs
  if (now >= lateAt) {
    const because = 'it is late: it has not succeeded for too long'
    if (state.lateSince !== null) return { actions: [], because }
    return one({ type: 'late', since: lateAt, because })
  }
  if (state.lateSince !== null) {
    return one({ type: 'on-time', since: null, because: 'it is not late any more' })
  }
  return lateAt === Infinity ? quiet : { ...quiet, wakeAt: lateAt }
}

function lastGood(state: JobState): number {
  return Math.max(state.lastSuccessAt ?? 0, state.begunAt)
}

const quiet: Plan<never> = { actions: [], because: '' }

function one(action: JobAction & { readonly because: string }): Plan<JobAction> {
  return { actions: [action], because: action.because }
}
