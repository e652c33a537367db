import { kindOf, type Key } from '../../src/base/key.ts'
import {
  appKey,
  putBack,
  releaseKey,
  wantedCount,
  type App,
  type Release,
  type ServiceSpec,
} from '../../src/parts/apps/model.ts'
import { serviceName, type Instance } from '../../src/parts/instances/model.ts'
import type { Node } from '../../src/parts/nodes/model.ts'
import { isOver, type Rollout } from '../../src/parts/rollouts/model.ts'
import { appCellName, appCellOf, type AppCell } from '../../src/parts/tenants/model.ts'
import type { CommittedChange, Revision } from '../../src/store/port.ts'

/** One record's change within a commit. */
export interface RecordChange {
  readonly key: Key
  readonly kind: string
  readonly before: unknown
  /** Undefined: it was deleted. */
  readonly after: unknown
}

/** Instances that are remembered after their records are gone, for processes that outlive them. */
const forgottenMax = 20_000

/**
 * What the commits heard so far add up to, with the ways in that checkers need. Shared by the
 * checkers of one run: whoever hears a commit first takes it in, the others get the same answer.
 */
export class RecordIndex {
  /** Of the newest commit. */
  revision: Revision = 0
  readonly #values = new Map<Key, unknown>()
  readonly #instances = new Map<string, Instance>()
  readonly #forgotten = new Map<string, Instance>()
  readonly #byService = new Map<string, Map<string, Instance>>()
  readonly #byNode = new Map<string, Map<string, Instance>>()
  readonly #openRollouts = new Map<string, Map<string, Rollout>>()
  readonly #nodes = new Map<string, Node>()
  #newest:
    | { readonly change: CommittedChange; readonly changes: readonly RecordChange[] }
    | undefined

  /** Takes a commit in; the changes that it made. */
  take(change: CommittedChange): readonly RecordChange[] {
    if (this.#newest?.change === change) return this.#newest.changes
    const changes = change.operations.map((operation): RecordChange => {
      const { key } = operation
      const before = this.#values.get(key)
      const after = operation.op === 'put' ? operation.value : undefined
      const one = { key, kind: kindOf(key), before, after }
      this.#apply(one)
      return one
    })
    this.revision = change.revision
    this.#newest = { change, changes }
    return changes
  }

  values(): ReadonlyMap<Key, unknown> {
    return this.#values
  }

  /** The instance as it is, or as it was when its record was removed. */
  instance(id: string): Instance | undefined {
    return this.#instances.get(id) ?? this.#forgotten.get(id)
  }

  /** Whether there is a record of it. */
  hasInstance(id: string): boolean {
    return this.#instances.has(id)
  }

  instances(): Iterable<Instance> {
    return this.#instances.values()
  }

  /** Kept instances of a service (`environment/tenant/app/service`), ended ones too. */
  instancesOf(service: string): Iterable<Instance> {
    return this.#byService.get(service)?.values() ?? []
  }

  /** Instances that hold a place on a node. */
  placedOn(nodeId: string): Iterable<Instance> {
    return this.#byNode.get(nodeId)?.values() ?? []
  }

  node(id: string): Node | undefined {
    return this.#nodes.get(id)
  }

  nodes(): Iterable<Node> {
    return this.#nodes.values()
  }

  nodeCount(): number {
    return this.#nodes.size
  }

  app(at: AppCell): App | undefined {
    return this.#values.get(appKey(at)) as App | undefined
  }

  *apps(): Iterable<App> {
    for (const [key, value] of this.#values) if (kindOf(key) === 'app') yield value as App
  }

  /** The release that an app's cell runs. */
  current(app: App): Release | undefined {
    return app.releaseId === null ? undefined : this.release(app.at, app.releaseId)
  }

  release(at: AppCell, id: string): Release | undefined {
    return this.#values.get(releaseKey(at, id)) as Release | undefined
  }

  /** What an instance runs; undefined when its release is gone, and of tests. */
  specOf({ at, releaseId, service }: Instance): ServiceSpec | undefined {
    return this.release(at, releaseId)?.services.find((spec) => spec.name === service)
  }

  /** Rollouts that are not over, of an app and cell (`environment/tenant/app`). */
  openRollouts(app: string): Iterable<Rollout> {
    return this.#openRollouts.get(app)?.values() ?? []
  }

  allOpenRollouts(): Iterable<Rollout> {
    return [...this.#openRollouts.values()].flatMap((rollouts) => [...rollouts.values()])
  }

  /**
   * How many of a service its customers are promised: the least of what the release that runs and
   * one that is on its way want, less those whose room a rollout took for want of other. Nothing of
   * singletons, which stop before the next one starts.
   */
  promisedOf(service: string): number {
    const app = this.app(appCellOf(service))
    if (app === undefined) return 0
    let least = countIn(app, this.current(app), service)
    for (const rollout of this.openRollouts(appCellName(app.at))) {
      if (rollout.state === 'queued') continue
      const coming = this.release(app.at, rollout.releaseId)
      const after = putBack(app, rollout.putsBack)
      const target = rollout.targets.find((one) => serviceName(app.at, one.service) === service)
      const lent = target?.lent ?? 0
      least = Math.max(0, Math.min(least, countIn(after, coming, service)) - lent)
    }
    return least
  }

  #apply(change: RecordChange): void {
    const { key, kind, before, after } = change
    if (after === undefined) this.#values.delete(key)
    else this.#values.set(key, after)
    if (kind === 'instance') this.#applyInstance(before as Instance, after as Instance)
    else if (kind === 'rollout') this.#applyRollout((after ?? before) as Rollout, after)
    else if (kind === 'node') this.#applyNode(before as Node, after as Node)
  }

  #applyInstance(before: Instance | undefined, after: Instance | undefined): void {
    if (before !== undefined) {
      this.#byService.get(serviceName(before.at, before.service))?.delete(before.id)
      if (before.placement !== null) this.#byNode.get(before.placement.nodeId)?.delete(before.id)
    }
    if (after === undefined) {
      if (before !== undefined) this.#forget(before)
      return
    }
    this.#instances.set(after.id, after)
    mapIn(this.#byService, serviceName(after.at, after.service)).set(after.id, after)
    if (after.state !== 'placed' || after.placement === null) return
    mapIn(this.#byNode, after.placement.nodeId).set(after.id, after)
  }

  #forget(instance: Instance): void {
    this.#instances.delete(instance.id)
    this.#forgotten.set(instance.id, instance)
    if (this.#forgotten.size <= forgottenMax) return
    const [oldest] = this.#forgotten.keys()
    if (oldest !== undefined) this.#forgotten.delete(oldest)
  }

  #applyRollout(rollout: Rollout, after: unknown): void {
    const open = mapIn(this.#openRollouts, appCellName(rollout.at))
    if (after === undefined || isOver(rollout.state)) open.delete(rollout.id)
    else open.set(rollout.id, rollout)
  }

  #applyNode(before: Node | undefined, after: Node | undefined): void {
    if (after !== undefined) this.#nodes.set(after.id, after)
    else if (before !== undefined) this.#nodes.delete(before.id)
  }
}

/** Whether it is one that customers reach: in the online pool, placed and wanted. */
export function isOnline(instance: Instance): boolean {
  const { state, desired, pool } = instance
  return state === 'placed' && desired === 'running' && pool === 'online'
}

/** The name that a record's service has everywhere: `environment/tenant/app/service`. */
export function nameOf(instance: Pick<Instance, 'at' | 'service'>): string {
  return serviceName(instance.at, instance.service)
}

function countIn(app: App, release: Release | undefined, service: string): number {
  const name = service.slice(service.lastIndexOf('/') + 1)
  const spec = release?.services.find((candidate) => candidate.name === name)
  return spec === undefined || spec.singleton ? 0 : wantedCount(app, spec)
}

function mapIn<K, V>(maps: Map<string, Map<K, V>>, key: string): Map<K, V> {
  const known = maps.get(key)
  if (known !== undefined) return known
  const made = new Map<K, V>()
  maps.set(key, made)
  return made
}
