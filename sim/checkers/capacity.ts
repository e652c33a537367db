import { cpuTolerance } from '../../src/parts/scheduling/model.ts'
import type { Instance } from '../../src/parts/instances/model.ts'
import type { Resources } from '../../src/parts/nodes/model.ts'
import type { SimEvent, SimProcess, SimView, Violation } from '../view.ts'
import { Promised } from './checker.ts'
import type { RecordIndex } from './record-index.ts'

/** What is promised of what machines have, and of who was given it. */

const nothing: Resources = { cpu: 0, memoryBytes: 0, diskBytes: 0 }

/** S2: what runs on a machine fits on it. */
export class RunningFits extends Promised {
  readonly invariant = 'S2'
  readonly promise = 'What runs on a machine together never asks for more than the machine has.'
  readonly hears = ['commit', 'process-started', 'process-ended'] as const
  readonly #index: RecordIndex
  /** By node, then by instance: what each process that runs asks for. */
  readonly #running = new Map<string, Map<string, Resources>>()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is === 'commit') this.#index.take(event.change)
    else if (event.is === 'process-ended') this.#on(event.process).delete(event.process.instanceId)
    else if (event.is === 'process-started') return this.#start(event.process, view)
    return undefined
  }

  #start(process: SimProcess, view: SimView): Violation | undefined {
    const { instanceId, nodeId } = process
    const running = this.#on(process)
    running.set(instanceId, this.#index.instance(instanceId)?.resources ?? nothing)
    const machine = view.machine(nodeId)
    if (machine === undefined) return undefined
    const sum = sumOf(running.values())
    const excess = excessOf(sum, machine.capacity)
    if (excess === undefined) return undefined
    return this.broken(
      view,
      `with ${instanceId}, ${running.size} instances on ${nodeId} ask for ${excess}`,
    )
  }

  #on({ nodeId }: SimProcess): Map<string, Resources> {
    const known = this.#running.get(nodeId)
    if (known !== undefined) return known
    const made = new Map<string, Resources>()
    this.#running.set(nodeId, made)
    return made
  }
}

/** S2a: what is stored as given away fits too. */
export class PlacementsFit extends Promised {
  readonly invariant = 'S2a'
  readonly promise =
    'The instances that hold a place on a node never ask together for more than it has.'
  readonly hears = ['commit'] as const
  readonly #index: RecordIndex

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is !== 'commit') return undefined
    for (const placed of newPlacements(this.#index, event)) {
      const { nodeId } = placed.placement
      const node = this.#index.node(nodeId)
      if (node === undefined)
        return this.broken(view, `${placed.id} was placed on ${nodeId}, which is no node`)
      const excess = excessOf(sumOf(resourcesOn(this.#index, nodeId)), node.capacity)
      if (excess === undefined) continue
      return this.broken(view, `with ${placed.id}, the places on ${nodeId} add up to ${excess}`)
    }
    return undefined
  }
}

/** S9: a port is given once, and listened on once. */
export class PortsUnique extends Promised {
  readonly invariant = 'S9'
  readonly promise =
    'No port of a machine is given to two instances, or listened on by two of them.'
  readonly hears = ['commit', 'process-started', 'process-ended'] as const
  readonly #index: RecordIndex
  /** `node port` to the instance that listens there. */
  readonly #held = new Map<string, string>()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    switch (event.is) {
      case 'commit':
        return this.#commit(event, view)
      case 'process-started':
        return this.#start(event.process, view)
      case 'process-ended': {
        const { nodeId, port, instanceId } = event.process
        const place = `${nodeId} ${port}`
        if (this.#held.get(place) === instanceId) this.#held.delete(place)
        return undefined
      }
      default:
        return undefined
    }
  }

  #start({ nodeId, port, instanceId }: SimProcess, view: SimView): Violation | undefined {
    if (port === null) return undefined
    const place = `${nodeId} ${port}`
    const holder = this.#held.get(place)
    this.#held.set(place, instanceId)
    if (holder === undefined || holder === instanceId) return undefined
    return this.broken(
      view,
      `${instanceId} started on ${nodeId} port ${port}, where ${holder} listens`,
    )
  }

  #commit(event: Extract<SimEvent, { is: 'commit' }>, view: SimView): Violation | undefined {
    for (const placed of newPlacements(this.#index, event)) {
      const { nodeId, port } = placed.placement
      if (port === null) continue
      for (const other of this.#index.placedOn(nodeId)) {
        if (other.id === placed.id || other.placement?.port !== port) continue
        return this.broken(
          view,
          `port ${port} of ${nodeId} was given to ${placed.id} and to ${other.id}`,
        )
      }
    }
    return undefined
  }
}

/** S10: the account of what is reserved is that of the records, and ends at nothing. */
export class NothingLeaks extends Promised {
  readonly invariant = 'S10'
  readonly promise =
    "The scheduler's account of a node is exactly what its placed instances ask for: no leak, nothing credited twice, nothing left when all work has stopped."
  readonly hears = ['commit', 'pass', 'end'] as const
  readonly #index: RecordIndex
  /** Nodes whose placements changed since they were last compared. */
  readonly #changed = new Set<string>()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is === 'commit') {
      for (const { kind, before, after } of this.#index.take(event.change)) {
        if (kind !== 'instance') continue
        for (const one of [before, after] as (Instance | undefined)[]) {
          if (one?.placement) this.#changed.add(one.placement.nodeId)
        }
      }
      return undefined
    }
    const nodes = event.is === 'end' ? [...this.#index.nodes()].map(({ id }) => id) : this.#changed
    for (const nodeId of nodes) {
      const violation = this.#compare(nodeId, view)
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #compare(nodeId: string, view: SimView): Violation | undefined {
    const account = view.leader?.reservedOn?.(nodeId)
    if (account === undefined || account.revision !== this.#index.revision) return undefined
    this.#changed.delete(nodeId)
    const placed = sumOf(resourcesOn(this.#index, nodeId))
    const { used } = account
    const isSame =
      Math.abs(used.cpu - placed.cpu) <= cpuTolerance &&
      used.memoryBytes === placed.memoryBytes &&
      used.diskBytes === placed.diskBytes
    if (isSame) return undefined
    return this.broken(
      view,
      `${nodeId}: ${textOf(used)} count as reserved; its instances ask for ${textOf(placed)}`,
    )
  }
}

type Placed = Instance & { readonly placement: NonNullable<Instance['placement']> }

/** Instances that a commit gave a place. */
export function* newPlacements(
  index: RecordIndex,
  { change }: Extract<SimEvent, { is: 'commit' }>,
): Iterable<Placed> {
  for (const { kind, before, after } of index.take(change)) {
    if (kind !== 'instance' || after === undefined) continue
    const instance = after as Instance
    const earlier = before as Instance | undefined
    if (instance.state !== 'placed' || earlier?.state === 'placed') continue
    if (instance.placement !== null) yield instance as Placed
  }
}

function* resourcesOn(index: RecordIndex, nodeId: string): Iterable<Resources> {
  for (const { resources } of index.placedOn(nodeId)) yield resources
}

function sumOf(all: Iterable<Resources>): Resources {
  let { cpu, memoryBytes, diskBytes } = nothing
  for (const one of all) {
    cpu += one.cpu
    memoryBytes += one.memoryBytes
    diskBytes += one.diskBytes
  }
  return { cpu, memoryBytes, diskBytes }
}

function excessOf(
  sum: Resources,
  capacity: { readonly cpu: number; readonly memoryBytes: number },
): string | undefined {
  if (sum.cpu > capacity.cpu + cpuTolerance) {
    return `${sum.cpu.toFixed(2)} of ${capacity.cpu} cores`
  }
  if (sum.memoryBytes > capacity.memoryBytes) {
    return `${sum.memoryBytes} of ${capacity.memoryBytes} bytes of memory`
  }
  return undefined
}

function textOf({ cpu, memoryBytes, diskBytes }: Resources): string {
  return `${cpu.toFixed(2)} cores, ${memoryBytes} bytes of memory and ${diskBytes} of disk`
}
