import { assert } from '../../base/errors.ts'
import { checkTransition } from '../../base/state-table.ts'
import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { nodeKey } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import {
  Instance,
  SingletonEpoch,
  instanceKey,
  instanceTable,
  serviceName,
  singletonEpochKey,
} from './model.ts'

export const instanceKind: Kind<Instance> = {
  name: 'instance',
  version: 2,
  schema: Instance,
  keyOf: (instance) => instanceKey(instance.at, instance.id),
  // 0.2: a release's test is a job like any other.
  upgraders: { 1: (old) => ({ ...(old as Instance), purpose: purposeOf(old) }) },
  indexes: {
    id: (instance) => instance.id,
    app: (instance) => appCellName(instance.at),
    /** Ended ones too: they are kept a while, within a bound. */
    service: (instance) => serviceName(instance.at, instance.service),
    /** Those that the node's agent has to know of. */
    node: (instance) => (instance.state === 'placed' ? instance.placement?.nodeId : undefined),
    /** Singletons that run under a lease, by node. */
    leased: (instance) =>
      instance.state === 'placed' && instance.singleton !== undefined
        ? instance.placement?.nodeId
        : undefined,
    state: (instance) => instance.state,
    /** Those that wait for requests under way to end. */
    draining: (instance) =>
      instance.pool === 'draining' && instance.desired === 'running' ? 'yes' : undefined,
  },
  checkChange: (before, after) => checkTransition(instanceTable, before?.state, after.state),
}

function purposeOf(old: unknown): Instance['purpose'] {
  return (old as { purpose?: unknown }).purpose === 'service' ? 'service' : 'job'
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

/** The singletons that a node runs under a lease. */
export function leasedOn(snapshot: Snapshot, nodeId: string): Iterable<Entry<Instance>> {
  return snapshot.find(instanceKind, 'leased', nodeId)
}

export const singletonEpochKind: Kind<SingletonEpoch> = {
  name: 'singleton-epoch',
  version: 1,
  schema: SingletonEpoch,
  keyOf: ({ at, service }) => singletonEpochKey(at, service),
  upgraders: {},
  indexes: {},
  checkChange: (before, after) => {
    // Rule 5 of docs/reference/rules.md: a fencing token only rises.
    assert(after.epoch > (before?.epoch ?? 0), `the epoch of ${after.service} does not rise`)
  },
}

/** The epoch of a service's newest instance; undefined when it was never a singleton. */
export function epochOf(
  snapshot: Snapshot,
  at: AppCell,
  service: string,
): Entry<SingletonEpoch> | undefined {
  return snapshot.get(singletonEpochKind, singletonEpochKey(at, service))
}

/** Where an instance stands; undefined while it has no node. */
export function zoneOf(snapshot: Snapshot, { placement }: Instance): string | undefined {
  if (placement === null) return undefined
  return snapshot.get(nodeKind, nodeKey(placement.nodeId))?.value.zone
}
