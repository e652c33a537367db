import type { Clock } from '../../base/clock.ts'
import type { Controller, Plan } from '../../base/control-loop.ts'
import { partsOf } from '../../base/key.ts'
import { replace, type Change, type Entry, type Snapshot, type State } from '../../store/port.ts'
import { nodeKey, type Node } from './model.ts'
import { planNodeHealth, type NodeAction, type NodeHealthView, type NodeSeen } from './plan.ts'
import { nodeKind } from './records.ts'

interface View extends NodeHealthView {
  readonly entry: Entry<Node>
}

interface Action {
  readonly decision: NodeAction
  readonly entry: Entry<Node>
}

/** Gives silent nodes up, and takes them back when they are heard again. */
export function nodesController(
  state: State,
  clock: Clock,
): Controller<Change, Snapshot, View, Action> {
  /** Monotonic ms at which this server learnt of each node's loss; no more than there are nodes. */
  const knownLost = new Map<string, number>()
  return {
    name: 'nodes',
    keysOf(change) {
      if (change.of === 'node') return [change.nodeId]
      return change.of === 'record' && change.kind === nodeKind.name
        ? [partsOf(change.key).name]
        : []
    },
    *allKeys(snapshot) {
      for (const entry of snapshot.list(nodeKind)) yield entry.value.id
    },
    observe(nodeId, snapshot) {
      const entry = snapshot.get(nodeKind, nodeKey(nodeId))
      if (entry?.value.lost === undefined) knownLost.delete(nodeId)
      else if (!knownLost.has(nodeId)) knownLost.set(nodeId, clock.monotonic())
      const seen = (node: Node): NodeSeen => {
        const since = knownLost.get(node.id)
        return nodeSeen(node, since === undefined ? 0 : clock.monotonic() - since, snapshot)
      }
      return entry && viewOf(entry, seen, snapshot)
    },
    plan(view, now): Plan<Action> {
      const plan = planNodeHealth(view, now)
      return {
        ...plan,
        actions: plan.actions.map((decision) => ({ decision, entry: view.entry })),
      }
    },
    async apply({ decision, entry }) {
      const { lost: _before, ...node } = entry.value
      const lost = decision.type === 'give-up' ? { lost: { since: clock.now() } } : {}
      await state.commit({
        writes: [replace(nodeKind, entry, { ...node, ...lost })],
        attribution: { who: 'nodes', what: `node.${decision.type}`, why: decision.because },
      })
    },
  }
}

function viewOf(entry: Entry<Node>, seen: (node: Node) => NodeSeen, snapshot: Snapshot): View {
  return {
    entry,
    node: seen(entry.value),
    // Read only when this node is silent: what every heartbeat and timer costs stays the same,
    // however many nodes there are.
    get all() {
      return [...snapshot.list(nodeKind)].map((other) => seen(other.value))
    },
    listeningSince: snapshot.observations.since,
  }
}

function nodeSeen(node: Node, knownLostForMs: number, snapshot: Snapshot): NodeSeen {
  return {
    id: node.id,
    heardAt: snapshot.observations.node(node.id)?.heardAt ?? null,
    lostSince: node.lost?.since ?? null,
    knownLostForMs,
    confirmed: node.lost?.confirmedBy !== undefined,
  }
}
