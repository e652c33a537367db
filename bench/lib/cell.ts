import { digestOf } from '../../src/base/digest.ts'
import { tokenKind } from '../../src/parts/access/records.ts'
import type { Role } from '../../src/parts/access/model.ts'
import { releaseContentOf } from '../../src/parts/apps/manifest/release-content.ts'
import { specDigest, type App, type Release } from '../../src/parts/apps/model.ts'
import { appKind, releaseKind } from '../../src/parts/apps/records.ts'
import { artifactKind } from '../../src/parts/artifacts/records.ts'
import { listenerKey, listenerPortKey } from '../../src/parts/discovery/model.ts'
import { listenerKind, listenerPortKind } from '../../src/parts/discovery/records.ts'
import type { Instance } from '../../src/parts/instances/model.ts'
import { instanceKind } from '../../src/parts/instances/records.ts'
import type { Node } from '../../src/parts/nodes/model.ts'
import { nodeKind } from '../../src/parts/nodes/records.ts'
import type { AppCell } from '../../src/parts/tenants/model.ts'
import { create, operationsMax, type Store, type Write } from '../../src/store/port.ts'

/** A cell that has stood for a while: nodes, apps of one service, and their instances, all placed. */
export interface CellSize {
  readonly nodes: number
  readonly instances: number
}

/** Instances of each app's one service. */
export const instancesPerApp = 10

/** Room for 1,000 and more apps: two ports for each. */
export const listenerPorts = { from: 20_000, to: 29_999 } as const

/** What everything runs; nobody ever unpacks it. */
export const artifact = { digest: digestOf('the archive of a cell'), sizeBytes: 1_000 }

const gib = 2 ** 30
const zones = ['a', 'b', 'c'] as const
/** The ports of a node: enough for all instances of the largest cell on the fewest nodes. */
const portsFrom = 30_000
const portsTo = 39_999

export function cellOf(app: string): AppCell {
  return { tenant: 'default', environment: 'local', app }
}

export function appName(index: number): string {
  return `app-${index}`
}

export function nodeName(index: number): string {
  return `node-${String(index).padStart(4, '0')}`
}

/** One small service, with a port and a health check. */
export function manifestOf(app: string): string {
  return `roadstead: v1
app: ${app}
services:
  web: { run: node server.js, health: /healthz, instances: ${instancesPerApp}, cpu: 0.1, memory: 64MiB }
release:
  steps:
    - maintenance: { portion: 100%, min: 1 }
    - remaining: { batch: 100% }
`
}

/** A node's record, as its agent registers it. */
export function nodeOf(index: number): Node {
  return {
    id: nodeName(index),
    zone: zones[index % zones.length] ?? 'a',
    address: '127.0.0.1',
    capacity: { cpu: 512, memoryBytes: 512 * gib, diskBytes: 4_096 * gib },
    ports: { from: portsFrom, to: portsTo },
    labels: {},
    registeredAt: 0,
    incarnation: 'bench',
    protocol: 2,
  }
}

export function tokenOf(role: Role): string {
  return `rst_${role}`.padEnd(47, '0')
}

/** All records of such a cell, as writes; `now` is when all of it began. */
export function* cellWrites({ nodes, instances }: CellSize, now: number): Generator<Write> {
  for (const role of ['operator', 'agent', 'ingress'] as const) {
    const hash = digestOf(tokenOf(role))
    yield create(tokenKind, { id: `tok-${role}`, name: role, role, hash, createdAt: now })
  }
  yield create(artifactKind, { ...artifact, createdAt: now })
  for (let index = 0; index < nodes; index++) yield create(nodeKind, nodeOf(index))
  const apps = Math.ceil(instances / instancesPerApp)
  for (let index = 0; index < apps; index++) yield* appWrites(index, nodes, now)
}

function* appWrites(index: number, nodes: number, now: number): Generator<Write> {
  const at = cellOf(appName(index))
  const manifest = manifestOf(at.app)
  const { team, ...content } = releaseContentOf(
    { manifest, artifacts: { '.': artifact }, files: null },
    at,
  )
  const made = { createdBy: 'bench', createdAt: now }
  const release: Release = {
    ...content,
    services: content.services as Release['services'],
    ...made,
    id: 'rel-1',
    at,
    number: 1,
    version: 'v1',
    files: null,
    manifest,
  }
  yield create(releaseKind, release)
  const app: App = {
    at,
    team,
    releaseId: release.id,
    nextReleaseNumber: 2,
    scale: {},
    stopped: [],
    destroying: false,
  }
  yield create(appKind, app)
  const port = listenerPorts.from + 2 * index
  yield create(listenerKind, { at, service: 'web', port, maintenancePort: port + 1 })
  const taken = { port, listener: listenerKey(at, 'web') }
  yield { ...create(listenerPortKind, taken), key: listenerPortKey(port) }
  for (let copy = 0; copy < instancesPerApp; copy++) {
    const place = index * instancesPerApp + copy
    const nodeId = nodeName(place % nodes)
    const placement = { nodeId, port: portsFrom + Math.floor(place / nodes) }
    yield create(instanceKind, anInstance(release, `i-${place}`, placement, now))
  }
}

function anInstance(
  release: Release,
  id: string,
  placement: Instance['placement'],
  now: number,
): Instance {
  const [spec] = release.services
  if (spec === undefined) throw new Error('the manifest has no service')
  return {
    id,
    at: release.at,
    service: spec.name,
    purpose: 'service',
    releaseId: release.id,
    specDigest: specDigest(spec),
    resources: spec.resources,
    needsPort: true,
    state: 'placed',
    desired: 'running',
    pool: 'online',
    drainingSince: null,
    placement,
    unplaced: null,
    because: 'the bench wants it',
    createdAt: now,
    ended: null,
  }
}

/** Writes the cell into a store: past the state, which would refuse to skip a step. */
export async function fillStore(store: Store, size: CellSize, now: number): Promise<void> {
  const { epoch } = await store.campaign(new AbortController().signal)
  const attribution = { who: 'bench', what: 'bench.fill', why: 'a cell to measure in' }
  let operations: Write[] = []
  const commit = async (): Promise<void> => {
    await store.commit({ operations, expectations: [], attribution, at: now, epoch })
    operations = []
  }
  for (const write of cellWrites(size, now)) {
    operations.push(write)
    if (operations.length >= operationsMax) await commit()
  }
  if (operations.length > 0) await commit()
}
