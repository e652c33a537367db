import type { Clock, Timer } from '../base/clock.ts'
import { partsOf } from '../base/key.ts'
import { canonicalJson } from '../base/digest.ts'
import { digestOfSet, digestPart } from '../base/set-digest.ts'
import type { Change, Snapshot } from '../store/port.ts'
import { appKind, appAt, currentRelease } from '../parts/apps/records.ts'
import { listenerKind } from '../parts/discovery/records.ts'
import type { Backend, TableDelta } from '../parts/ingress/model.ts'
import { serviceName, type Instance } from '../parts/instances/model.ts'
import { instanceById, instanceKind, instancesOn } from '../parts/instances/records.ts'
import { appCellName, appCellOf, type AppCell } from '../parts/tenants/model.ts'
import { pollUntil, WakeUps } from './wake-ups.ts'

/**
 * The routing table, kept up to date by looking only at services that something happened to.
 *
 * Its promise: a delta of revision R holds every commit up to R. What has been told is in the
 * dirty set before anybody is answered, and the dirty set is empty when an answer is made.
 */
export interface RoutingTableOptions {
  readonly snapshot: Snapshot
  readonly clock: Clock
  readonly backendOf: (snapshot: Snapshot, at: AppCell, service: string) => Backend | undefined
}

/** Changes that come together are told together, in ms: a rollout moves several at once. */
const coalesceMs = 5

/**
 * After its start the server knows of no instance that it is ready. For so long, in ms, ingresses
 * keep the table that they have, unless the agents were heard before: a server that knows nothing
 * yet publishes no empty pools (rule 7 of docs/reference/rules.md).
 */
const unheardMs = 5_000

/** Ids of backends that are no more, remembered at the most; older askers get the whole table. */
const removedMax = 1_000

/** Versions of one server process: more than it can make before the next one is started. */
const versionsPerMs = 1_000

interface Row {
  readonly backend: Backend
  readonly json: string
  readonly version: number
  /** Its part in the table's digest. */
  readonly part: bigint
}

/** The table with its history, as ingresses ask for it. */
export class RoutingTable {
  readonly #options: RoutingTableOptions
  readonly #rows = new Map<string, Row>()
  /** Which backends an app has, so that a change of the app finds them. */
  readonly #idsOfApp = new Map<string, Set<string>>()
  readonly #removed = new Map<string, number>()
  readonly #dirty = new Set<string>()
  /**
   * Whether a commit touched an instance or a rollout: the table's revision is news by itself then,
   * since drains and tests wait for it.
   */
  #isTouched = false
  readonly #wakeUps: WakeUps
  #flush: Timer | undefined
  /** Anyone who asks with an older version gets the whole table. */
  #oldest: number
  #version: number
  #isOpen = false
  /**
   * What was to run when this server began and has not been heard of: kept, since to look through
   * all instances at each of 20,000 first reports would hold up the start for a minute.
   */
  readonly #unheard = new Set<string>()
  readonly #opensAt: number
  #digest: { readonly version: number; readonly digest: string } | undefined
  #last: { readonly after: number; readonly delta: TableDelta } | undefined

  constructor(options: RoutingTableOptions) {
    this.#options = options
    const { clock, snapshot } = options
    this.#wakeUps = new WakeUps(clock)
    // No version of an earlier process lies between this one's oldest and newest.
    this.#version = Math.floor(clock.now()) * versionsPerMs
    this.#oldest = this.#version
    this.#opensAt = clock.monotonic() + unheardMs
    clock.after(unheardMs, () => this.#openIfHeard())
    for (const { value } of snapshot.list(appKind)) this.#touchApp(value.at)
    for (const { value } of snapshot.list(instanceKind)) {
      this.#touch(value.at, value.service)
      if (isAwaited(value, snapshot)) this.#unheard.add(value.id)
    }
    for (const { value } of snapshot.list(listenerKind)) this.#touch(value.at, value.service)
  }

  /** Takes note of what a change may concern. */
  notice(change: Change): void {
    const { snapshot } = this.#options
    if (change.of === 'instance') {
      const instance = instanceById(snapshot, change.instanceId)?.value
      if (instance !== undefined) this.#touch(instance.at, instance.service)
      this.#hear(change.instanceId)
    } else if (change.of === 'record') this.#noticeRecord(change)
    if (this.#dirty.size === 0 || this.#flush !== undefined) return
    this.#flush = this.#options.clock.after(coalesceMs, () => {
      this.#refresh()
      this.#wakeUps.wakeAll()
    })
  }

  /** What is new after `after`; undefined when nothing came within `waitMs`. */
  async next(after: number, waitMs: number, signal: AbortSignal): Promise<TableDelta | undefined> {
    const { clock } = this.#options
    const look = (): TableDelta | undefined => this.#after(after)
    return pollUntil(look, { wakeUps: this.#wakeUps, clock, waitMs, signal })
  }

  /**
   * Whether an ingress that has applied `version` has what was told up to it: rule 7 of
   * docs/reference/rules.md. Of a version that is no longer the newest nobody can say: true.
   */
  isSame(version: number, digest: string): boolean {
    if (!this.#isOpen || version !== this.#version || this.#dirty.size > 0) return true
    if (this.#digest?.version !== version) {
      const parts = [...this.#rows.values()].map(({ part }) => part)
      this.#digest = { version, digest: digestOfSet(parts) }
    }
    return this.#digest.digest === digest
  }

  #after(after: number): TableDelta | undefined {
    if (!this.#isOpen) this.#openIfHeard()
    if (!this.#isOpen) return undefined
    this.#refresh()
    if (after === this.#version) return undefined
    const { revision } = this.#options.snapshot
    if (this.#last?.after === after && this.#last.delta.version === this.#version) {
      // Hundreds of ingresses ask the same question after each change.
      return { ...this.#last.delta, revision }
    }
    const delta = { ...this.#deltaAfter(after), version: this.#version, revision }
    this.#last = { after, delta }
    return delta
  }

  #deltaAfter(after: number): Pick<TableDelta, 'full' | 'backends' | 'removed'> {
    if (after < this.#oldest || after > this.#version) {
      return {
        full: true,
        backends: [...this.#rows.values()].map((row) => row.backend),
        removed: [],
      }
    }
    const changed = [...this.#rows.values()].filter((row) => row.version > after)
    const removed = [...this.#removed].filter(([, version]) => version > after)
    return {
      full: false,
      backends: changed.map((row) => row.backend),
      removed: removed.map(([id]) => id),
    }
  }

  #noticeRecord(change: Extract<Change, { of: 'record' }>): void {
    const { tenant, environment, app, name } = partsOf(change.key)
    const at = { tenant, environment, app }
    switch (change.kind) {
      case 'instance': {
        const { id, service } = (change.after ?? change.before) as Instance
        this.#touch(at, service)
        this.#hear(id)
        this.#isTouched = true
        return
      }
      case 'listener':
        return this.#touch(at, name)
      case 'rollout':
        this.#isTouched = true
        return this.#touchApp(at)
      case 'app':
      case 'test-link':
        return this.#touchApp(at)
      case 'node':
        for (const { value } of instancesOn(this.#options.snapshot, name)) {
          this.#touch(value.at, value.service)
        }
    }
  }

  #touch(at: AppCell, service: string): void {
    this.#dirty.add(serviceName(at, service))
  }

  /** Routes belong to the release that runs: all that the app has, or is to have. */
  #touchApp(at: AppCell): void {
    const { snapshot } = this.#options
    for (const id of this.#idsOfApp.get(appCellName(at)) ?? []) this.#dirty.add(id)
    const app = appAt(snapshot, at)?.value
    if (app === undefined) return
    for (const spec of currentRelease(snapshot, app)?.services ?? []) this.#touch(at, spec.name)
  }

  /** Brings the rows up to the snapshot: after it nothing is dirty. */
  #refresh(): void {
    this.#flush?.cancel()
    this.#flush = undefined
    if (this.#dirty.size === 0) return
    const version = this.#version + 1
    let isNew = this.#isTouched
    for (const id of this.#dirty) if (this.#renew(id, version)) isNew = true
    this.#dirty.clear()
    this.#isTouched = false
    if (isNew) this.#version = version
  }

  /** Looks at one backend again; whether it differs from what was told. */
  #renew(id: string, version: number): boolean {
    const cut = id.lastIndexOf('/')
    const app = id.slice(0, cut)
    const { snapshot, backendOf } = this.#options
    const backend = backendOf(snapshot, appCellOf(app), id.slice(cut + 1))
    const before = this.#rows.get(id)
    if (backend === undefined) return before !== undefined && this.#remove(id, app, version)
    const json = JSON.stringify(backend)
    if (before?.json === json) return false
    this.#rows.set(id, { backend, json, version, part: digestPart(canonicalJson(backend)) })
    this.#removed.delete(id)
    const ids = this.#idsOfApp.get(app)
    if (ids === undefined) this.#idsOfApp.set(app, new Set([id]))
    else ids.add(id)
    return true
  }

  #remove(id: string, app: string, version: number): true {
    this.#rows.delete(id)
    const ids = this.#idsOfApp.get(app)
    ids?.delete(id)
    if (ids?.size === 0) this.#idsOfApp.delete(app)
    this.#removed.set(id, version)
    for (const [oldest, removedAt] of this.#removed) {
      if (this.#removed.size <= removedMax) break
      this.#removed.delete(oldest)
      this.#oldest = removedAt
    }
    return true
  }

  /** Something is known of an instance, or nothing is to be: it is waited for no longer. */
  #hear(instanceId: string): void {
    if (this.#isOpen || !this.#unheard.has(instanceId)) return
    const { snapshot } = this.#options
    const instance = instanceById(snapshot, instanceId)?.value
    if (instance !== undefined && isAwaited(instance, snapshot)) return
    this.#unheard.delete(instanceId)
    this.#openIfHeard()
  }

  #openIfHeard(): void {
    if (this.#isOpen) return
    const { clock } = this.#options
    this.#isOpen = clock.monotonic() >= this.#opensAt || this.#unheard.size === 0
    if (!this.#isOpen) return
    this.#unheard.clear()
    this.#wakeUps.wakeAll()
  }
}

/** Whether an instance should run and has not been observed since this server began to listen. */
function isAwaited({ id, state, desired }: Instance, snapshot: Snapshot): boolean {
  if (state !== 'placed' || desired !== 'running') return false
  return snapshot.observations.instance(id) === undefined
}
