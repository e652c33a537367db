import type { Entry, Expectation, Snapshot } from '../../store/port.ts'
import {
  putBack,
  specDigest,
  wantedCount,
  type App,
  type Release,
  type ServiceSpec,
} from '../apps/model.ts'
import { appAt, appKind, currentRelease, releaseAt, serviceOf } from '../apps/records.ts'
import { nodeKey } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import type { Rollout, ServiceTarget } from '../rollouts/model.ts'
import { openAttempts } from '../jobs/records.ts'
import { activeRollout } from '../rollouts/records.ts'
import { appCellName, appCellOf, type AppCell } from '../tenants/model.ts'
import type { Leases } from './leases.ts'
import { isJobService, serviceName, type Instance, type SingletonEpoch } from './model.ts'
import type { InstanceSeen, ServiceInstancesView, Wanted } from './plan.ts'
import { epochOf, instanceKind, instancesOf } from './records.ts'

/** A service in a cell with its records, as the instances controller observes it. */
export interface ServiceView extends ServiceInstancesView {
  readonly at: AppCell
  /** Of the wanted target; undefined when nothing is wanted. */
  readonly spec: ServiceSpec | undefined
  /** Of what runs now: what a baseline is made of. */
  readonly currentSpec: ServiceSpec | undefined
  /** Every kept record, ended ones too, by instance id. */
  readonly entries: ReadonlyMap<string, Entry<Instance>>
  /** The epoch that its newest instance was given, if it ever was a singleton. */
  readonly epoch: Entry<SingletonEpoch> | undefined
  /** Lost nodes of its instances, as they were read: by instance id. */
  readonly lostNodes: ReadonlyMap<string, Expectation>
  /** The records that say how many are wanted, as they were read: the app's, and its rollout's. */
  readonly wantedBy: readonly Expectation[]
  /** Attempts that a run waits for; only of a job's service. */
  readonly wantedAttempts: ReadonlySet<string>
}

const nothing: Wanted = {
  target: null,
  successors: 0,
  online: 0,
  predecessors: 0,
  promised: 0,
  singleton: false,
}

/** Copies what the plan for one service (`environment/tenant/app/service`) needs. */
export function observeService(
  key: string,
  snapshot: Snapshot,
  leases: Pick<Leases, 'leftMs'>,
): ServiceView | undefined {
  const at = appCellOf(key)
  const service = key.slice(key.lastIndexOf('/') + 1)
  const appEntry = appAt(snapshot, at)
  const app = appEntry?.value
  const entries = new Map<string, Entry<Instance>>()
  for (const entry of instancesOf(snapshot, at, service)) entries.set(entry.value.id, entry)
  if (app === undefined && entries.size === 0) return undefined
  const rolloutEntry = activeRollout(snapshot, at)
  const rollout = rolloutEntry?.value
  const { wanted, spec } = wantedOf(snapshot, app, service, rollout)
  const all = [...entries.values()].toSorted((a, b) => a.createdRevision - b.createdRevision)
  const live = all.filter(({ value }) => value.state !== 'ended')
  return {
    at,
    service,
    spec,
    currentSpec: app && serviceOf(currentRelease(snapshot, app), service),
    wanted,
    entries,
    wantedBy: [appEntry, rolloutEntry]
      .filter((entry) => entry !== undefined)
      .map(({ key, revision }) => ({ key, revision })),
    wantedAttempts: isJobService(service) ? openAttempts(snapshot, at, service) : new Set(),
    epoch: epochOf(snapshot, at, service),
    lostNodes: lostNodesOf(snapshot, live),
    instances: live.map((entry) => seen(snapshot, entry, leases)),
    ended: all.filter(({ value }) => value.state === 'ended').map(({ value }) => value.id),
    ingresses: [...snapshot.observations.ingresses()].map(([, ingress]) => ingress),
  }
}

/** The services whose instances may have to change: of the release that runs and of the rollout. */
export function* servicesOf(snapshot: Snapshot, only?: AppCell): Iterable<string> {
  const apps = only === undefined ? snapshot.list(appKind) : [appAt(snapshot, only)]
  for (const entry of apps) {
    if (entry === undefined) continue
    const { value: app } = entry
    const names = new Set<string>()
    for (const spec of currentRelease(snapshot, app)?.services ?? []) names.add(spec.name)
    for (const target of activeRollout(snapshot, app.at)?.value.targets ?? []) {
      names.add(target.service)
    }
    for (const { value } of snapshot.find(instanceKind, 'app', appCellName(app.at))) {
      names.add(value.service)
    }
    for (const name of names) yield serviceName(app.at, name)
  }
}

function wantedOf(
  snapshot: Snapshot,
  app: App | undefined,
  service: string,
  rollout: Rollout | undefined,
): { wanted: Wanted; spec: ServiceSpec | undefined } {
  if (app === undefined || app.destroying) return { wanted: nothing, spec: undefined }
  const release = currentRelease(snapshot, app)
  const current = serviceOf(release, service)
  const target = rollout?.targets.find((candidate) => candidate.service === service)
  if (rollout !== undefined && target !== undefined) {
    const { successors, online, predecessors } = target
    const coming =
      target.target === null ? undefined : releaseAt(snapshot, app.at, target.target.releaseId)
    const spec = serviceOf(coming, service)
    const singleton = spec?.singleton ?? false
    const least = Math.min(
      promisedOf(app, current),
      promisedOf(putBack(app, rollout.putsBack), spec),
    )
    const promised = Math.max(0, least - (target.lent ?? 0))
    const wanted = {
      target: target.target,
      successors,
      online,
      predecessors,
      promised,
      singleton,
      ...baselineOf(rollout, current, release, target),
    }
    return { wanted, spec }
  }
  const spec = current
  if (release === undefined || spec === undefined) return { wanted: nothing, spec: undefined }
  const count = wantedCount(app, spec)
  return {
    wanted: {
      target: { releaseId: release.id, specDigest: specDigest(spec) },
      successors: count,
      online: count,
      predecessors: 0,
      promised: promisedOf(app, spec),
      singleton: spec.singleton,
    },
    spec,
  }
}

/** The fresh predecessors that a rollout wants beside its canary. */
function baselineOf(
  rollout: Rollout,
  spec: ServiceSpec | undefined,
  release: Release | undefined,
  { split }: ServiceTarget,
): Pick<Wanted, 'baseline'> {
  const count = split?.baseline ?? 0
  if (count === 0 || spec === undefined || release === undefined) return {}
  const { id: rolloutId } = rollout
  return { baseline: { rolloutId, releaseId: release.id, specDigest: specDigest(spec), count } }
}

/** How many customers may count on; one that may run only once has to make room first. */
function promisedOf(app: App, spec: ServiceSpec | undefined): number {
  return spec === undefined || spec.singleton ? 0 : wantedCount(app, spec)
}

function seen(
  snapshot: Snapshot,
  entry: Entry<Instance>,
  leases: Pick<Leases, 'leftMs'>,
): InstanceSeen {
  const { value: instance } = entry
  const { placement } = instance
  const node =
    placement === null ? undefined : snapshot.get(nodeKind, nodeKey(placement.nodeId))?.value
  const spec = serviceOf(releaseAt(snapshot, instance.at, instance.releaseId), instance.service)
  const heardAt =
    placement === null ? undefined : snapshot.observations.node(placement.nodeId)?.heardAt
  const nodeLost = placement !== null && (node === undefined || node.lost !== undefined)
  const isSingleton = instance.singleton !== undefined || spec?.singleton === true
  const left = (): number =>
    withoutLease(leases.leftMs(instance, snapshot), node?.lost?.confirmedBy !== undefined)
  return {
    instance,
    revision: entry.revision,
    observed: snapshot.observations.instance(instance.id),
    nodeLost,
    ...(heardAt === undefined ? {} : { heardAt }),
    zone: node?.zone ?? '',
    ...(nodeLost && isSingleton ? { leaseLeftMs: left() } : {}),
    drainMs: spec?.stop.drainMs ?? 0,
  }
}

/** What no lease ends is over when a person has said that its machine is off. */
function withoutLease(leftMs: number, isConfirmed: boolean): number {
  return leftMs === Infinity && isConfirmed ? 0 : leftMs
}

/** What an end on a lost node was decided on: were it heard again, its leases would go on. */
function lostNodesOf(
  snapshot: Snapshot,
  live: readonly Entry<Instance>[],
): ReadonlyMap<string, Expectation> {
  const lost = new Map<string, Expectation>()
  for (const { value } of live) {
    if (value.placement === null) continue
    const key = nodeKey(value.placement.nodeId)
    const node = snapshot.get(nodeKind, key)
    if (node === undefined) lost.set(value.id, { key, revision: 'absent' })
    else if (node.value.lost !== undefined) {
      lost.set(value.id, { key, revision: node.revision })
    }
  }
  return lost
}
