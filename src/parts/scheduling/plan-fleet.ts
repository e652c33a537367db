import type { NodeStatus } from '../nodes/model.ts'
import { cpuTolerance, hasDriver, type NodeView, type PendingInstance } from './model.ts'
import { couldHold } from './plan-zones.ts'

/** One bit for each thing that an instance may need of its node. */
const driverBits = {
  docker: 1,
  limits: 2,
  builds: 4,
  ports: 8,
  'limited-ports': 10,
  mounts: 16,
} as const

const drivers = ['docker', 'limits', 'builds', 'ports', 'mounts'] as const

/**
 * The nodes during one pass of the scheduler: what is free on each, in flat arrays, so that a
 * decision is one scan over numbers, and so that each decision sees those before it.
 *
 * Ties go by what nodes are and hold, by their ids last of all: other names for the same nodes lead
 * to the same decisions.
 */
export class Fleet {
  readonly #nodes: readonly NodeView[]
  /** All nodes whose instances may still run: they count for the spread by zone. */
  readonly #counted: readonly NodeView[]
  readonly #freeCpu: Float64Array
  readonly #freeMemory: Float64Array
  readonly #freeDisk: Float64Array
  readonly #freePorts: Int32Array
  /** What each has of what instances may need: the bits of `driverBits`. */
  readonly #drivers: Uint8Array
  /** One over capacity: makes shares of what is left over. */
  readonly #perCpu: Float64Array
  readonly #perMemory: Float64Array
  readonly #perDisk: Float64Array
  readonly #zoneOf: Int32Array
  /** Each node's place in the order that decides ties; undefined: ties are compared as they come. */
  readonly #ranks: Int32Array | undefined
  readonly #zones = new Map<string, number>()
  readonly #groups = new Map<string, GroupCounts>()
  /** By what is asked for: the zones with a node that is large enough. */
  readonly #takers = new Map<string, readonly number[]>()
  readonly #pickers = new Map<number, PortPicker>()
  /** Where this pass has put apps that stand on one node. */
  readonly #homes = new Map<string, string>()

  /** `decisions`: about how many are to be taken; for many, ties are decided beforehand. */
  constructor(
    nodes: readonly NodeView[],
    statusOf: (node: NodeView) => NodeStatus,
    decisions: number,
  ) {
    const ready: NodeView[] = []
    const counted: NodeView[] = []
    for (const node of nodes) {
      const status = statusOf(node)
      if (status === 'lost') continue
      counted.push(node)
      if (status === 'ready') ready.push(node)
      if (!this.#zones.has(node.zone)) this.#zones.set(node.zone, this.#zones.size)
    }
    this.#nodes = ready
    this.#counted = counted
    const column = (): Float64Array => new Float64Array(ready.length)
    this.#freeCpu = column()
    this.#freeMemory = column()
    this.#freeDisk = column()
    this.#perCpu = column()
    this.#perMemory = column()
    this.#perDisk = column()
    this.#freePorts = new Int32Array(ready.length)
    this.#drivers = new Uint8Array(ready.length)
    this.#zoneOf = new Int32Array(ready.length)
    ready.forEach((node, index) => this.#fill(index, node))
    this.#ranks = decisions < ranksWorthwhile ? undefined : ranksOf(ready)
  }

  #fill(index: number, node: NodeView): void {
    const { capacity, used } = node
    this.#freeCpu[index] = capacity.cpu - used.cpu
    this.#freeMemory[index] = capacity.memoryBytes - used.memoryBytes
    this.#freeDisk[index] = capacity.diskBytes - used.diskBytes
    this.#freePorts[index] = freePortsOf(node)
    const has = drivers.filter((driver) => hasDriver(node, driver))
    this.#drivers[index] = has.reduce((bits, driver) => bits | driverBits[driver], 0)
    this.#perCpu[index] = 1 / Math.max(capacity.cpu, cpuTolerance)
    this.#perMemory[index] = 1 / Math.max(capacity.memoryBytes, 1)
    this.#perDisk[index] = 1 / Math.max(capacity.diskBytes, 1)
    this.#zoneOf[index] = this.#zones.get(node.zone) ?? 0
  }

  /**
   * How large an instance is beside all usable nodes together: the largest of its shares. Large
   * ones are placed first, while there is a gap that is large enough.
   */
  sizer(): (instance: PendingInstance) => number {
    let cpu = cpuTolerance
    let memory = 1
    let disk = 1
    for (const { capacity } of this.#nodes) {
      cpu += capacity.cpu
      memory += capacity.memoryBytes
      disk += capacity.diskBytes
    }
    return ({ resources }) =>
      Math.max(resources.cpu / cpu, resources.memoryBytes / memory, resources.diskBytes / disk)
  }

  /** Takes the best place for an instance; undefined when no node can take it. */
  place(instance: PendingInstance): { nodeId: string; port: number | null } | undefined {
    const counts = this.#countsOf(instance.group)
    const index = this.#indexFor(instance, counts)
    const node = this.#nodes[index]
    if (node === undefined) return undefined
    this.#take(index, instance, counts)
    if (instance.together !== undefined) this.#homes.set(instance.together.app, node.id)
    return { nodeId: node.id, port: instance.needsPort ? this.#portOn(index, node) : null }
  }

  /** The first of an app that stands on one node takes one with room for all, if there is any. */
  #indexFor(instance: PendingInstance, counts: GroupCounts): number {
    const { homes, together } = instance
    const homeIds = new Set(homes.map(({ nodeId }) => nodeId))
    const found = together && this.#homes.get(together.app)
    if (found !== undefined) homeIds.add(found)
    const [only] = homeIds
    if (homeIds.size > 1) return -1
    if (only === undefined && together !== undefined) {
      const { resources } = together
      const roomy = this.#bestFor({ ...instance, resources }, counts, undefined)
      if (roomy !== -1) return roomy
    }
    return this.#bestFor(instance, counts, only)
  }

  /**
   * The node with the fewest of the group in its zone, then the fewest on it, then the least left
   * over; -1 when there is none. One scan, no allocation: it runs for every placement.
   */
  #bestFor(instance: PendingInstance, counts: GroupCounts, only: string | undefined): number {
    const { resources, needsPort, spread } = instance
    const { cpu, memoryBytes, diskBytes } = resources
    const [byZone, byNode] = [spread.zone !== 'none', spread.node !== 'none']
    const nodeAlone = spread.node === 'require'
    const inZoneMax = spread.zone === 'require' ? this.#evenCount(instance, counts) : Infinity
    const ports = needsPort ? 1 : 0
    const needed = instance.driver === undefined ? 0 : driverBits[instance.driver]
    let best = -1
    let bestInZone = Infinity
    let bestOnNode = Infinity
    let bestLeft = Infinity
    for (let index = 0; index < this.#nodes.length; index++) {
      if (only !== undefined && this.#nodes[index]!.id !== only) continue
      if ((this.#drivers[index]! & needed) !== needed) continue
      const freeCpu = this.#freeCpu[index]! - cpu
      if (freeCpu < -cpuTolerance) continue
      const freeMemory = this.#freeMemory[index]! - memoryBytes
      const freeDisk = this.#freeDisk[index]! - diskBytes
      if (freeMemory < 0 || freeDisk < 0 || this.#freePorts[index]! < ports) continue
      const inZone = byZone ? counts.byZone[this.#zoneOf[index]!]! : 0
      if (inZone > bestInZone || inZone > inZoneMax) continue
      const onNode = byNode ? counts.byNode[index]! : 0
      if (nodeAlone && onNode > 0) continue
      if (inZone === bestInZone && onNode > bestOnNode) continue
      const left =
        freeCpu * this.#perCpu[index]! +
        freeMemory * this.#perMemory[index]! +
        freeDisk * this.#perDisk[index]!
      if (inZone === bestInZone && onNode === bestOnNode) {
        if (left > bestLeft || (left === bestLeft && !this.#isBefore(index, best))) continue
      }
      best = index
      bestInZone = inZone
      bestOnNode = onNode
      bestLeft = left
    }
    return best
  }

  /** What a zone may hold of a group before it takes one more, so that zones stay even. */
  #evenCount(instance: PendingInstance, { byZone }: GroupCounts): number {
    let least = Infinity
    for (const zone of this.#takersOf(instance)) least = Math.min(least, byZone[zone]!)
    return least
  }

  #takersOf(instance: PendingInstance): readonly number[] {
    const { cpu, memoryBytes, diskBytes } = instance.resources
    const key = `${cpu} ${memoryBytes} ${diskBytes} ${instance.needsPort} ${instance.driver}`
    const known = this.#takers.get(key)
    if (known !== undefined) return known
    const large = this.#counted.filter((node) => couldHold(node, instance))
    const zones = [...new Set(large.map((node) => this.#zones.get(node.zone)!))]
    this.#takers.set(key, zones)
    return zones
  }

  /** Whether a node comes before another that is as good. */
  #isBefore(index: number, other: number): boolean {
    const ranks = this.#ranks
    if (ranks !== undefined) return ranks[index]! < ranks[other]!
    return compareNodes(this.#nodes[index]!, this.#nodes[other]!) < 0
  }

  #take(index: number, instance: PendingInstance, counts: GroupCounts): void {
    const { cpu, memoryBytes, diskBytes } = instance.resources
    this.#freeCpu[index]! -= cpu
    this.#freeMemory[index]! -= memoryBytes
    this.#freeDisk[index]! -= diskBytes
    counts.byNode[index]! += 1
    counts.byZone[this.#zoneOf[index]!]! += 1
  }

  #portOn(index: number, node: NodeView): number {
    const picker = this.#pickers.get(index) ?? new PortPicker(node)
    this.#pickers.set(index, picker)
    this.#freePorts[index]! -= 1
    return picker.take()
  }

  /** Counts of a group by node and by zone; made at its first use in a pass. */
  #countsOf(group: string): GroupCounts {
    const known = this.#groups.get(group)
    if (known !== undefined) return known
    const byNode = new Int32Array(this.#nodes.length)
    this.#nodes.forEach((node, index) => {
      byNode[index] = node.groups.get(group) ?? 0
    })
    const byZone = new Int32Array(this.#zones.size)
    for (const node of this.#counted) {
      byZone[this.#zones.get(node.zone)!]! += node.groups.get(group) ?? 0
    }
    const counts = { byNode, byZone }
    this.#groups.set(group, counts)
    return counts
  }
}

interface GroupCounts {
  readonly byNode: Int32Array
  readonly byZone: Int32Array
}

/** From as many decisions on, sorting all nodes once costs less than comparing those that tie. */
const ranksWorthwhile = 8

function ranksOf(nodes: readonly NodeView[]): Int32Array {
  const ranks = new Int32Array(nodes.length)
  const order = nodes.map((_, index) => index)
  order.sort((a, b) => compareNodes(nodes[a]!, nodes[b]!))
  order.forEach((index, rank) => {
    ranks[index] = rank
  })
  return ranks
}

/** Ports of a node's range that nobody holds. */
export function freePortsOf(node: NodeView): number {
  return Math.max(0, node.portsTo - node.portsFrom + 1) - node.portsUsed.size
}

/** Gives a node's ports in turn, so that one just freed rests while another is free. */
class PortPicker {
  readonly #from: number
  readonly #size: number
  readonly #used: Set<number>
  #next: number

  constructor(node: NodeView) {
    this.#from = node.portsFrom
    this.#size = node.portsTo - node.portsFrom + 1
    this.#used = new Set(node.portsUsed)
    const isInRange = node.portCursor >= node.portsFrom && node.portCursor < node.portsTo
    this.#next = isInRange ? node.portCursor + 1 : node.portsFrom
  }

  /** The next free port; the caller has made sure that there is one. */
  take(): number {
    while (this.#used.has(this.#next)) this.#advance()
    const port = this.#next
    this.#used.add(port)
    this.#advance()
    return port
  }

  #advance(): void {
    this.#next = this.#from + ((this.#next - this.#from + 1) % this.#size)
  }
}

/** By what nodes are and hold; by id only where nothing else tells them apart. */
function compareNodes(a: NodeView, b: NodeView): number {
  return (
    compareTexts(a.zone, b.zone) ||
    a.used.memoryBytes - b.used.memoryBytes ||
    a.used.cpu - b.used.cpu ||
    a.used.diskBytes - b.used.diskBytes ||
    a.capacity.memoryBytes - b.capacity.memoryBytes ||
    a.capacity.cpu - b.capacity.cpu ||
    a.capacity.diskBytes - b.capacity.diskBytes ||
    freePortsOf(a) - freePortsOf(b) ||
    compareGroups(a.groups, b.groups) ||
    compareTexts(a.id, b.id)
  )
}

function compareGroups(a: NodeView['groups'], b: NodeView['groups']): number {
  if (a.size !== b.size) return a.size - b.size
  const others = b.entries()
  for (const [group, count] of a) {
    const [otherGroup, otherCount] = others.next().value ?? [group, count]
    const order = compareTexts(group, otherGroup) || count - otherCount
    if (order !== 0) return order
  }
  return 0
}

/** Order by code units: the same on every machine, whatever its locale. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
