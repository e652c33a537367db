/**
 * Placement: a backlog of 10,000 instances onto 600 nodes by the planner alone, and the cost of one
 * change as a cell grows from 100 to 10,000 instances, which is to stay flat.
 *
 * The peer does what comes to mind first: sums up all instances to know what is free, and sorts all
 * nodes for each instance. It keeps the same rules and counts the same spread.
 */
import { seededRandom } from '../src/base/random.ts'
import { styleText } from 'node:util'
import { silentLog } from '../src/base/log.ts'
import { VirtualClock } from '../src/base/virtual-clock.ts'
import { appKind, releaseKind } from '../src/parts/apps/records.ts'
import { volumeKind } from '../src/parts/volumes/records.ts'
import type { Instance } from '../src/parts/instances/model.ts'
import { instanceById, instanceKind } from '../src/parts/instances/records.ts'
import type { Node, Resources } from '../src/parts/nodes/model.ts'
import { nodeKind } from '../src/parts/nodes/records.ts'
import { schedulingController } from '../src/parts/scheduling/controller.ts'
import type { NodeView, PendingInstance, PlacementView } from '../src/parts/scheduling/model.ts'
import { addResources, planPlacement, withPlacements } from '../src/parts/scheduling/plan.ts'
import { NodeUsage } from '../src/parts/scheduling/usage.ts'
import { openMemoryStore } from '../src/store/memory/memory-store.ts'
import { ObservedState } from '../src/store/observed.ts'
import { create, remove, type Kind, type Write } from '../src/store/port.ts'
import { openState, type OpenState } from '../src/store/state.ts'
import { closedLoop } from './lib/closed-loop.ts'
import { runBench, type Contender, type Figure, type Sample } from './lib/protocol.ts'

const nodeCount = 600
const backlogCount = 10_000
const services = 70
const sizes = [100, 1_000, 3_000, 10_000]
/** Changes per run of the curve: enough that a run lasts some tenths of a second. */
const changes = 300

const gib = 2 ** 30
const capacity: Resources = { cpu: 16, memoryBytes: 64 * gib, diskBytes: 500 * gib }
const spread = { zone: 'prefer', node: 'prefer' } as const
const zones = ['a', 'b', 'c']

function resourcesOf(index: number): Resources {
  const share = 1 + (index % 4)
  return { cpu: share / 4, memoryBytes: (share * gib) / 2, diskBytes: gib }
}

// The backlog: pure planning.

function backlog(now: number): PlacementView {
  const nodes = Array.from({ length: nodeCount }, (_, index): NodeView => ({
    id: `node-${String(index).padStart(4, '0')}`,
    zone: zones[index % zones.length]!,
    address: '127.0.0.1',
    capacity,
    used: { cpu: 0, memoryBytes: 0, diskBytes: 0 },
    runsImages: false,
    enforcesLimits: false,
    buildsImages: false,
    isolatesPorts: false,
    showsMounts: false,
    portsFrom: 21_000,
    portsTo: 21_999,
    portsUsed: new Set(),
    portCursor: 20_999,
    groups: new Map(),
    heardAt: now,
  }))
  const pending = Array.from({ length: backlogCount }, (_, index): PendingInstance => ({
    id: `i-${index}`,
    group: `prod/cz/shop/service-${index % services}@1`,
    resources: resourcesOf(index),
    needsPort: true,
    spread,
    homes: [],
    desired: 'running',
    unplaced: null,
  }))
  return { nodes, pending, listeningSince: 0 }
}

function timed(run: () => number): Sample {
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const placed = run()
  const wallMs = performance.now() - startedAt
  const cpu = process.cpuUsage(cpuBefore)
  const errors = placed === backlogCount ? 0 : 1
  return { operations: placed, wallMs, cpuMs: (cpu.user + cpu.system) / 1_000, errors }
}

/** Pass after pass, each seeing what the one before decided, as the control loop does. */
function placeAll(start: PlacementView, now: number): number {
  let view = start
  let placed = 0
  for (;;) {
    const { actions } = planPlacement(view, now)
    if (actions.length === 0) return placed
    placed += actions.filter((action) => action.type === 'place').length
    view = withPlacements(view, actions)
  }
}

/** A node as the peer keeps it. */
interface NaiveNode {
  readonly id: string
  readonly zone: string
  free: Resources
  readonly groups: Map<string, number>
  readonly ports: Set<number>
}

interface NaiveWish {
  readonly group: string
  readonly resources: Resources
}

/** Filters and sorts all nodes for one instance: zone, node, then least left over. */
function naivePlace(nodes: readonly NaiveNode[], { group, resources }: NaiveWish): boolean {
  const inZone = new Map<string, number>()
  for (const { zone, groups } of nodes) {
    inZone.set(zone, (inZone.get(zone) ?? 0) + (groups.get(group) ?? 0))
  }
  const [best] = nodes
    .filter(
      ({ free }) =>
        free.cpu >= resources.cpu &&
        free.memoryBytes >= resources.memoryBytes &&
        free.diskBytes >= resources.diskBytes,
    )
    .map((node) => ({
      node,
      zone: inZone.get(node.zone) ?? 0,
      same: node.groups.get(group) ?? 0,
      left: node.free.cpu / capacity.cpu + node.free.memoryBytes / capacity.memoryBytes,
    }))
    .toSorted((a, b) => a.zone - b.zone || a.same - b.same || a.left - b.left)
  if (best === undefined) return false
  const { node } = best
  node.free = addResources(node.free, negative(resources))
  node.groups.set(group, best.same + 1)
  for (let port = 21_000; port <= 21_999; port++) {
    if (node.ports.has(port)) continue
    node.ports.add(port)
    break
  }
  return true
}

function negative({ cpu, memoryBytes, diskBytes }: Resources): Resources {
  return { cpu: -cpu, memoryBytes: -memoryBytes, diskBytes: -diskBytes }
}

function naiveNodes(nodes: readonly { readonly id: string; readonly zone: string }[]): NaiveNode[] {
  return nodes.map(({ id, zone }) => ({
    id,
    zone,
    free: capacity,
    groups: new Map(),
    ports: new Set(),
  }))
}

function backlogFigure(): Figure {
  const now = 1_000_000
  const view = backlog(now)
  return {
    title: `${backlogCount} instances of ${services} services onto ${nodeCount} nodes, planner alone`,
    ours: { name: 'roadstead', run: async () => timed(() => placeAll(view, now)) },
    peers: [
      {
        name: 'sort all nodes for each',
        run: async () =>
          timed(() => {
            const nodes = naiveNodes(view.nodes)
            return view.pending.filter((instance) => naivePlace(nodes, instance)).length
          }),
      },
    ],
  }
}

// The curve: one change through the records, with more and more instances standing already.

function anInstance(id: string, index: number, nodeId: string | undefined): Instance {
  return {
    id,
    at: { environment: 'prod', tenant: 'cz', app: 'shop' },
    service: `service-${index % services}`,
    purpose: 'service',
    releaseId: 'rel-1',
    specDigest: 'sha256:1',
    resources: resourcesOf(index),
    needsPort: true,
    state: 'pending',
    desired: 'running',
    pool: 'online',
    drainingSince: null,
    placement: null,
    unplaced: null,
    because: 'the bench wants it',
    createdAt: 0,
    ended: null,
    ...(nodeId === undefined
      ? {}
      : { state: 'placed', placement: { nodeId, port: 21_000 + Math.floor(index / nodeCount) } }),
  }
}

function aNode(index: number): Node {
  return {
    id: `node-${String(index).padStart(4, '0')}`,
    zone: zones[index % zones.length]!,
    address: '127.0.0.1',
    capacity,
    ports: { from: 21_000, to: 21_999 },
    labels: {},
    registeredAt: 0,
  }
}

async function aCell(size: number): Promise<{ state: OpenState; clock: VirtualClock }> {
  const clock = new VirtualClock()
  const store = openMemoryStore()
  const observations = new ObservedState(clock)
  const leadership = await store.campaign(new AbortController().signal)
  const nodes = Array.from({ length: nodeCount }, (_, index) => aNode(index))
  // Placed from the start: written to the store, since the state would refuse to skip a step.
  const writes: Write[] = [
    ...nodes.map((node) => create(nodeKind, node)),
    ...Array.from({ length: size }, (_, index) =>
      create(instanceKind, anInstance(`i-${index}`, index, nodes[index % nodeCount]!.id)),
    ),
  ]
  const attribution = { who: 'bench', what: 'bench.fill', why: 'a cell to measure in' }
  for (let from = 0; from < writes.length; from += 100) {
    const operations = writes.slice(from, from + 100)
    const commit = { operations, expectations: [], attribution, at: 0, epoch: leadership.epoch }
    await store.commit(commit)
  }
  const kinds = [
    appKind,
    instanceKind,
    nodeKind,
    releaseKind,
    volumeKind,
  ] as unknown as readonly Kind<never>[]
  const state = await openState({ store, kinds, clock, observations, log: silentLog, leadership })
  for (const { id } of nodes) {
    observations.registerNode(id, 'boot-1', 'bench')
    const report = { incarnation: 'boot-1', sequence: 1, portsTaken: [], full: true, instances: [] }
    observations.hearNode(id, report)
  }
  return { state, clock }
}

const attribution = { who: 'bench', what: 'bench.change', why: 'one change' }

/** One instance comes, is placed by `place`, and goes: three commits around the decision. */
async function measureChanges(
  size: number,
  placer: (cell: Awaited<ReturnType<typeof aCell>>) => (id: string) => Promise<boolean>,
): Promise<Sample> {
  const cell = await aCell(size)
  const place = placer(cell)
  let count = 0
  const sample = await closedLoop(1, changes, async () => {
    const id = `i-new-${count++}`
    const write = create(instanceKind, anInstance(id, count, undefined))
    await cell.state.commit({ writes: [write], attribution })
    if (!(await place(id))) throw new Error('not placed')
    const entry = instanceById(cell.state.snapshot, id)!
    await cell.state.commit({ writes: [remove(entry)], attribution })
  })
  await cell.state.close()
  return sample
}

function curveFigure(size: number, curve: Map<number, number[]>): Figure {
  const ours: Contender = {
    name: 'roadstead',
    async run() {
      const sample = await measureChanges(size, ({ state, clock }) => {
        const controller = schedulingController({
          state,
          clock,
          random: seededRandom(1),
          usage: new NodeUsage(state),
        })
        const { signal } = new AbortController()
        return async (id) => {
          const view = controller.observe('pending', state.snapshot)
          if (view === undefined) return false
          const { actions } = controller.plan(view, clock.now())
          for (const action of actions) await controller.apply(action, signal)
          return instanceById(state.snapshot, id)?.value.state === 'placed'
        }
      })
      const micros = (sample.cpuMs / sample.operations) * 1_000
      curve.set(size, [...(curve.get(size) ?? []), micros])
      return sample
    },
  }
  const peer: Contender = {
    name: 'sum up all, sort all nodes',
    run: () =>
      measureChanges(size, ({ state }) => async (id) => {
        const { snapshot } = state
        const nodes = naiveNodes([...snapshot.list(nodeKind)].map(({ value }) => value))
        const byId = new Map(nodes.map((node) => [node.id, node]))
        for (const { value } of snapshot.list(instanceKind)) {
          const node = byId.get(value.placement?.nodeId ?? '')
          if (node === undefined || value.state !== 'placed') continue
          node.free = addResources(node.free, negative(value.resources))
          node.groups.set(value.service, (node.groups.get(value.service) ?? 0) + 1)
          node.ports.add(value.placement?.port ?? 0)
        }
        const { service, resources } = instanceById(snapshot, id)!.value
        return naivePlace(nodes, { group: service, resources })
      }),
  }
  const title = `one change on ${nodeCount} nodes that hold ${size.toLocaleString('en')} instances`
  return { title, ours, peers: [peer] }
}

const curve = new Map<number, number[]>()
await runBench('placement', [backlogFigure(), ...sizes.map((size) => curveFigure(size, curve))])
if (curve.size > 0) {
  console.log(`\n${styleText('bold', 'the curve: CPU of one change, and beside 100 instances')}`)
  const median = (size: number): number => {
    const sorted = (curve.get(size) ?? []).toSorted((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  }
  for (const size of sizes) {
    const ratio = median(size) / median(sizes[0]!)
    const bar = '#'.repeat(Math.round(ratio * 20))
    console.log(
      `  ${size.toLocaleString('en').padStart(6)}  ${median(size).toFixed(0).padStart(6)} us  ` +
        `${ratio.toFixed(2)}  ${bar}`,
    )
  }
}
