import { checkTransition } from '../../base/state-table.ts'
import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import { Instance, instanceKey, instanceTable, serviceName } from './model.ts'

export const instanceKind: Kind<Instance> = {
  name: 'instance',
  version: 1,
  schema: Instance,
  keyOf: (instance) => instanceKey(instance.at, instance.id),
  upgraders: {},
  indexes: {
    id: (instance) => instance.id,
    app: (instance) => appCellName(instance.at),
    /** Ended ones too: they are kept a while, within a bound. */
    service: (instance) => serviceName(instance.at, instance.service),
    /** Those that the node's agent has to know of. */
    node: (instance) => (instance.state === 'placed' ? instance.placement?.nodeId : undefined),
    state: (instance) => instance.state,
    /** Those that wait for requests under way to end. */
    draining: (instance) =>
      instance.pool === 'draining' && instance.desired === 'running' ? 'yes' : undefined,
  },
  checkChange: (before, after) => checkTransition(instanceTable, before?.state, after.state),
}

export function instanceById(snapshot: Snapshot, id: string): Entry<Instance> | undefined {
  const [entry] = snapshot.find(instanceKind, 'id', id)
  return entry
}

/** All instances of a service that are kept, ended ones included. */
export function instancesOf(
  snapshot: Snapshot,
  at: AppCell,
  service: string,
): Iterable<Entry<Instance>> {
  return snapshot.find(instanceKind, 'service', serviceName(at, service))
}

/** The instances that a node holds a place for. */
export function instancesOn(snapshot: Snapshot, nodeId: string): Iterable<Entry<Instance>> {
  return snapshot.find(instanceKind, 'node', nodeId)
}
