import type { Clock } from '../../../base/clock.ts'
import { assert } from '../../../base/errors.ts'
import type { Backend, Endpoint } from '../../../parts/ingress/model.ts'
import { aimAt, type Aim } from './aim.ts'
import type { CountBook } from './counts.ts'
import { InstanceLink } from './instance-link.ts'
import { InstancePool } from './instance-pool.ts'
import type { Patience } from './limits.ts'
import { Sides } from './sides.ts'

/** A backend as it is now, with the ways to its instances. */
export interface BackendEntry {
  readonly id: string
  readonly online: InstancePool
  readonly maintenance: InstancePool
  /** At each pool as a whole, made once: most requests have no other wish. */
  readonly aims: { readonly online: Aim; readonly maintenance: Aim }
  route: Backend['route']
  listener: Backend['listener']
  /** How the online pool's requests are divided, while they are. */
  sides: Sides | undefined
  isInTable: boolean
}

/**
 * The backends of the table with the ways to their instances. A way outlives a change of pool, so
 * connections are kept; one whose instance left lives until its last request has ended.
 *
 * Backends that are removed keep their two empty pools: their totals stay, and requests that still
 * wait there find their instances if the backend comes back.
 */
export class BackendSet {
  readonly #counts: CountBook
  readonly #clock: Clock
  readonly #patience: Patience
  readonly #entries = new Map<string, BackendEntry>()
  /** Instances in a pool, by id. */
  readonly #links = new Map<string, InstanceLink>()
  /** Ways to instances in no pool, with requests under way. */
  readonly #leaving = new Set<InstanceLink>()

  constructor(options: {
    readonly counts: CountBook
    readonly clock: Clock
    readonly patience: Patience
  }) {
    this.#counts = options.counts
    this.#patience = options.patience
    this.#clock = options.clock
  }

  /** The backends in the table. */
  all(): BackendEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.isInTable)
  }

  idsWithout(kept: readonly Backend[]): string[] {
    const ids = new Set(kept.map(({ id }) => id))
    return this.all().flatMap(({ id }) => (ids.has(id) ? [] : [id]))
  }

  /** The backend to which a route or a listener leads. */
  at(id: string): BackendEntry {
    const entry = this.#entries.get(id)
    assert(entry !== undefined, 'a route leads to a backend of the table')
    return entry
  }

  /** Takes in a backend as it is now. */
  set(backend: Backend): void {
    const entry = this.#entries.get(backend.id) ?? this.#newEntry(backend.id)
    entry.route = backend.route
    entry.listener = backend.listener
    entry.sides = backend.split === undefined ? undefined : new Sides(backend.split)
    entry.isInTable = true
    this.#place(entry, backend.online, backend.maintenance)
  }

  remove(id: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    entry.route = null
    entry.listener = null
    entry.sides = undefined
    entry.isInTable = false
    this.#place(entry, [], [])
  }

  /** The local ports that the table asks for, and the pool behind each. */
  listeners(): Map<number, InstancePool> {
    const ports = new Map<number, InstancePool>()
    for (const { listener, online, maintenance } of this.#entries.values()) {
      if (listener === null) continue
      ports.set(listener.port, online)
      ports.set(listener.maintenancePort, maintenance)
    }
    return ports
  }

  /** Requests under way by instance, of instances in no pool. */
  leaving(): Record<string, number> {
    const leaving: Record<string, number> = {}
    for (const { instanceId, underWay } of this.#leaving) {
      if (this.#links.has(instanceId)) continue
      leaving[instanceId] = (leaving[instanceId] ?? 0) + underWay
    }
    return leaving
  }

  /** A request of the instance has ended; true when it was the last of a leaving one. */
  noteFreed(link: InstanceLink): boolean {
    if (link.pool !== undefined || link.underWay > 0 || !this.#leaving.has(link)) return false
    this.#retire(link)
    return true
  }

  close(): void {
    for (const link of [...this.#links.values(), ...this.#leaving]) link.close()
  }

  #newEntry(id: string): BackendEntry {
    const options = { counts: this.#counts, clock: this.#clock }
    const online = new InstancePool(id, 'online', options)
    const maintenance = new InstancePool(id, 'maintenance', options)
    const entry: BackendEntry = {
      id,
      online,
      maintenance,
      aims: { online: aimAt(online), maintenance: aimAt(maintenance) },
      route: null,
      listener: null,
      sides: undefined,
      isInTable: false,
    }
    this.#entries.set(id, entry)
    return entry
  }

  /** Puts the instances where they stand now: out of the old places first, then into the new. */
  #place(entry: BackendEntry, online: readonly Endpoint[], maintenance: readonly Endpoint[]): void {
    const before = [...entry.online.links, ...entry.maintenance.links]
    for (const link of before) {
      link.pool = undefined
      if (this.#links.get(link.instanceId) === link) this.#links.delete(link.instanceId)
    }
    const known = new Map(before.map((link) => [link.instanceId, link]))
    for (const link of this.#leaving) {
      if (!known.has(link.instanceId)) known.set(link.instanceId, link)
    }
    const newOnline = online.map((endpoint) => this.#enter(endpoint, entry.online, known))
    const newMaintenance = maintenance.map((endpoint) =>
      this.#enter(endpoint, entry.maintenance, known),
    )
    for (const link of before) if (link.pool === undefined) this.#leave(link)
    entry.online.replace(newOnline)
    entry.maintenance.replace(newMaintenance)
  }

  #enter(
    endpoint: Endpoint,
    pool: InstancePool,
    known: ReadonlyMap<string, InstanceLink>,
  ): InstanceLink {
    const before = known.get(endpoint.instanceId)
    const link =
      before?.leadsTo(endpoint) === true ? before : new InstanceLink(endpoint, this.#patience)
    link.pool = pool
    link.isReady = endpoint.ready
    this.#leaving.delete(link)
    this.#links.set(link.instanceId, link)
    this.#counts.enter(link.instanceId)
    return link
  }

  #leave(link: InstanceLink): void {
    if (link.underWay === 0) this.#retire(link)
    else this.#leaving.add(link)
  }

  #retire(link: InstanceLink): void {
    this.#leaving.delete(link)
    link.close()
    if (!this.#links.has(link.instanceId))
      this.#counts.leave(link.instanceId, this.#clock.monotonic())
  }
}
