import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nodeStatus } from '../nodes/model.ts'
import { aNode, mib, testNow } from '../../../test/fixtures/placement.ts'
import type { NodeView, PendingInstance, PlacementView, Remedy } from './model.ts'
import { addResources, planPlacement, withPlacements } from './plan.ts'
import { explainPlacement } from './plan-why.ts'

/** Safety of the scheduler in words, over small crowded worlds where everything gets in the way. */

const groups = ['api@1', 'api@2', 'web@1']
const rule = fc.constantFrom('prefer', 'require', 'none' as const)

/** Up to `most` sixteenths of a node of 4 cores, 2 GiB and 100 MiB. */
function resources(least: number, most: number) {
  const share = fc.integer({ min: least, max: most })
  return fc.record({
    cpu: share.map((count) => count / 4),
    memoryBytes: share.map((count) => count * 128 * mib + (count % 3)),
    diskBytes: share.map((count) => count * 6 * mib),
  })
}

const node = fc
  .record({
    zone: fc.constantFrom('a', 'b', 'c'),
    capacity: resources(4, 16),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    ports: fc.integer({ min: 0, max: 4 }),
    held: fc.uniqueArray(fc.integer({ min: 0, max: 3 })),
    cursor: fc.integer({ min: -1, max: 4 }),
    counts: fc.array(fc.constantFrom(0, 0, 0, 1, 2), { minLength: 3, maxLength: 3 }),
    heardAgoMs: fc.constantFrom(0, 0, 0, 60_000, null),
    runsImages: fc.boolean(),
    enforcesLimits: fc.boolean(),
    showsMounts: fc.boolean(),
  })
  .map(({ zone, capacity, share, ports, held, cursor, counts, heardAgoMs, ...has }) =>
    aNode({
      zone,
      capacity,
      ...has,
      used: {
        cpu: Math.floor(capacity.cpu * share * 10) / 10,
        memoryBytes: Math.floor(capacity.memoryBytes * share),
        diskBytes: Math.floor(capacity.diskBytes * share),
      },
      portsFrom: 21_000,
      portsTo: 21_000 + ports - 1,
      portsUsed: new Set(held.filter((port) => port < ports).map((port) => 21_000 + port)),
      portCursor: 21_000 + cursor,
      groups: new Map(
        groups.map((group, index) => [group, counts[index]!] as const).filter(([, n]) => n > 0),
      ),
      heardAt: heardAgoMs === null ? null : testNow - heardAgoMs,
    }),
  )

const instance = fc.record({
  group: fc.constantFrom(...groups),
  resources: resources(0, 9),
  needsPort: fc.boolean(),
  driver: fc.constantFrom(undefined, undefined, ...(['docker', 'limits', 'mounts'] as const)),
  spread: fc.record({ zone: rule, node: rule }),
  homes: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    fc.array(
      fc.record({
        nodeId: fc.constantFrom('node-0', 'node-1', 'node-2'),
        because: fc.constantFrom('volume' as const, 'network' as const),
        name: fc.constant('data'),
      }),
      { minLength: 1, maxLength: 2 },
    ),
  ),
  app: fc.constantFrom(undefined, undefined, undefined, 'shop', 'blog'),
  desired: fc.constantFrom('running', 'running', 'running', 'stopped' as const),
  unplaced: fc.constant(null),
})

const world: fc.Arbitrary<PlacementView> = fc
  .record({
    nodes: fc.array(node, { maxLength: 5 }),
    pending: fc.array(instance, { maxLength: 12 }),
    listeningSince: fc.constantFrom(0, testNow - 1_000),
    silence: fc.constantFrom('some', 'some', 'none', 'all'),
  })
  .map(({ nodes, pending, listeningSince, silence }) => ({
    nodes: nodes.map((each, index) => ({
      ...each,
      id: `node-${index}`,
      heardAt: { some: each.heardAt, none: testNow, all: null }[silence],
    })),
    pending: pending.map(({ app, ...each }, index) => ({
      ...each,
      spread: app === undefined && each.homes.length === 0 ? each.spread : tied(each.spread),
      id: `i-${index}`,
      ...(app === undefined ? {} : { together: { app, resources: each.resources } }),
    })),
    listeningSince,
  }))

/** What can stand on one node only is never asked to be even over zones: manifests are refused. */
function tied(spread: PendingInstance['spread']): PendingInstance['spread'] {
  return spread.zone === 'require' ? { ...spread, zone: 'prefer' } : spread
}

/** The smallest world for which the sentence is not true, with the seed to find it again. */
function counterexample<T>(arbitrary: fc.Arbitrary<T>, isTrue: (value: T) => boolean): unknown {
  const result = fc.check(fc.property(arbitrary, isTrue), { numRuns: 500 })
  return result.failed ? { seed: result.seed, world: result.counterexample } : null
}

type Place = { id: string; nodeId: string; port: number | null }

function placesOf(seen: PlacementView): Place[] {
  return planPlacement(seen, testNow).actions.filter((action) => action.type === 'place')
}

function placedIds(seen: PlacementView): string[] {
  return placesOf(seen)
    .map(({ id }) => id)
    .toSorted()
}

function isPlaceable(seen: PlacementView, member: PendingInstance): boolean {
  return placesOf({ ...seen, pending: [member] }).length === 1
}

function wantedOf(seen: PlacementView): PendingInstance[] {
  return seen.pending.filter(({ desired }) => desired === 'running')
}

function statusOf(seen: PlacementView, id: string): string | undefined {
  const found = seen.nodes.find((each) => each.id === id)
  return found && nodeStatus(found.heardAt, seen.listeningSince, testNow)
}

describe('whatever the world looks like', () => {
  test('no node is ever given more than it has', () => {
    const found = counterexample(world, (seen) =>
      withPlacements(seen, planPlacement(seen, testNow).actions).nodes.every(
        ({ used, capacity }) =>
          used.cpu <= capacity.cpu + 1e-5 &&
          used.memoryBytes <= capacity.memoryBytes &&
          used.diskBytes <= capacity.diskBytes,
      ),
    )
    expect(found).toBeNull()
  })

  test('a port is given once, from the range, and only to those that need one', () => {
    const found = counterexample(world, (seen) => {
      const places = placesOf(seen)
      const ports = places.filter(({ port }) => port !== null)
      const isRight = ({ id, nodeId, port }: Place): boolean => {
        const { portsFrom, portsTo, portsUsed } = seen.nodes.find((each) => each.id === nodeId)!
        const { needsPort } = seen.pending.find((each) => each.id === id)!
        if (port === null || !needsPort) return port === null && !needsPort
        return port >= portsFrom && port <= portsTo && !portsUsed.has(port)
      }
      const distinct = new Set(ports.map(({ nodeId, port }) => `${nodeId}:${port}`))
      return places.every(isRight) && distinct.size === ports.length
    })
    expect(found).toBeNull()
  })

  test('only nodes that were heard lately are used', () => {
    const found = counterexample(world, (seen) =>
      placesOf(seen).every(({ nodeId }) => statusOf(seen, nodeId) === 'ready'),
    )
    expect(found).toBeNull()
  })

  test('what is tied to a node goes there or nowhere', () => {
    const found = counterexample(world, (seen) =>
      placesOf(seen).every(({ id, nodeId }) =>
        seen.pending.find((each) => each.id === id)!.homes.every((home) => home.nodeId === nodeId),
      ),
    )
    expect(found).toBeNull()
  })

  test('apps that stand on one node are never parted by a plan', () => {
    const found = counterexample(world, (seen) => {
      const untied = { ...seen, pending: seen.pending.map((each) => ({ ...each, homes: [] })) }
      const nodes = new Map<string, string>()
      return placesOf(untied).every(({ id, nodeId }) => {
        const { together } = untied.pending.find((each) => each.id === id)!
        if (together === undefined) return true
        const first = nodes.get(together.app) ?? nodeId
        nodes.set(together.app, first)
        return first === nodeId
      })
    })
    expect(found).toBeNull()
  })

  test('an image goes only where images run, and what requires its limits where they hold', () => {
    const found = counterexample(world, (seen) =>
      placesOf(seen).every(({ id, nodeId }) => {
        const driver = seen.pending.find((each) => each.id === id)?.driver
        return canRun(
          seen.nodes.find((each) => each.id === nodeId)!,
          driver,
        )
      }),
    )
    expect(found).toBeNull()
  })

  test('"require" is kept: zones stay even, and none joins another of its group on a node', () => {
    const found = counterexample(world, (seen) => {
      const actions = planPlacement(seen, testNow).actions.filter((each) => each.type === 'place')
      return actions.every(({ id, nodeId }, index) => {
        const wish = seen.pending.find((each) => each.id === id)!
        const { group, spread } = wish
        const before = withPlacements(seen, actions.slice(0, index)).nodes
        const onNode = before.find((each) => each.id === nodeId)!
        const zones = zonesOf(seen, before, wish)
        const isEven = zones.every(
          ({ holds }) => holdsOf(seen, before, onNode.zone, group) <= holds,
        )
        if (spread.zone === 'require' && !isEven) return false
        return spread.node !== 'require' || !onNode.groups.has(group)
      })
    })
    expect(found).toBeNull()
  })

  test('planning again after the plan was carried out gives nothing (D5)', () => {
    const found = counterexample(world, (seen) => {
      const after = withPlacements(seen, planPlacement(seen, testNow).actions)
      return planPlacement(after, testNow).actions.length === 0
    })
    expect(found).toBeNull()
  })

  test('other names for the nodes place the same instances (D4)', () => {
    const found = counterexample(world, (seen) => {
      const renamed = seen.nodes.map((each, index) => ({ ...each, id: `z-${99 - index}` }))
      const nameOf = (id: string): string =>
        id.replace(/^node-(\d)$/, (_, n) => `z-${99 - Number(n)}`)
      const pending = seen.pending.map((each) => ({
        ...each,
        homes: each.homes.map((home) => ({ ...home, nodeId: nameOf(home.nodeId) })),
      }))
      const other = { ...seen, pending, nodes: renamed.toReversed() }
      return placedIds(other).join() === placedIds(seen).join()
    })
    expect(found).toBeNull()
  })

  test('a group of equal instances that has to be even leaves no zone two behind another', () => {
    const even = fc.tuple(world, instance).map(([seen, each]) => ({
      seen: { ...seen, nodes: seen.nodes.map((one) => ({ ...one, groups: new Map() })) },
      each: { ...each, desired: 'running', spread: { ...each.spread, zone: 'require' } } as const,
    }))
    const found = counterexample(even, ({ seen, each }) => {
      const pending = Array.from({ length: 9 }, (_, index) => ({ ...each, id: `i-${index}` }))
      const full = { ...seen, pending }
      const after = withPlacements(full, planPlacement(full, testNow).actions)
      const holds = zonesOf(after, after.nodes, { ...each, id: '' }).map((zone) => zone.holds)
      return holds.length === 0 || Math.max(...holds) - Math.min(...holds) <= 1
    })
    expect(found).toBeNull()
  })

  test('one node more never makes a placeable instance unplaceable (D3)', () => {
    const found = counterexample(fc.tuple(world, node), ([seen, extra]) =>
      seen.pending.every((each) => {
        // A new zone has to have room for its share, or the even spread has to wait for it.
        const added = each.spread.zone === 'require' ? anUnused(extra) : anEmpty(extra)
        const more = { ...seen, nodes: [...seen.nodes, added] }
        return !isPlaceable(seen, each) || isPlaceable(more, each)
      }),
    )
    expect(found).toBeNull()
  })

  test('one node more never places fewer of a number of equal instances (D3)', () => {
    const found = counterexample(fc.tuple(world, node, instance), ([seen, extra, each]) => {
      const pending = Array.from({ length: 12 }, (_, index) => ({ ...each, id: `i-${index}` }))
      const few = { ...seen, pending }
      // One zone more is one more to be even with: fewer may find a place, and the loss of one
      // costs less. So the node stands in a zone that counts already.
      const [zone] = zonesOf(seen, seen.nodes, { ...each, id: '' })
      if (each.spread.zone === 'require' && zone === undefined) return true
      const stands = each.spread.zone === 'require' ? zone!.zone : extra.zone
      const many = { ...few, nodes: [...seen.nodes, { ...anEmpty(extra), zone: stands }] }
      return placesOf(many).length >= placesOf(few).length
    })
    expect(found).toBeNull()
  })

  test('an instance gets a node exactly when the explanation says that one fits', () => {
    const found = counterexample(world, (seen) =>
      wantedOf(seen).every((each) => {
        const { fix, nodes } = explainPlacement(seen, each, testNow)
        const fits = nodes.some(({ verdict }) => verdict === 'fits')
        return isPlaceable(seen, each) === fits && (fix === null) === fits
      }),
    )
    expect(found).toBeNull()
  })

  test('each remedy that is offered really makes it fit, and there is always one', () => {
    const offered = new Set<Remedy['type']>()
    const found = counterexample(world, (seen) =>
      wantedOf(seen).every((each) => {
        const { fix, remedies } = explainPlacement(seen, each, testNow)
        for (const { type } of remedies) offered.add(type)
        const alone = { ...seen, pending: [each] }
        const isTrue = remedies.every((remedy) => placesOf(mended(alone, remedy)).length === 1)
        return isTrue && (fix === null || remedies.length > 0)
      }),
    )
    expect(found).toBeNull()
    const all = ['add-node', 'free', 'lower', 'relax', 'return', 'untie', 'wait']
    expect([...offered].toSorted()).toEqual(all)
  })
})

/** What the zones hold of an instance's group that are not lost and have a node large enough. */
function zonesOf(
  seen: PlacementView,
  nodes: readonly NodeView[],
  { group, resources: wants, needsPort, driver }: PendingInstance,
): { zone: string; holds: number }[] {
  const large = nodes.filter(
    ({ id, capacity, portsFrom, portsTo, ...has }) =>
      statusOf(seen, id) !== 'lost' &&
      capacity.cpu >= wants.cpu &&
      capacity.memoryBytes >= wants.memoryBytes &&
      capacity.diskBytes >= wants.diskBytes &&
      canRun(has, driver) &&
      (!needsPort || portsTo >= portsFrom),
  )
  const zones = [...new Set(large.map(({ zone }) => zone))]
  return zones.map((zone) => ({ zone, holds: holdsOf(seen, nodes, zone, group) }))
}

function holdsOf(
  seen: PlacementView,
  nodes: readonly NodeView[],
  zone: string,
  group: string,
): number {
  return nodes
    .filter((each) => each.zone === zone && statusOf(seen, each.id) !== 'lost')
    .reduce((sum, each) => sum + (each.groups.get(group) ?? 0), 0)
}

function anUnused(extra: NodeView): NodeView {
  const used = { cpu: 0, memoryBytes: 0, diskBytes: 0 }
  return { ...anEmpty(extra), used, portsUsed: new Set(), heardAt: testNow }
}

function anEmpty(extra: NodeView): NodeView {
  return { ...extra, id: 'extra', groups: new Map() }
}

/** A world with one instance in it, after a remedy was carried out by the letter. */
function mended(alone: PlacementView, remedy: Remedy): PlacementView {
  const change = (to: (each: PendingInstance) => PendingInstance): PlacementView => ({
    ...alone,
    pending: alone.pending.map(to),
  })
  const changeNodes = (to: (each: NodeView) => NodeView): PlacementView => ({
    ...alone,
    nodes: alone.nodes.map(to),
  })
  switch (remedy.type) {
    case 'lower':
      return change((each) => ({ ...each, resources: { ...each.resources, ...remedy.to } }))
    case 'relax':
      return change((each) => ({ ...each, spread: { ...each.spread, [remedy.rule]: 'prefer' } }))
    case 'free':
      return changeNodes((each) => freed(each, remedy))
    case 'return':
    case 'wait':
      return changeNodes((each) => (each.id === remedy.nodeId ? heard(each) : each))
    case 'untie': {
      const { resources: capacity, driver } = remedy
      const has = {
        runsImages: driver === 'docker',
        enforcesLimits: driver === 'limits',
        showsMounts: driver === 'mounts',
      }
      const added = aNode({ id: 'added', zone: 'a-new-zone', capacity, ...has })
      const free = change(({ together: _together, ...each }) => ({ ...each, homes: [] }))
      return { ...free, nodes: [...alone.nodes, added] }
    }
    case 'add-node': {
      const zone = remedy.zone ?? 'a-new-zone'
      const { resources: capacity, driver } = remedy
      const has = {
        runsImages: driver === 'docker',
        enforcesLimits: driver === 'limits',
        showsMounts: driver === 'mounts',
      }
      const added = aNode({ id: 'added', zone, capacity, ...has })
      return { ...alone, nodes: [...alone.nodes, added] }
    }
  }
}

function canRun(
  node: Pick<NodeView, 'runsImages' | 'enforcesLimits' | 'showsMounts'>,
  driver: PendingInstance['driver'],
): boolean {
  if (driver === 'docker') return node.runsImages
  if (driver === 'mounts') return node.showsMounts
  return driver !== 'limits' || node.enforcesLimits
}

function heard(each: NodeView): NodeView {
  return { ...each, heardAt: testNow }
}

function freed(each: NodeView, remedy: Extract<Remedy, { type: 'free' }>): NodeView {
  if (each.id !== remedy.nodeId) return each
  const { cpu = 0, memoryBytes = 0, diskBytes = 0 } = remedy.resources
  const [, ...held] = each.portsUsed
  return {
    ...each,
    used: addResources(each.used, { cpu: -cpu, memoryBytes: -memoryBytes, diskBytes: -diskBytes }),
    portsUsed: remedy.port ? new Set(held) : each.portsUsed,
  }
}
