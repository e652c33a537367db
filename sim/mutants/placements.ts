import type { NodeView } from '../../src/parts/scheduling/model.ts'
import { noSpread } from '../../src/parts/scheduling/model.ts'
import type { SchedulingView } from '../../src/parts/scheduling/placement-view.ts'
import { seeing, wrapped } from './controllers.ts'
import type { Mutant } from './mutation.ts'

/** Mutants that place wrongly. */

export const placementMutants: readonly Mutant[] = [
  {
    name: 'scheduling-overbooks',
    breaks: 'The scheduler takes each node for twice as large as it is.',
    caughtBy: ['S2a', 'S2'],
    mutation: () =>
      seeing('scheduling', (view) =>
        withNodes(view, (node) => ({
          ...node,
          capacity: { ...node.capacity, cpu: node.capacity.cpu * 2 },
        })),
      ),
  },
  {
    name: 'ports-given-twice',
    breaks: 'The scheduler does not know which ports of a node are taken.',
    caughtBy: ['S9'],
    mutation: () =>
      seeing('scheduling', (view) =>
        withNodes(view, (node) => ({
          ...node,
          portsUsed: new Set<number>(),
          portCursor: node.portsFrom - 1,
        })),
      ),
  },
  {
    name: 'pass-forgets-its-decisions',
    breaks: 'Of what a pass of the scheduler decides, the next decision sees nothing.',
    caughtBy: ['S9', 'S2a'],
    mutation: () =>
      wrapped('scheduling', (controller) => ({
        ...controller,
        plan(view, now) {
          const seen = view as SchedulingView
          const plans = seen.pending.map((one) => controller.plan({ ...seen, pending: [one] }, now))
          const actions = plans.flatMap((plan) => plan.actions)
          return { actions, because: plans.map(({ because }) => because).join('; ') }
        },
      })),
  },
  {
    name: 'spread-ignored',
    breaks: 'The scheduler puts instances side by side that are to stand apart.',
    caughtBy: ['S11'],
    mutation: () =>
      seeing('scheduling', (view) => ({
        ...view,
        pending: view.pending.map((one) => ({ ...one, spread: noSpread })),
      })),
  },
  {
    name: 'room-goes-unnoticed',
    breaks: 'The scheduler looks again only when something new wants a place.',
    caughtBy: ['L5', 'L7'],
    mutation: () =>
      wrapped('scheduling', (controller) => ({
        ...controller,
        keysOf(change, snapshot) {
          const isNew = change.of === 'record' && change.before === undefined
          return isNew ? controller.keysOf(change, snapshot) : []
        },
        *allKeys() {},
        plan: (view, now) => ({ ...controller.plan(view, now), wakeAt: undefined }),
      })),
  },
  {
    name: 'reservations-leak',
    breaks: 'What was once reserved on a node is given back only in part.',
    caughtBy: ['S10'],
    mutation: () => ({
      usage(usage) {
        const most = new Map<string, number>()
        const reservedOn = usage.reservedOn.bind(usage)
        usage.reservedOn = (node, portsTaken) => {
          const reserved = reservedOn(node, portsTaken)
          const { used } = reserved
          const peak = Math.max(most.get(node.id) ?? 0, used.cpu)
          most.set(node.id, peak)
          return { ...reserved, used: { ...used, cpu: used.cpu + (peak - used.cpu) * 0.1 } }
        }
      },
    }),
  },
]

function withNodes(view: SchedulingView, change: (node: NodeView) => NodeView): SchedulingView {
  return { ...view, nodes: view.nodes.map(change) }
}
