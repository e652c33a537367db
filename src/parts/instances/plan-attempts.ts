import type { Plan } from '../../base/control-loop.ts'
import type { InstanceAction, InstanceSeen } from './plan.ts'

/** Ended attempts kept per job and cell: the run itself keeps how each of its attempts ended. */
const endedKept = 5

/**
 * Lets go of attempts that no run waits for any more. A run creates its attempt and notes its exit
 * code first; only then the instance is ended here.
 */
export function planAttempts(
  view: { readonly instances: readonly InstanceSeen[]; readonly ended: readonly string[] },
  wanted: ReadonlySet<string>,
): Plan<InstanceAction> {
  const actions: InstanceAction[] = []
  for (const { instance, observed, nodeLost } of view.instances) {
    if (wanted.has(instance.id)) continue
    const { id } = instance
    if (instance.desired === 'running') {
      actions.push({ type: 'stop', id, because: 'its run has gone on' })
    } else if (instance.state === 'placed' && (observed?.state === 'exited' || nodeLost)) {
      actions.push({ type: 'end', id, because: observed?.because ?? 'its node is lost' })
    }
  }
  for (const id of view.ended.slice(0, Math.max(0, view.ended.length - endedKept))) {
    actions.push({ type: 'forget', id })
  }
  return { actions, because: `${wanted.size} attempts wanted` }
}
