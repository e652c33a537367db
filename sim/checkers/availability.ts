import type { App } from '../../src/parts/apps/model.ts'
import { serviceName, type Instance } from '../../src/parts/instances/model.ts'
import type { Rollout } from '../../src/parts/rollouts/model.ts'
import type { SimEvent, SimIngress, SimProcess, SimView, Violation } from '../view.ts'
import { Promised } from './checker.ts'
import { HealthNews, isUnchecked } from './health-news.ts'
import { isOnline, nameOf, type RecordIndex, type RecordChange } from './record-index.ts'

/** What customers are promised of the instances that serve them. */

/** A fault's effects may be found out and mended for this long after it, in ms. */
const aftermathMs = 60_000

/** S3: without a fault, customers never find fewer healthy instances than they are promised. */
export class EnoughOnline extends Promised {
  readonly invariant = 'S3'
  readonly promise =
    'Without faults, once as many instances as are wanted are online and healthy at an ingress, nothing that the platform does leaves fewer.'
  readonly hears = [
    'commit',
    'table-applied',
    ...HealthNews.hears,
    'fault-began',
    'fault-ended',
  ] as const
  readonly #index: RecordIndex
  /** `ingress service` to the number that it has had at once, as far as that is promised still. */
  readonly #reached = new Map<string, number>()
  readonly #news: HealthNews
  #faultAt = -aftermathMs

  constructor(index: RecordIndex) {
    super()
    this.#index = index
    this.#news = new HealthNews(index)
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    this.#news.notice(event, view)
    switch (event.is) {
      case 'commit':
        for (const change of this.#index.take(event.change)) this.#lowerPromises(change, view)
        return undefined
      case 'table-applied':
        return this.#lookAtTable(event, view)
      case 'process-ended':
      case 'process-health':
        // What nobody was told to do is an accident, and so is all that a machine takes with it.
        return this.#lookAt(event.process, view, event.process.isStopping === true)
      case 'fault-began':
      case 'fault-ended':
        this.#faultAt = view.now()
        return undefined
      default:
        return undefined
    }
  }

  /** People may want fewer for a moment, and what is taken away then was rightly taken. */
  #lowerPromises({ kind, before, after }: RecordChange, view: SimView): void {
    if (kind !== 'app' && kind !== 'rollout') return
    const { at } = (after ?? before) as App | Rollout
    const release = this.#index.app(at)
    if (release === undefined) return
    for (const ingress of view.ingresses()) {
      for (const spec of this.#index.current(release)?.services ?? []) {
        const service = serviceName(at, spec.name)
        const place = `${ingress.ingressId} ${service}`
        const reached = this.#reached.get(place)
        if (reached === undefined) continue
        this.#reached.set(place, Math.min(reached, this.#index.promisedOf(service)))
      }
    }
  }

  #lookAtTable(
    event: Extract<SimEvent, { is: 'table-applied' }>,
    view: SimView,
  ): Violation | undefined {
    const ingress = [...view.ingresses()].find((one) => one.ingressId === event.ingressId)
    if (ingress === undefined) return undefined
    for (const service of event.backends) {
      const violation = this.#judge(ingress, service, view, true)
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #lookAt(process: SimProcess, view: SimView, isDeliberate: boolean): Violation | undefined {
    const instance = this.#index.instance(process.instanceId)
    if (instance === undefined) return undefined
    for (const ingress of view.ingresses()) {
      const violation = this.#judge(ingress, nameOf(instance), view, isDeliberate)
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #judge(
    ingress: SimIngress,
    service: string,
    view: SimView,
    isDeliberate: boolean,
  ): Violation | undefined {
    const place = `${ingress.ingressId} ${service}`
    const promised = this.#index.promisedOf(service)
    const before = Math.min(this.#reached.get(place) ?? 0, promised)
    const members = ingress.isUp ? (ingress.online.get(service) ?? []) : []
    const healthy = members.filter((id) => view.process(id)?.isHealthy === true)
    const isQuiet = view.faults.size === 0 && view.now() - this.#faultAt >= aftermathMs
    const isSure = (id: string): boolean => this.#stays(id) && this.#news.isKnownHealthy(id, view)
    const staying = healthy.filter(isSure).length
    const isUntold = (id: string): boolean => view.process(id)?.isStopping !== true
    const known = members.filter((id) => isUntold(id) && this.#news.countsAsHealthy(id, view))
    const isBroken = isQuiet && isDeliberate && known.length < before
    // What passed only since bad news takes its time is promised no longer.
    const floor = Math.min(before, healthy.length)
    this.#reached.set(place, Math.max(floor, Math.min(promised, staying)))
    if (!isBroken) return undefined
    this.#reached.set(place, healthy.length)
    return this.broken(
      view,
      `${ingress.ingressId} has ${healthy.length} healthy instances of ${service} online; ${before} are promised`,
    )
  }

  #stays(instanceId: string): boolean {
    const instance = this.#index.instance(instanceId)
    return instance !== undefined && isOnline(instance)
  }
}

/** S3d: whatever fails, no controller takes away what customers are promised. */
export class NothingTakenAway extends Promised {
  readonly invariant = 'S3d'
  readonly promise =
    'With faults, no controller drains or stops a healthy online instance when fewer than are promised would stay, but on nodes that were given up.'
  readonly hears = ['commit', ...HealthNews.hears] as const
  readonly #index: RecordIndex
  readonly #news: HealthNews

  constructor(index: RecordIndex) {
    super()
    this.#index = index
    this.#news = new HealthNews(index)
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    this.#news.notice(event, view)
    if (event.is !== 'commit') return undefined
    for (const { kind, before, after } of this.#index.take(event.change)) {
      if (kind !== 'instance' || before === undefined) continue
      const violation = this.#judge(before as Instance, after as Instance | undefined, event, view)
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #judge(
    before: Instance,
    after: Instance | undefined,
    event: Extract<SimEvent, { is: 'commit' }>,
    view: SimView,
  ): Violation | undefined {
    if (!isOnline(before) || (after !== undefined && isOnline(after))) return undefined
    if (!this.#news.isKnownHealthy(before.id, view)) return undefined
    const nodeId = before.placement?.nodeId ?? ''
    if (this.#index.node(nodeId)?.lost !== undefined) return undefined
    const service = nameOf(before)
    const promised = this.#index.promisedOf(service)
    let staying = 0
    for (const other of this.#index.instancesOf(service)) {
      if (isOnline(other) && this.#news.countsAsHealthy(other.id, view)) staying++
    }
    if (staying >= promised) return undefined
    const { who, what } = event.change.attribution
    return this.broken(
      view,
      `${who} (${what}) took ${before.id} of ${service} out of service: ${staying} healthy ones stay, ${promised} are promised`,
    )
  }
}

/** S4: customers never meet what has not shown that it can serve. */
export class PassedFirst extends Promised {
  readonly invariant = 'S4'
  readonly promise =
    'No instance goes online that has not passed its checks in the maintenance pool.'
  readonly hears = ['commit', 'process-started', 'process-health'] as const
  readonly #index: RecordIndex
  /** Instances that were healthy at least once; forgotten with their records. */
  readonly #passed = new Set<string>()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is === 'process-started' || event.is === 'process-health') {
      if (event.process.isHealthy) this.#passed.add(event.process.instanceId)
      return undefined
    }
    if (event.is !== 'commit') return undefined
    for (const { kind, before, after } of this.#index.take(event.change)) {
      if (kind !== 'instance') continue
      const earlier = before as Instance | undefined
      if (after === undefined) {
        if (earlier !== undefined) this.#passed.delete(earlier.id)
        continue
      }
      const instance = after as Instance
      if (instance.pool !== 'online' || earlier?.pool === 'online') continue
      const hasPassed = this.#passed.has(instance.id) || this.#hasRunUnchecked(instance, view)
      if (hasPassed && earlier?.pool === 'maintenance') continue
      return this.broken(
        view,
        `${instance.id} of ${nameOf(instance)} went online from ${earlier?.pool ?? 'nowhere'} and never was healthy before`,
      )
    }
    return undefined
  }

  #hasRunUnchecked(instance: Instance, view: SimView): boolean {
    const process = view.process(instance.id)
    if (process === undefined || !isUnchecked(instance, this.#index)) return false
    return (
      (process.endedAt ?? view.now()) - process.startedAt >= uncheckedReadyMs || process.run > 1
    )
  }
}

/** A worker without a check is ready when it has run a second, by a clock that may be fast. */
const uncheckedReadyMs = 900

/** Published members that were online at some revision, remembered for late ingresses. */
const membershipsMax = 50_000

/** S12: what an ingress publishes is what was online, and not nothing while there is something. */
export class PublishedIsOnline extends Promised {
  readonly invariant = 'S12'
  readonly promise =
    'An ingress sends customers only to instances that were online at the revision that it has applied, and never to none while one of them is healthy.'
  readonly hears = ['commit', 'table-applied'] as const
  readonly #index: RecordIndex
  /** Instance to the revisions from which and until which it was online. */
  readonly #online = new Map<string, { readonly from: number; until: number }>()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is === 'commit') {
      this.#commit(event)
      return undefined
    }
    if (event.is !== 'table-applied') return undefined
    const ingress = [...view.ingresses()].find((one) => one.ingressId === event.ingressId)
    if (ingress === undefined) return undefined
    for (const service of event.backends) {
      const violation = this.#judge(ingress, service, view)
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #commit({ change }: Extract<SimEvent, { is: 'commit' }>): void {
    for (const { kind, before, after } of this.#index.take(change)) {
      if (kind !== 'instance') continue
      const earlier = before as Instance | undefined
      const instance = after as Instance | undefined
      const { id } = (instance ?? earlier) as Instance
      const was = earlier !== undefined && isOnline(earlier)
      const is = instance !== undefined && isOnline(instance)
      if (!was && is) this.#online.set(id, { from: change.revision, until: Infinity })
      const known = this.#online.get(id)
      if (was && !is && known !== undefined) known.until = change.revision
    }
    if (this.#online.size <= membershipsMax) return
    for (const [id, { until }] of this.#online) {
      if (this.#online.size <= membershipsMax / 2) return
      if (until !== Infinity) this.#online.delete(id)
    }
  }

  /** The table in use is of a revision between the one that was applied before and the newest. */
  #judge(ingress: SimIngress, service: string, view: SimView): Violation | undefined {
    const { ingressId, appliedRevision, isUp } = ingress
    if (!isUp) return undefined
    const members = ingress.online.get(service) ?? []
    for (const id of members) {
      const known = this.#online.get(id)
      if (known === undefined) {
        return this.broken(
          view,
          `${ingressId} sends customers of ${service} to ${id}, which never was online`,
        )
      }
      if (appliedRevision < known.until) continue
      return this.broken(
        view,
        `${ingressId} sends customers of ${service} to ${id} after revision ${appliedRevision}; it left at ${known.until}`,
      )
    }
    return members.length > 0 ? undefined : this.#judgeEmpty(ingress, service, view)
  }

  #judgeEmpty(
    { ingressId, appliedRevision }: SimIngress,
    service: string,
    view: SimView,
  ): Violation | undefined {
    for (const instance of this.#index.instancesOf(service)) {
      const known = this.#online.get(instance.id)
      if (known === undefined || !instance.needsPort) continue
      if (known.from > appliedRevision || known.until !== Infinity) continue
      if (view.process(instance.id)?.isHealthy !== true) continue
      return this.broken(
        view,
        `${ingressId} has nobody for customers of ${service} after revision ${appliedRevision}, while ${instance.id} is online and healthy`,
      )
    }
    return undefined
  }
}
