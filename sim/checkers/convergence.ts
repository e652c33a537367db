import { specDigest, wantedCount, type App, type ServiceSpec } from '../../src/parts/apps/model.ts'
import { serviceName, type Instance } from '../../src/parts/instances/model.ts'
import { appCellName } from '../../src/parts/tenants/model.ts'
import type { SimEvent, SimView, Violation } from '../view.ts'
import { Promised } from './checker.ts'
import { convergenceMs, Quiet } from './quiet.ts'
import { nameOf, type RecordIndex } from './record-index.ts'

/** What is promised of the world once it is left alone: all is as desired. */

/** One service that should be as desired by now. */
interface Settled {
  readonly service: string
  readonly spec: ServiceSpec
  readonly count: number
}

/** The services that nothing excuses any more from being as desired. */
class SettledServices {
  static readonly hears = [
    'commit',
    'process-ended',
    'process-health',
    'end',
    ...Quiet.hears,
  ] as const
  readonly #index: RecordIndex
  readonly #quiet = new Quiet()
  /** True time of the last change of each app's wishes. */
  readonly #changedAt = new Map<string, number>()
  /** True time at which something of each service failed by itself: its agent mends that. */
  readonly #failedAt = new Map<string, number>()

  constructor(index: RecordIndex) {
    this.#index = index
  }

  notice(event: SimEvent, view: SimView): void {
    this.#quiet.notice(event, view)
    if (event.is === 'process-ended' || event.is === 'process-health') {
      const instance = this.#index.instance(event.process.instanceId)
      const hasFailed = !event.process.isHealthy && event.process.isStopping !== true
      if (instance !== undefined && hasFailed) this.#failedAt.set(nameOf(instance), view.now())
    }
    if (event.is !== 'commit') return
    for (const { kind, before, after } of this.#index.take(event.change)) {
      if (kind !== 'app' && kind !== 'rollout') continue
      this.#changedAt.set(appCellName(((after ?? before) as App).at), view.now())
    }
  }

  /** At the end: each service of an app that has stood still for a minute and fits. */
  *all(view: SimView): Iterable<Settled> {
    if (this.#quiet.lasts(view) < convergenceMs) return
    for (const app of this.#index.apps()) {
      const name = appCellName(app.at)
      if (view.now() - (this.#changedAt.get(name) ?? 0) < convergenceMs) continue
      if ([...this.#index.openRollouts(name)].length > 0) continue
      for (const spec of this.#index.current(app)?.services ?? []) {
        const service = serviceName(app.at, spec.name)
        const failedAt = this.#failedAt.get(service) ?? -convergenceMs
        if (view.now() - failedAt < convergenceMs || this.#waits(service)) continue
        yield { service, spec, count: wantedCount(app, spec) }
      }
    }
  }

  /** One that finds no room waits, and says so: L5 judges whether it is right. */
  #waits(service: string): boolean {
    return [...this.#index.instancesOf(service)].some(
      ({ state, unplaced }) => state === 'pending' && unplaced !== null,
    )
  }
}

/** L2: as many run as are wanted, of the right version. */
export class RunningAsDesired extends Promised {
  readonly invariant = 'L2'
  readonly promise =
    'A minute after all is quiet, exactly as many healthy instances of each service run as are wanted, all of them of the release that the cell runs.'
  readonly hears = [...SettledServices.hears, 'process-started'] as const
  readonly #index: RecordIndex
  readonly #settled: SettledServices
  readonly #running = new Map<string, Set<string>>()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
    this.#settled = new SettledServices(index)
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    this.#settled.notice(event, view)
    if (event.is === 'process-started')
      this.#runningOf(event.process.instanceId)?.add(event.process.instanceId)
    if (event.is === 'process-ended')
      this.#runningOf(event.process.instanceId)?.delete(event.process.instanceId)
    if (event.is !== 'end') return undefined
    for (const settled of this.#settled.all(view)) {
      const violation = this.#judge(settled, view)
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #judge({ service, spec, count }: Settled, view: SimView): Violation | undefined {
    const running = [...(this.#running.get(service) ?? [])]
    const digest = specDigest(spec)
    const wrong = running.find((id) => this.#index.instance(id)?.specDigest !== digest)
    if (wrong !== undefined) return this.broken(view, `${wrong} of ${service} runs another version`)
    const healthy = running.filter((id) => view.process(id)?.isHealthy === true)
    if (running.length === count && healthy.length === count) return undefined
    return this.broken(
      view,
      `${service} has ${running.length} instances, ${healthy.length} of them healthy; ${count} are wanted`,
    )
  }

  #runningOf(instanceId: string): Set<string> | undefined {
    const instance = this.#index.instance(instanceId)
    if (instance === undefined || instance.purpose !== 'service') return undefined
    const service = nameOf(instance)
    const known = this.#running.get(service) ?? new Set<string>()
    this.#running.set(service, known)
    return known
  }
}

/** L3: customers reach as many as are wanted. */
export class OnlineAsDesired extends Promised {
  readonly invariant = 'L3'
  readonly promise =
    'A minute after all is quiet, every ingress sends customers to exactly as many healthy instances of each service as are wanted.'
  readonly hears = SettledServices.hears
  readonly #settled: SettledServices

  constructor(index: RecordIndex) {
    super()
    this.#settled = new SettledServices(index)
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    this.#settled.notice(event, view)
    if (event.is !== 'end') return undefined
    for (const { service, spec, count } of this.#settled.all(view)) {
      if (spec.worker) continue
      for (const ingress of view.ingresses()) {
        const members = ingress.online.get(service) ?? []
        const healthy = members.filter((id) => view.process(id)?.isHealthy === true)
        if (members.length === count && healthy.length === count) continue
        return this.broken(
          view,
          `${ingress.ingressId} has ${members.length} instances of ${service} online, ${healthy.length} of them healthy; ${count} are wanted`,
        )
      }
    }
    return undefined
  }
}

/** L7: a drain ends. */
export class DrainsEnd extends Promised {
  readonly invariant = 'L7'
  readonly promise =
    'In quiet times no instance drains, or is told to stop, for longer than its drain and grace times and 60 s.'
  readonly hears = ['commit', 'end', ...Quiet.hears] as const
  readonly #index: RecordIndex
  readonly #quiet = new Quiet()
  /** True time since which each instance is on its way out. */
  readonly #leavingSince = new Map<string, number>()

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
    if (event.is !== 'end') return undefined
    for (const [id, since] of this.#leavingSince) {
      const instance = this.#index.instance(id)
      if (instance === undefined) continue
      const { drainMs, graceMs } = this.#index.specOf(instance)?.stop ?? noStop
      const mostMs = drainMs + graceMs + convergenceMs
      const leavesMs = Math.min(view.now() - since, this.#quiet.lasts(view))
      if (leavesMs <= mostMs) continue
      return this.broken(
        view,
        `${id} of ${nameOf(instance)} (${instance.pool}, to be ${instance.desired}) has been leaving for ${Math.round(leavesMs)} ms, of at most ${mostMs}`,
      )
    }
    return undefined
  }

  #commit(event: Extract<SimEvent, { is: 'commit' }>, view: SimView): void {
    for (const { kind, before, after } of this.#index.take(event.change)) {
      if (kind !== 'instance') continue
      const instance = after as Instance | undefined
      const { id } = (instance ?? before) as Instance
      const leaves =
        instance !== undefined &&
        instance.state !== 'ended' &&
        (instance.pool === 'draining' || instance.desired === 'stopped')
      if (!leaves) this.#leavingSince.delete(id)
      else if (!this.#leavingSince.has(id)) this.#leavingSince.set(id, view.now())
    }
  }
}

const noStop = { drainMs: 0, graceMs: 5_000 }
