import type { State } from '../../store/port.ts'
import { serviceName, type Instance } from '../instances/model.ts'
import { instanceKind } from '../instances/records.ts'
import type { Node, Resources } from '../nodes/model.ts'
import { groupOf, type NodeView } from './model.ts'
import { addResources } from './plan.ts'
import { compareTexts } from './plan-fleet.ts'

/** What is reserved on one node, as the scheduler's view of it says. */
export type Reserved = Pick<NodeView, 'used' | 'portsUsed' | 'portCursor' | 'groups'> & {
  /** Instances that hold a place. */
  readonly instances: number
}

/**
 * What placed instances reserve on each node, kept up to date by each change of a record, so that
 * no pass of the scheduler looks at all instances.
 *
 * Sums are made anew from a node's own instances when one of them changed, never by subtraction:
 * ten thousand fractions of a core that come and go leave nothing behind.
 */
export class NodeUsage {
  readonly #nodes = new Map<string, NodeEntry>()
  readonly #stop: () => void

  constructor(state: State) {
    const inOrder = [...state.snapshot.list(instanceKind)].toSorted(
      (a, b) => a.createdRevision - b.createdRevision,
    )
    for (const { value } of inOrder) this.#change(undefined, value)
    this.#stop = state.subscribe((change) => {
      if (change.of !== 'record' || change.kind !== instanceKind.name) return
      this.#change(change.before as Instance | undefined, change.after as Instance | undefined)
    })
  }

  /**
   * What is reserved on a node. `portsTaken` are ports that something else on the machine holds;
   * those outside of the node's range are left out.
   */
  reservedOn(node: Node, portsTaken: readonly number[] = noPorts): Reserved {
    const entry = this.#nodes.get(node.id)
    if (entry === undefined) return summed(new NodeEntry(), node, portsTaken)
    const { cached } = entry
    const isFresh = cached?.portsTaken === portsTaken && cached.ports === node.ports
    if (isFresh) return cached.reserved
    const reserved = summed(entry, node, portsTaken)
    entry.cached = { reserved, portsTaken, ports: node.ports }
    return reserved
  }

  /** Stops to follow the state. */
  close(): void {
    this.#stop()
  }

  #change(before: Instance | undefined, after: Instance | undefined): void {
    if (before?.placement && before.state === 'placed') {
      this.#entryOf(before.placement.nodeId).drop(before.id)
    }
    if (!after?.placement) return
    const { nodeId, port } = after.placement
    const entry = this.#entryOf(nodeId)
    if (before?.placement !== after.placement && port !== null) entry.portCursor = port
    if (after.state === 'placed') entry.add(after)
  }

  #entryOf(nodeId: string): NodeEntry {
    const entry = this.#nodes.get(nodeId) ?? new NodeEntry()
    this.#nodes.set(nodeId, entry)
    return entry
  }
}

const noPorts: readonly number[] = []

/** One node's instances, and the sums over them until one changes. */
class NodeEntry {
  readonly instances = new Map<string, Instance>()
  /** The port that was given last. */
  portCursor: number | undefined
  cached:
    | {
        readonly reserved: Reserved
        readonly portsTaken: readonly number[]
        readonly ports: Node['ports']
      }
    | undefined

  add(instance: Instance): void {
    this.instances.set(instance.id, instance)
    this.cached = undefined
  }

  drop(instanceId: string): void {
    this.instances.delete(instanceId)
    this.cached = undefined
  }
}

function summed(entry: NodeEntry, node: Node, portsTaken: readonly number[]): Reserved {
  const { from, to } = node.ports
  const isInRange = (port: number): boolean => port >= from && port <= to
  const portsUsed = new Set(portsTaken.filter(isInRange))
  const groups = new Map<string, number>()
  let used: Resources = { cpu: 0, memoryBytes: 0, diskBytes: 0 }
  for (const instance of entry.instances.values()) {
    used = addResources(used, instance.resources)
    const port = instance.placement?.port ?? null
    if (port !== null && isInRange(port)) portsUsed.add(port)
    if (instance.purpose === 'job') continue
    const group = groupOf(serviceName(instance.at, instance.service), instance.specDigest)
    groups.set(group, (groups.get(group) ?? 0) + 1)
  }
  return {
    used,
    portsUsed,
    portCursor: entry.portCursor ?? from - 1,
    groups: new Map([...groups].toSorted(([a], [b]) => compareTexts(a, b))),
    instances: entry.instances.size,
  }
}
