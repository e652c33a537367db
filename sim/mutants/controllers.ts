import type { Plan } from '../../src/base/control-loop.ts'
import type { InstanceAction, InstanceSeen } from '../../src/parts/instances/plan.ts'
import type { ServiceView } from '../../src/parts/instances/service-view.ts'
import type { RolloutAction } from '../../src/parts/rollouts/plan-actions.ts'
import type { ObservedRollout } from '../../src/parts/rollouts/rollout-view.ts'
import type { SchedulingView } from '../../src/parts/scheduling/placement-view.ts'
import type { PlacementBatch } from '../../src/parts/scheduling/controller.ts'
import type { Entry } from '../../src/store/port.ts'
import type { Instance } from '../../src/parts/instances/model.ts'
import type { NodeHealthView } from '../../src/parts/nodes/plan.ts'
import type { AnyController } from '../../src/server/controllers.ts'
import type { Mutation } from './mutation.ts'

/** Ways to change what one controller sees, or what it decided. */

/** An action of the instances controller, as its `apply` takes it. */
export interface InstanceDeed {
  readonly decision: InstanceAction
  readonly entry: Entry<Instance> | undefined
  readonly view: ServiceView
}

/** An action of the rollouts controller. */
export interface RolloutDeed {
  readonly decision: RolloutAction
  readonly view: ObservedRollout
}

/** What the views and actions of each controller are, by its name. */
interface Minds {
  instances: { view: ServiceView; action: InstanceDeed }
  rollouts: { view: { readonly rollouts: readonly ObservedRollout[] }; action: RolloutDeed }
  scheduling: { view: SchedulingView; action: PlacementBatch }
  nodes: { view: NodeHealthView; action: unknown }
}
type Name = keyof Minds

/** A controller that sees something else than what is. */
export function seeing<N extends Name>(
  name: N,
  change: (view: Minds[N]['view'], now: number) => Minds[N]['view'],
): Mutation {
  return wrapped(name, (controller) => ({
    ...controller,
    plan: (view, now) => controller.plan(change(view as Minds[N]['view'], now), now),
  }))
}

/** A controller that decides something else than it should. */
export function deciding<N extends Name>(
  name: N,
  change: (
    plan: Plan<Minds[N]['action']>,
    view: Minds[N]['view'],
    now: number,
  ) => Plan<Minds[N]['action']>,
): Mutation {
  return wrapped(name, (controller) => ({
    ...controller,
    plan(view, now) {
      const plan = controller.plan(view, now) as Plan<Minds[N]['action']>
      return change(plan, view as Minds[N]['view'], now)
    },
  }))
}

/** A controller in which anything may be changed. */
export function wrapped(name: Name, wrap: (controller: AnyController) => AnyController): Mutation {
  return { controller: (one) => (one.name === name ? wrap(one) : one) }
}

/** The instances of a view, each as something else. */
export function withInstances(
  view: ServiceView,
  change: (seen: InstanceSeen) => InstanceSeen,
): ServiceView {
  return { ...view, instances: view.instances.map(change) }
}

/** As if its agent had said that it can serve. */
export function asReady(seen: InstanceSeen, now: number): InstanceSeen {
  const observed = {
    instanceId: seen.instance.id,
    because: 'a mutant says so',
    since: now,
    runs: 1,
    pid: null,
    lastExit: null,
    warmedUp: null,
    ...seen.observed,
    state: 'ready',
  } as const
  return { ...seen, observed, nodeLost: false }
}

/** A deed on an instance of the view. */
export function deed(
  view: ServiceView,
  type: 'drain' | 'stop' | 'end' | 'promote',
  seen: InstanceSeen,
): InstanceDeed {
  const { id } = seen.instance
  return {
    decision: { type, id, because: 'a mutant wants it' },
    entry: view.entries.get(id),
    view,
  }
}

/** Instances in a pool that are wanted and placed. */
export function runningIn(view: ServiceView, pool: Instance['pool']): InstanceSeen[] {
  return view.instances.filter(
    ({ instance }) =>
      instance.pool === pool && instance.desired === 'running' && instance.state === 'placed',
  )
}
