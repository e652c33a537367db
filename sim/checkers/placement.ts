import type { Instance } from '../../src/parts/instances/model.ts'
import type { Node, Resources } from '../../src/parts/nodes/model.ts'
import { cpuTolerance } from '../../src/parts/scheduling/model.ts'
import type { SimEvent, SimView, Violation } from '../view.ts'
import { newPlacements } from './capacity.ts'
import { Promised } from './checker.ts'
import { Quiet } from './quiet.ts'
import { nameOf, type RecordIndex } from './record-index.ts'

/** What is promised of where instances are put, and when. */

/** S11: rules of spreading hold when an instance is placed. */
export class SpreadKept extends Promised {
  readonly invariant = 'S11'
  readonly promise =
    'Under `spread: require`, no instance is placed on a node that has one of its service and version, nor, in quiet times, in a zone that has more of them than another that could take one.'
  readonly hears = ['commit', 'end', ...Quiet.hears] as const
  readonly #index: RecordIndex
  readonly #quiet = new Quiet()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    this.#quiet.notice(event, view)
    if (event.is !== 'commit') return undefined
    for (const placed of newPlacements(this.#index, event)) {
      if (placed.purpose !== 'service') continue
      const spread = this.#index.specOf(placed)?.spread
      const { nodeId } = placed.placement
      const twin = spread?.node === 'require' ? this.#twinOf(placed, nodeId) : undefined
      if (twin === undefined) continue
      return this.broken(
        view,
        `${placed.id} of ${nameOf(placed)} was placed on ${nodeId}, beside ${twin.id} of the same version`,
      )
    }
    return this.#quiet.lasts(view) > aftermathMs ? this.#judgeZones(event, view) : undefined
  }

  #twinOf(placed: Instance, nodeId: string): Instance | undefined {
    for (const other of this.#index.placedOn(nodeId)) {
      if (other.id !== placed.id && isTwin(placed, other)) return other
    }
    return undefined
  }

  /** Zones stay within one of each other, as long as each has a node that is large enough. */
  #judgeZones(event: Extract<SimEvent, { is: 'commit' }>, view: SimView): Violation | undefined {
    for (const placed of newPlacements(this.#index, event)) {
      if (this.#index.specOf(placed)?.spread.zone !== 'require') continue
      const counts = this.#countsOf(placed)
      const zone = this.#index.node(placed.placement.nodeId)?.zone ?? ''
      const here = counts.get(zone) ?? 0
      const least = Math.min(...counts.values())
      if (here <= least + 1) continue
      const list = [...counts].map(([name, count]) => `${name} ${count}`).join(', ')
      return this.broken(
        view,
        `${placed.id} of ${nameOf(placed)} was placed in zone ${zone}: ${list}`,
      )
    }
    return undefined
  }

  #countsOf(placed: Instance): Map<string, number> {
    const counts = new Map<string, number>()
    for (const node of this.#index.nodes()) {
      if (node.lost !== undefined || !isLargeEnough(node, placed.resources)) continue
      let count = counts.get(node.zone) ?? 0
      for (const other of this.#index.placedOn(node.id)) if (isTwin(placed, other)) count++
      counts.set(node.zone, count)
    }
    return counts
  }
}

/** A fault's effects on what counts as a zone are over after this long, in ms. */
const aftermathMs = 60_000

/** Pending work with room is placed within this time, in ms. */
const placedWithinMs = 30_000

/** L5: what fits is placed. */
export class RoomIsUsed extends Promised {
  readonly invariant = 'L5'
  readonly promise =
    'In quiet times no instance waits longer than 30 s while a node that may take it has room and a port.'
  readonly hears = ['commit', 'end', ...Quiet.hears] as const
  readonly #index: RecordIndex
  readonly #quiet = new Quiet()
  /** True time at which each pending instance began to wait. */
  readonly #waitsSince = new Map<string, number>()
  /** True time at which room was made last. */
  #freedAt = 0

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    this.#quiet.notice(event, view)
    if (event.is === 'commit') {
      this.#commit(event, view)
      return undefined
    }
    if (event.is !== 'end' || this.#quiet.lasts(view) < placedWithinMs) return undefined
    for (const [id, since] of this.#waitsSince) {
      const instance = this.#index.instance(id)
      if (instance === undefined || instance.desired === 'stopped') continue
      const waitsMs = view.now() - Math.max(since, this.#freedAt)
      const node = waitsMs > placedWithinMs ? this.#roomFor(instance) : undefined
      if (node === undefined) continue
      return this.broken(
        view,
        `${id} of ${nameOf(instance)} has waited for ${Math.round(waitsMs)} ms; ${node.id} has room for it`,
      )
    }
    return undefined
  }

  #commit(event: Extract<SimEvent, { is: 'commit' }>, view: SimView): void {
    for (const { kind, before, after } of this.#index.take(event.change)) {
      if (kind === 'node') this.#freedAt = view.now()
      if (kind !== 'instance') continue
      const earlier = before as Instance | undefined
      const instance = after as Instance | undefined
      if (earlier?.state === 'placed' && instance?.state !== 'placed') this.#freedAt = view.now()
      const { id } = (instance ?? earlier) as Instance
      if (instance?.state !== 'pending') this.#waitsSince.delete(id)
      else if (!this.#waitsSince.has(id)) this.#waitsSince.set(id, view.now())
    }
  }

  #roomFor(instance: Instance): Node | undefined {
    const spread = this.#index.specOf(instance)?.spread
    // Which zone is next is the scheduler's to say.
    if (spread?.zone === 'require') return undefined
    for (const node of this.#index.nodes()) {
      if (node.lost === undefined && this.#hasRoom(node, instance, spread?.node === 'require')) {
        return node
      }
    }
    return undefined
  }

  #hasRoom(node: Node, instance: Instance, isAlone: boolean): boolean {
    let { cpu, memoryBytes, diskBytes } = instance.resources
    const ports = new Set<number>()
    for (const other of this.#index.placedOn(node.id)) {
      if (isAlone && isTwin(instance, other)) return false
      cpu += other.resources.cpu
      memoryBytes += other.resources.memoryBytes
      diskBytes += other.resources.diskBytes
      if (other.placement?.port) ports.add(other.placement.port)
    }
    const { from, to } = node.ports
    const hasPort = !instance.needsPort || ports.size < to - from + 1
    return hasPort && isLargeEnough(node, { cpu, memoryBytes, diskBytes })
  }
}

/** One of the same service in the same version: what spreading keeps apart. */
function isTwin(a: Instance, b: Instance): boolean {
  return b.purpose === 'service' && a.specDigest === b.specDigest && nameOf(a) === nameOf(b)
}

function isLargeEnough({ capacity }: Node, wish: Resources): boolean {
  return (
    capacity.cpu - wish.cpu >= -cpuTolerance &&
    capacity.memoryBytes >= wish.memoryBytes &&
    capacity.diskBytes >= wish.diskBytes
  )
}
