import type { Entry, Snapshot } from '../../store/port.ts'
import { specDigest, wantedCount, type App, type ServiceSpec } from '../apps/model.ts'
import { appAt, appKind, currentRelease, releaseAt, serviceOf } from '../apps/records.ts'
import { nodeKey } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import type { ServiceTarget } from '../rollouts/model.ts'
import { activeRollout } from '../rollouts/records.ts'
import { appCellName, appCellOf, type AppCell } from '../tenants/model.ts'
import { serviceName, testService, type Instance } from './model.ts'
import type { InstanceSeen, ServiceInstancesView, Wanted } from './plan.ts'
import { instanceKind, instancesOf } from './records.ts'

/** A service in a cell with its records, as the instances controller observes it. */
export interface ServiceView extends ServiceInstancesView {
  readonly at: AppCell
  /** Of the wanted target; undefined when nothing is wanted. */
  readonly spec: ServiceSpec | undefined
  /** Every kept record, ended ones too, by instance id. */
  readonly entries: ReadonlyMap<string, Entry<Instance>>
  /** Test runs that a rollout waits for; only of the test service. */
  readonly wantedTests: ReadonlySet<string>
}

const nothing: Wanted = {
  target: null,
  successors: 0,
  online: 0,
  predecessors: 0,
  singleton: false,
}

/** Copies what the plan for one service (`environment/tenant/app/service`) needs. */
export function observeService(key: string, snapshot: Snapshot): ServiceView | undefined {
  const at = appCellOf(key)
  const service = key.slice(key.lastIndexOf('/') + 1)
  const app = appAt(snapshot, at)?.value
  const entries = new Map<string, Entry<Instance>>()
  for (const entry of instancesOf(snapshot, at, service)) entries.set(entry.value.id, entry)
  if (app === undefined && entries.size === 0) return undefined
  const rollout = activeRollout(snapshot, at)?.value
  const target = rollout?.targets.find((candidate) => candidate.service === service)
  const { wanted, spec } = wantedOf(snapshot, app, service, target)
  const testId = rollout?.testInstanceId ?? null
  const all = [...entries.values()].toSorted((a, b) => a.createdRevision - b.createdRevision)
  return {
    at,
    service,
    spec,
    wanted,
    entries,
    wantedTests: new Set(service === testService && testId !== null ? [testId] : []),
    instances: all.filter(({ value }) => value.state !== 'ended').map((e) => seen(snapshot, e)),
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
    const names = new Set([testService])
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
  target: ServiceTarget | undefined,
): { wanted: Wanted; spec: ServiceSpec | undefined } {
  if (app === undefined || app.destroying) return { wanted: nothing, spec: undefined }
  if (target !== undefined) {
    const { successors, online, predecessors } = target
    const release =
      target.target === null ? undefined : releaseAt(snapshot, app.at, target.target.releaseId)
    const spec = serviceOf(release, service)
    const singleton = spec?.singleton ?? false
    return { wanted: { target: target.target, successors, online, predecessors, singleton }, spec }
  }
  const release = currentRelease(snapshot, app)
  const spec = serviceOf(release, service)
  if (release === undefined || spec === undefined) return { wanted: nothing, spec: undefined }
  const count = wantedCount(app, spec)
  return {
    wanted: {
      target: { releaseId: release.id, specDigest: specDigest(spec) },
      successors: count,
      online: count,
      predecessors: 0,
      singleton: spec.singleton,
    },
    spec,
  }
}

function seen(snapshot: Snapshot, entry: Entry<Instance>): InstanceSeen {
  const { value: instance } = entry
  const { placement } = instance
  const node =
    placement === null ? undefined : snapshot.get(nodeKind, nodeKey(placement.nodeId))?.value
  const spec = serviceOf(releaseAt(snapshot, instance.at, instance.releaseId), instance.service)
  return {
    instance,
    revision: entry.revision,
    observed: snapshot.observations.instance(instance.id),
    nodeLost: placement !== null && (node === undefined || node.lost !== undefined),
    drainMs: spec?.stop.drainMs ?? 0,
  }
}
