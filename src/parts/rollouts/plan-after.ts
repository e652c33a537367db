import type { Plan } from '../../base/control-loop.ts'
import type { Rollout, RolloutStep } from './model.ts'
import { migrationProgress } from './plan-migration.ts'
import type { RolloutAction, RolloutView } from './plan-actions.ts'

/** What follows a rollout that is done: it holds no queue, and a newer release cancels it. */

/** The soak, then the contract, each once those before it are done. */
export function planAfter(view: RolloutView, now: number): Plan<RolloutAction> {
  const { rollout } = view
  const after = rollout.after ?? []
  const index = after.findIndex(({ state }) => state === 'waiting' || state === 'running')
  const step = after[index]
  if (step === undefined) return { actions: [], because: 'over' }
  const isContracting = rollout.runId !== null
  if (!isContracting && (view.isOvertaken || view.app.destroying)) return cancel(view, now)
  if (step.state === 'waiting') return change(view, index, { state: 'running', startedAt: now })
  return step.kind === 'soak' ? planSoak(view, index, step, now) : planContract(view, index, now)
}

function planSoak(
  view: RolloutView,
  index: number,
  step: RolloutStep,
  now: number,
): Plan<RolloutAction> {
  const stated = view.release.after?.[step.index ?? index]
  const until = (step.startedAt ?? now) + (stated?.kind === 'soak' ? stated.ms : 0)
  if (now >= until) return change(view, index, { state: 'done', endedAt: now })
  return { actions: [], because: 'soaks', wakeAt: until }
}

/** Refused for as long as something older runs: it would meet a schema that it does not know. */
function planContract(view: RolloutView, index: number, now: number): Plan<RolloutAction> {
  const { rollout, oldInstance } = view
  if (rollout.runId === null && oldInstance !== null) {
    return tell(view, index, `${oldInstance} still runs an older version`)
  }
  const progress = migrationProgress(view, 'contract')
  if (progress.outcome === 'done') return change(view, index, { state: 'done', endedAt: now })
  if (progress.outcome === 'failed') {
    const { because } = progress
    return change(view, index, { state: 'failed', endedAt: now, because }, { runId: null })
  }
  const { start, changes, passed, waitsFor } = progress
  if (start !== undefined) {
    const because = `the contract of ${start.of === 'migration' ? start.service : ''} starts`
    return one({ type: 'start-run', run: start, changes: {}, because })
  }
  if (changes !== undefined) return one({ type: 'advance', changes, passed, because: waitsFor })
  return { actions: [], because: `waits for ${waitsFor}` }
}

function cancel({ rollout, app }: RolloutView, now: number): Plan<RolloutAction> {
  const because = app.destroying ? 'the app is being destroyed' : 'a newer release has begun'
  const after = (rollout.after ?? []).map((step) =>
    step.state === 'waiting' || step.state === 'running'
      ? ({ ...step, state: 'cancelled', endedAt: now, because } as const)
      : step,
  )
  return one({ type: 'advance', changes: { after }, because: `what follows: ${because}` })
}

/** Says what it waits for, once. */
function tell(view: RolloutView, index: number, because: string): Plan<RolloutAction> {
  const step = view.rollout.after?.[index]
  if (step?.because === because) return { actions: [], because }
  return change(view, index, { because })
}

function change(
  { rollout }: RolloutView,
  index: number,
  to: Partial<RolloutStep>,
  more: Partial<Rollout> = {},
): Plan<RolloutAction> {
  const before = rollout.after ?? []
  const after = before.map((step, at) => (at === index ? { ...step, ...to } : step))
  // Nothing follows what has failed.
  const left =
    to.state === 'failed'
      ? after.map((step) =>
          step.state === 'waiting' ? ({ ...step, state: 'cancelled' } as const) : step,
        )
      : after
  const because = `${before[index]?.kind ?? ''}: ${to.because ?? to.state ?? ''}`
  return one({ type: 'advance', changes: { ...more, after: left }, because })
}

function one(action: RolloutAction): Plan<RolloutAction> {
  return { actions: [action], because: action.because }
}
