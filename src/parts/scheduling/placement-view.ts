import type { Entry, Snapshot } from '../../store/port.ts'
import { releaseAt, serviceOf } from '../apps/records.ts'
import { serviceName, type Instance } from '../instances/model.ts'
import { instanceKind } from '../instances/records.ts'
import type { Node } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import {
  groupOf,
  noSpread,
  type NodeView,
  type PendingInstance,
  type PlacementView,
  type Spread,
} from './model.ts'
import { missingVolumes, tiesIn, type Ties } from './ties-view.ts'
import type { NodeUsage } from './usage.ts'

/** What one pass of the scheduler looks at, and the records that its decisions rest on. */
export interface SchedulingView extends PlacementView {
  readonly entries: ReadonlyMap<string, Entry<Instance>>
  readonly nodeEntries: ReadonlyMap<string, Entry<Node>>
  /** Names of the volumes that pending instances would be the first to have. */
  readonly newVolumes: ReadonlyMap<string, readonly string[]>
}

/** Copies nodes, what they hold, and what wants a place; undefined when nothing wants one. */
export function observePlacement(snapshot: Snapshot, usage: NodeUsage): SchedulingView | undefined {
  const entries = new Map<string, Entry<Instance>>()
  const newVolumes = new Map<string, readonly string[]>()
  const pending: PendingInstance[] = []
  const spreadOf = spreadsIn(snapshot)
  const tiesOf = tiesIn(snapshot)
  for (const entry of snapshot.find(instanceKind, 'state', 'pending')) {
    entries.set(entry.value.id, entry)
    const missing = missingVolumes(snapshot, entry.value)
    if (missing.length > 0) newVolumes.set(entry.value.id, missing)
    pending.push(pendingOf(entry.value, spreadOf(entry.value), tiesOf(entry.value)))
  }
  if (pending.length === 0) return undefined
  const nodeEntries = new Map<string, Entry<Node>>()
  for (const entry of snapshot.list(nodeKind)) nodeEntries.set(entry.value.id, entry)
  const nodes = nodeViews(snapshot, usage)
  const listeningSince = snapshot.observations.since
  return { nodes, pending, entries, nodeEntries, newVolumes, listeningSince }
}

/** Every node as the scheduler sees it. */
export function nodeViews(snapshot: Snapshot, usage: NodeUsage): NodeView[] {
  return [...snapshot.list(nodeKind)].map(({ value: node }) => {
    const observed = snapshot.observations.node(node.id)
    return {
      id: node.id,
      zone: node.zone,
      address: node.address,
      capacity: node.capacity,
      runsImages: node.drivers?.includes('docker') === true,
      enforcesLimits: node.drivers?.includes('limits') === true,
      buildsImages: node.drivers?.includes('builds') === true,
      isolatesPorts: node.drivers?.includes('ports') === true,
      showsMounts: node.drivers?.includes('mounts') === true,
      portsFrom: node.ports.from,
      portsTo: node.ports.to,
      ...usage.reservedOn(node, observed?.portsTaken),
      heardAt: node.lost === undefined ? (observed?.heardAt ?? null) : null,
    }
  })
}

/** An instance as the scheduler sees it; its spread and its ties come from its release. */
export function pendingOf(instance: Instance, spread: Spread, ties: Ties): PendingInstance {
  const { id, at, service, specDigest, resources, needsPort, driver, desired, unplaced } = instance
  const group = groupOf(serviceName(at, service), specDigest)
  const image = driver === undefined ? {} : { driver }
  return { id, group, resources, needsPort, ...image, spread, ...ties, desired, unplaced }
}

/** Looks up how an instance is to stand apart: once per service of a release. */
export function spreadsIn(snapshot: Snapshot): (instance: Instance) => Spread {
  const known = new Map<string, Spread>()
  return (instance) => {
    if (instance.purpose === 'job') return noSpread
    const name = `${instance.releaseId} ${instance.service}`
    const spread = known.get(name) ?? spreadInRelease(snapshot, instance)
    known.set(name, spread)
    return spread
  }
}

function spreadInRelease(snapshot: Snapshot, { at, releaseId, service }: Instance): Spread {
  return serviceOf(releaseAt(snapshot, at, releaseId), service)?.spread ?? noSpread
}
