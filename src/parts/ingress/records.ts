import type { Snapshot } from '../../store/port.ts'
import { appAt, currentRelease, releaseAt, serviceOf } from '../apps/records.ts'
import { listenerKey } from '../discovery/model.ts'
import { listenerKind } from '../discovery/records.ts'
import { serviceName, type Instance } from '../instances/model.ts'
import { instancesOf } from '../instances/records.ts'
import { nodeKey } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import { activeRollout } from '../rollouts/records.ts'
import type { AppCell } from '../tenants/model.ts'
import type { Backend, Endpoint } from './model.ts'

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
  for (const { value: instance } of instancesOf(snapshot, at, service)) {
    if (instance.desired === 'stopped' || instance.pool === 'draining') continue
    const endpoint = endpointOf(snapshot, instance)
    if (endpoint === undefined) continue
    if (instance.pool === 'online') online.push(endpoint)
    else maintenance.push(endpoint)
  }
  if (route === null && listener === undefined && online.length + maintenance.length === 0) {
    return undefined
  }
  return {
    id: serviceName(at, service),
    online: online.toSorted(byId),
    maintenance: maintenance.toSorted(byId),
    route,
    listener:
      listener === undefined
        ? null
        : { port: listener.port, maintenancePort: listener.maintenancePort },
  }
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
