import type { Snapshot } from '../../store/port.ts'
import { wantedCount, type Release, type ServiceSpec } from '../apps/model.ts'
import { appAt, releaseAt, serviceOf } from '../apps/records.ts'
import type { Instance } from '../instances/model.ts'
import { instanceKind } from '../instances/records.ts'
import { nodeKey, type Resources } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import { volumesOf } from '../volumes/records.ts'
import type { Home, PendingInstance } from './model.ts'
import { addResources } from './plan.ts'

/** What ties an instance to a node: its own volumes, and the network that its app shares. */
export type Ties = Pick<PendingInstance, 'homes' | 'together'>

const untied: Ties = { homes: [] }

/** Looks up what ties instances: once per service of a release. */
export function tiesIn(snapshot: Snapshot): (instance: Instance) => Ties {
  const known = new Map<string, Ties>()
  return ({ at, releaseId, service }) => {
    const name = `${releaseId} ${service}`
    const ties = known.get(name) ?? tiesOf(snapshot, releaseAt(snapshot, at, releaseId), service)
    known.set(name, ties)
    return ties
  }
}

/** What ties a service of a release, or a job of its app. */
export function tiesOf(snapshot: Snapshot, release: Release | undefined, service: string): Ties {
  if (release === undefined) return untied
  const own = volumeHomes(snapshot, release.at, [serviceOf(release, service)])
  if (!isShared(release)) return own.length === 0 ? untied : { homes: own }
  const app = appCellName(release.at)
  const together = { app, resources: resourcesOf(snapshot, release) }
  if (own.length > 0) return { homes: own, together }
  // Volumes cannot follow, so all others go where one of them is.
  const [volume] = volumeHomes(snapshot, release.at, release.services)
  const nodeId = volume?.nodeId ?? nodeOfMost(snapshot, release.at)
  const homes: Home[] = nodeId === undefined ? [] : [{ nodeId, because: 'network', name: app }]
  return { homes, together }
}

/** Names of the volumes that a pending instance would be the first to have. */
export function missingVolumes(snapshot: Snapshot, instance: Instance): string[] {
  const { at, releaseId, service } = instance
  const spec = serviceOf(releaseAt(snapshot, at, releaseId), service)
  const mounts = spec?.volumes ?? []
  if (mounts.length === 0) return []
  const known = volumesOf(snapshot, at).filter(({ value }) => value.service === service)
  const names = new Set(known.map(({ value }) => value.name))
  return mounts.map(({ name }) => name).filter((name) => !names.has(name))
}

function isShared({ services }: Release): boolean {
  return services.some(({ network }) => network === 'shared')
}

/** A node for each volume that is there already; each node once. */
function volumeHomes(
  snapshot: Snapshot,
  at: AppCell,
  services: readonly (ServiceSpec | undefined)[],
): Home[] {
  const homes = new Map<string, Home>()
  const specs = services.filter((spec) => spec?.volumes !== undefined)
  if (specs.length === 0) return []
  for (const { value } of volumesOf(snapshot, at)) {
    const spec = specs.find((one) => one?.name === value.service)
    const isMounted = spec?.volumes?.some(({ name }) => name === value.name) === true
    if (!isMounted || homes.has(value.nodeId)) continue
    homes.set(value.nodeId, { nodeId: value.nodeId, because: 'volume', name: value.name })
  }
  return [...homes.values()]
}

/** Where most of an app's containers in its network stand; a lost node is none. */
function nodeOfMost(snapshot: Snapshot, at: AppCell): string | undefined {
  const counts = new Map<string, number>()
  for (const { value } of snapshot.find(instanceKind, 'app', appCellName(at))) {
    const { state, desired, placement, releaseId } = value
    if (state !== 'placed' || desired !== 'running' || placement === null) continue
    const release = releaseAt(snapshot, at, releaseId)
    if (release === undefined || !isShared(release)) continue
    const node = snapshot.get(nodeKind, nodeKey(placement.nodeId))?.value
    if (node === undefined || node.lost !== undefined) continue
    counts.set(placement.nodeId, (counts.get(placement.nodeId) ?? 0) + 1)
  }
  return [...counts].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]?.[0]
}

/** What all instances that an app wants take together. */
function resourcesOf(snapshot: Snapshot, release: Release): Resources {
  const app = appAt(snapshot, release.at)?.value
  let sum: Resources = { cpu: 0, memoryBytes: 0, diskBytes: 0 }
  for (const spec of release.services) {
    const count = app === undefined ? spec.instances : wantedCount(app, spec)
    for (let one = 0; one < count; one++) sum = addResources(sum, spec.resources)
  }
  return sum
}
