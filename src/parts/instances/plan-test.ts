import type { Plan } from '../../base/control-loop.ts'
import type { InstanceAction, InstanceSeen } from './plan.ts'

/** Ended test runs kept per app and cell. */
const endedKept = 5

/**
 * Lets go of test runs that no rollout waits for any more. A rollout creates its test and reads its
 * exit code first; only then the run is ended here.
 */
export function planTest(
  view: { readonly instances: readonly InstanceSeen[]; readonly ended: readonly string[] },
  wanted: ReadonlySet<string>,
): Plan<InstanceAction> {
  const actions: InstanceAction[] = []
  for (const { instance, observed, nodeLost } of view.instances) {
    if (wanted.has(instance.id)) continue
    const { id } = instance
    if (instance.desired === 'running') {
      actions.push({ type: 'stop', id, because: 'its rollout has gone on' })
    } else if (instance.state === 'placed' && (observed?.state === 'exited' || nodeLost)) {
      actions.push({ type: 'end', id, because: observed?.because ?? 'its node is lost' })
    }
  }
  for (const id of view.ended.slice(0, Math.max(0, view.ended.length - endedKept))) {
    actions.push({ type: 'forget', id })
  }
  return { actions, because: `${wanted.size} test runs wanted` }
}
