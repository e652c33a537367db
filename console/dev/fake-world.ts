import type {
  AppTrafficView,
  AppView,
  ChangeEvent,
  EventView,
  NodeView,
  RolloutView,
  ServiceView,
} from '../../src/wire/api.ts'
import { FakeFleet, findingsOf } from './fake-fleet.ts'
import type { NodeFinding } from '../../src/wire/packing.ts'
import { countUp, momentsOf, queuedRollout, type FakeService, type Moment } from './fake-rollout.ts'
import { scenes, type FakeApp, type SceneName } from './fake-scenes.ts'
import { healthOf, rateAt, sumOf, trafficView } from './fake-traffic.ts'

/** A small world that lives by itself: what a server would tell of it, without one. */

/** Changes kept for streams that resume. */
const changesKept = 1_000

export class FakeWorld {
  readonly apps: FakeApp[]
  readonly nodes: NodeView[]
  readonly rollouts: RolloutView[]
  readonly events: EventView[]
  readonly fleet: FakeFleet
  readonly findings: readonly NodeFinding[]
  readonly changes: ChangeEvent[] = []
  revision = 4_200
  #moments: { readonly rollout: RolloutView; readonly moment: Moment; readonly at: number }[] = []
  #sent = new Map<string, number>()
  readonly #listeners = new Set<(change: ChangeEvent) => void>()
  readonly #hearers = new Set<(news: object) => void>()

  readonly scene: SceneName

  constructor(scene: SceneName, now: number) {
    this.scene = scene
    const made = scenes[scene](now)
    this.apps = made.apps
    this.nodes = made.nodes
    this.rollouts = made.rollouts
    this.events = made.events
    this.fleet = new FakeFleet(made.apps, made.nodes)
    this.findings = scene === 'fleet' ? findingsOf(made.nodes, now) : []
  }

  /** Moves the world on to `now`; called a few times a second. */
  tick(now: number, elapsedMs: number): void {
    for (const app of this.apps) {
      for (const [name, load] of Object.entries(app.loads)) {
        const more = (rateAt(load, now / 1_000, name.length) * elapsedMs) / 1_000
        app.sent.set(name, (app.sent.get(name) ?? 0) + more)
      }
    }
    for (const rollout of this.rollouts) this.#count(rollout, now, elapsedMs)
    const due = this.#moments.filter(({ at }) => at <= now)
    this.#moments = this.#moments.filter(({ at }) => at > now)
    for (const { rollout, moment } of due) {
      const { because } = rollout
      moment.happen()
      this.#settle(rollout, now, rollout.because !== because)
    }
  }

  /** Begins to carry the next version of the first app out; `paceMs` is the length of a beat. */
  deploy(version: string, paceMs: number, now: number): RolloutView {
    const [app] = this.apps
    if (app === undefined) throw new Error('there is no app to deploy')
    const services: FakeService[] = app.services
      .filter(({ worker }) => !worker)
      .slice(0, 3)
      .map(({ name, wanted }) => ({ name, count: wanted }))
    const identity = {
      id: `ro-${app.releaseNumber + 1}`,
      at: app.at,
      releaseNumber: app.releaseNumber + 1,
      version,
      fromVersion: app.version,
    }
    const rollout = queuedRollout(identity, services, now)
    rollout.startedAt = now
    this.rollouts.unshift(rollout)
    app.rolloutId = rollout.id
    for (const moment of momentsOf(rollout, services, paceMs)) {
      this.#moments.push({ rollout, moment, at: now + moment.atMs })
    }
    const why = `deployed ${version} of ${app.at.app}: ${services.length} services change.`
    this.log('operator', 'app.deploy', why, rollout, now)
    return rollout
  }

  /** Writes a commit into the log and tells the streams. */
  log(who: string, what: string, why: string, rollout: RolloutView, now: number): void {
    const { tenant, environment, app } = rollout.at
    const key = `rollout/${tenant}/${environment}/${app}/${rollout.id}`
    this.events.push({ revision: this.revision + 1, at: now, who, what, why, keys: [key] })
    this.#tell(key)
  }

  /** An instance changes, in its service's counts too; returns when it was told (wall ms). */
  change(id: string, state: 'ready' | 'unhealthy'): number {
    const known = this.fleet.instances.get(id)
    if (known === undefined) throw new Error(`there is no instance ${id}`)
    if (known.state === state) return Date.now()
    this.fleet.see(id, state)
    const { environment, tenant, app } = known.service.at
    const owner = this.apps.find(
      ({ at }) => at.app === app && at.tenant === tenant && at.environment === environment,
    )
    if (owner !== undefined) {
      const step = state === 'ready' ? 1 : -1
      owner.services = owner.services.map((one) =>
        one.name === known.service.service ? { ...one, ready: one.ready + step } : one,
      )
    }
    const key = `instance/${tenant}/${environment}/${app}/${id}`
    this.#tell(key, 'instance', this.fleet.recordOf(id))
    for (const listener of this.#hearers) listener({ instanceId: id, observed: { state } })
    return Date.now()
  }

  onObserved(listener: (news: object) => void): () => void {
    this.#hearers.add(listener)
    return () => this.#hearers.delete(listener)
  }

  #tell(key: string, kind = 'rollout', value: unknown = null): void {
    this.revision++
    const change = { revision: this.revision, kind, key, value }
    this.changes.push(change)
    this.changes.splice(0, this.changes.length - changesKept)
    for (const listener of this.#listeners) listener(change)
  }

  /** As if a record of that kind had been written. */
  touch(kind: string): void {
    this.#tell(kind, kind)
  }

  onChange(listener: (change: ChangeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  appViews(now: number): AppView[] {
    return this.apps.map((app) => {
      const { at, version, releaseNumber, rolloutId, services } = app
      const traffic = this.#trafficOf(app, now)
      return {
        at,
        health: healthOf(app),
        releaseId: `rel-${releaseNumber}`,
        releaseNumber,
        version,
        rolloutId,
        drift: app.drift,
        services: services.map((service) => ({
          ...service,
          traffic: traffic.services.find(({ name }) => name === service.name)?.traffic ?? null,
        })),
        traffic: traffic.traffic,
      }
    })
  }

  trafficViews(now: number): AppTrafficView[] {
    return this.apps.map((app) => this.#trafficOf(app, now))
  }

  #trafficOf(app: FakeApp, now: number): AppTrafficView {
    const services = app.services.map(({ name }) => {
      const load = app.loads[name]
      if (load === undefined) return { name, traffic: null }
      const rate = rateAt(load, now / 1_000, name.length)
      return { name, traffic: trafficView(rate, load, app.sent.get(name) ?? 0) }
    })
    const known = services.flatMap(({ traffic }) => (traffic === null ? [] : [traffic]))
    return { at: app.at, traffic: sumOf(known), services }
  }

  #count(rollout: RolloutView, now: number, elapsedMs: number): void {
    if (rollout.state !== 'running') return
    const [app] = this.apps
    if (app === undefined) return
    const rate = this.#trafficOf(app, now).traffic?.requestsPerSecond ?? 0
    const sent = (this.#sent.get(rollout.id) ?? 0) + (rate * elapsedMs) / 1_000
    this.#sent.set(rollout.id, sent)
    countUp(rollout, sent, now)
  }

  /** What a moment means for the app, and for the log. */
  #settle(rollout: RolloutView, now: number, isNews: boolean): void {
    const app = this.apps.find(({ rolloutId }) => rolloutId === rollout.id)
    if (app !== undefined) {
      app.services = app.services.map((service) => withPools(service, rollout))
      if (rollout.state === 'done') {
        rollout.endedAt = now
        rollout.pools = []
        rollout.targets = []
        rollout.ledger = { ...rollout.ledger, after: rollout.ledger.during }
        app.version = rollout.version
        app.releaseNumber = rollout.releaseNumber
        app.rolloutId = null
      }
    }
    if (isNews) this.log('rollouts', 'rollout.advance', rollout.because, rollout, now)
    else this.#tell('rollout')
  }
}

function withPools(service: ServiceView, rollout: RolloutView): ServiceView {
  const ships = rollout.pools.filter((ship) => ship.service === service.name)
  if (ships.length === 0) return service
  const inPool = (pool: string): number => ships.filter((ship) => ship.pool === pool).length
  return {
    ...service,
    ready: inPool('online'),
    maintenance: inPool('maintenance'),
    draining: inPool('draining'),
  }
}
