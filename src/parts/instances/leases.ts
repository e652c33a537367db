import type { Clock } from '../../base/clock.ts'
import type { Snapshot } from '../../store/port.ts'
import { nodeKey } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import type { Instance } from './model.ts'
import { leasedOn } from './records.ts'

/**
 * How much longer than a lease the server waits before it takes a singleton for ended: its own clock
 * and the node's may differ in speed by a tenth, and a watchdog needs a moment to end a tree.
 */
const marginShare = 0.1
const marginMsMin = 1_000

/** The first version of the agent protocol whose agents keep leases. */
const leasesSince = 2

/**
 * The leases of singletons, as this server has granted them (rule 5 of docs/reference/rules.md): by
 * each report that it acknowledges, for what its records place on that node.
 *
 * A lease proves nothing to anybody else (rule 1 of docs/reference/rules.md): it is the server's
 * promise not to start another. So none is granted on a node that is given up: from that commit on
 * the leases there only run out. What an earlier server granted is not known; it may have been up to
 * the moment at which this one began.
 */
export class Leases {
  readonly #clock: Clock
  readonly #beganAt: number
  /** Monotonic ms of the last grant, by node and instance; no more than are placed there. */
  readonly #granted = new Map<string, ReadonlyMap<string, number>>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#beganAt = clock.monotonic()
  }

  /** Renews what runs on a node whose report is being acknowledged; returns the instances' ids. */
  grant(nodeId: string, snapshot: Snapshot): string[] {
    const node = snapshot.get(nodeKind, nodeKey(nodeId))?.value
    if (node === undefined || node.lost !== undefined || !keepsLeases(node.protocol)) return []
    const now = this.#clock.monotonic()
    const ids = [...leasedOn(snapshot, nodeId)].map(({ value }) => value.id)
    this.#granted.set(nodeId, new Map(ids.map((id) => [id, now])))
    return ids
  }

  /**
   * Ms until a singleton on a silent node has surely ended; Infinity where nothing ends it: its
   * agent keeps no leases.
   */
  leftMs(instance: Instance, snapshot: Snapshot): number {
    const { placement, singleton } = instance
    if (placement === null) return 0
    const node = snapshot.get(nodeKind, nodeKey(placement.nodeId))?.value
    if (singleton === undefined || !keepsLeases(node?.protocol)) return Infinity
    const grantedAt = this.#granted.get(placement.nodeId)?.get(instance.id) ?? this.#beganAt
    return Math.max(0, grantedAt + waitMs(singleton.leaseMs) - this.#clock.monotonic())
  }
}

function keepsLeases(protocol: number | undefined): boolean {
  return (protocol ?? 1) >= leasesSince
}

function waitMs(leaseMs: number): number {
  return leaseMs + Math.max(marginMsMin, leaseMs * marginShare)
}
