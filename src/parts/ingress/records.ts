import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { appAt, currentRelease, releaseAt, serviceOf } from '../apps/records.ts'
import { listenerKey } from '../discovery/model.ts'
import { listenerKind } from '../discovery/records.ts'
import { serviceName, type Instance } from '../instances/model.ts'
import { instanceKind, instancesOf } from '../instances/records.ts'
import { nodeKey } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import { activeRollout } from '../rollouts/records.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import type { TargetSplit } from '../rollouts/model.ts'
import { TestLink, testLinkKey, type Backend, type Endpoint, type SplitGroup } from './model.ts'

export const testLinkKind: Kind<TestLink> = {
  name: 'test-link',
  version: 1,
  schema: TestLink,
  keyOf: (link) => testLinkKey(link.at, link.id),
  upgraders: {},
  indexes: { app: (link) => appCellName(link.at) },
}

/** The test links of an app in a cell, oldest first. */
export function testLinksOf(snapshot: Snapshot, at: AppCell): Entry<TestLink>[] {
  return [...snapshot.find(testLinkKind, 'app', appCellName(at))].toSorted(
    (a, b) => a.createdRevision - b.createdRevision,
  )
}

/** Instances of an app's services that a tester may meet, whichever release they run. */
export function standingOf(snapshot: Snapshot, at: AppCell): Instance[] {
  return [...snapshot.find(instanceKind, 'app', appCellName(at))]
    .map(({ value }) => value)
    .filter(({ purpose, state, desired, pool }) => {
      const isStanding = state === 'placed' && desired === 'running' && pool !== 'draining'
      return purpose === 'service' && isStanding
    })
}

/**
 * A service's part of the routing table, straight from the records: who is online and who is in
 * maintenance is decided by the instances controller, so there is nothing to plan here.
 *
 * Undefined: there is no way to it and nothing behind it.
 */
export function backendOf(snapshot: Snapshot, at: AppCell, service: string): Backend | undefined {
  const route = routeOf(snapshot, at, service)
  const listener = snapshot.get(listenerKind, listenerKey(at, service))?.value
  const online: Endpoint[] = []
  const maintenance: Endpoint[] = []
  const canary: string[] = []
  const baseline: string[] = []
  const rollout = activeRollout(snapshot, at)?.value
  const split = rollout?.targets.find((target) => target.service === service)?.split
  for (const { value: instance } of instancesOf(snapshot, at, service)) {
    if (instance.desired === 'stopped' || instance.pool === 'draining') continue
    const endpoint = endpointOf(snapshot, instance)
    if (endpoint === undefined) continue
    if (instance.pool !== 'online') {
      maintenance.push(endpoint)
      continue
    }
    online.push(endpoint)
    if (instance.specDigest === split?.specDigest) canary.push(instance.id)
    else if (instance.baselineOf === rollout?.id) baseline.push(instance.id)
  }
  if (route === null && listener === undefined && online.length + maintenance.length === 0) {
    return undefined
  }
  const passes = testLinksOf(snapshot, at).map(({ value: { digest, releaseId, until } }) => {
    return { digest, releaseId, until }
  })
  return {
    id: serviceName(at, service),
    online: online.toSorted(byId),
    maintenance: maintenance.toSorted(byId),
    route,
    listener:
      listener === undefined
        ? null
        : { port: listener.port, maintenancePort: listener.maintenancePort },
    ...(split === undefined ? {} : splitOf(split, canary, baseline)),
    ...(passes.length === 0 ? {} : { passes }),
  }
}

/** The shares as the rollout wants them; until its canary is online there is nothing to divide. */
function splitOf(
  { share, sticky }: TargetSplit,
  canary: readonly string[],
  baseline: readonly string[],
): Pick<Backend, 'split'> {
  if (canary.length === 0) return {}
  const groups: SplitGroup[] = [{ name: 'canary', share, instanceIds: canary.toSorted() }]
  if (baseline.length > 0) {
    groups.push({ name: 'baseline', share, instanceIds: baseline.toSorted() })
  }
  return { split: { groups, sticky } }
}

/** The route of the release that runs; before the first has ended, of the one that is coming. */
function routeOf(snapshot: Snapshot, at: AppCell, service: string): Backend['route'] {
  const app = appAt(snapshot, at)?.value
  if (app === undefined) return null
  const current = serviceOf(currentRelease(snapshot, app), service)
  if (current !== undefined) return current.route
  const rollout = activeRollout(snapshot, at)?.value
  if (rollout === undefined) return null
  return serviceOf(releaseAt(snapshot, at, rollout.releaseId), service)?.route ?? null
}

function endpointOf(snapshot: Snapshot, instance: Instance): Endpoint | undefined {
  if (instance.state !== 'placed' || instance.placement === null) return undefined
  const { nodeId, port } = instance.placement
  const node = snapshot.get(nodeKind, nodeKey(nodeId))?.value
  if (node === undefined || port === null) return undefined
  const observed = snapshot.observations.instance(instance.id)
  return {
    instanceId: instance.id,
    releaseId: instance.releaseId,
    address: node.address,
    port,
    ready: observed?.state === 'ready' && node.lost === undefined,
  }
}

function byId(a: Endpoint, b: Endpoint): number {
  return a.instanceId < b.instanceId ? -1 : 1
}
