import { describe, expect, test } from 'vitest'
import type { PendingInstance, PlacementAction, PlacementView } from './model.ts'
import { noSpread } from './model.ts'
import { decisionsMax, planPlacement, withPlacements } from './plan.ts'
import {
  aNode,
  anInstance,
  aView,
  gib,
  instances,
  mib,
  someResources,
  testNow,
} from '../../../test/fixtures/placement.ts'

const preferBoth = { zone: 'prefer', node: 'prefer' } as const
const requireZone = { zone: 'require', node: 'none' } as const
const requireNode = { zone: 'none', node: 'require' } as const

function placesOf(view: PlacementView): Record<string, string> {
  const { actions } = planPlacement(view, testNow)
  return Object.fromEntries(
    actions.filter((action) => action.type === 'place').map((place) => [place.id, place.nodeId]),
  )
}

function portsOf(view: PlacementView): (number | null)[] {
  const { actions } = planPlacement(view, testNow)
  return actions.filter((action) => action.type === 'place').map((place) => place.port)
}

function explanationOf(view: PlacementView): Extract<PlacementAction, { type: 'explain' }> {
  const { actions } = planPlacement(view, testNow)
  const explanation = actions.find((action) => action.type === 'explain')
  if (explanation === undefined) throw new Error('nothing was explained')
  return explanation
}

describe('choosing a node', () => {
  test('the node with the least left over is taken', () => {
    const full = aNode({ id: 'full', used: someResources({ cpu: 3, memoryBytes: gib }) })
    expect(placesOf(aView([aNode({ id: 'empty' }), full], [anInstance()]))).toEqual({
      'i-1': 'full',
    })
  })

  test('equal nodes are taken in the order of their ids, however they are listed', () => {
    const nodes = ['c', 'a', 'b'].map((id) => aNode({ id }))
    expect(placesOf(aView(nodes, [anInstance()]))).toEqual({ 'i-1': 'a' })
  })

  test('what nodes hold decides before their names do', () => {
    const [web, shop] = [new Map([['web@1', 1]]), new Map([['shop@1', 1]])]
    const chosen = (webId: string, shopId: string): string | undefined =>
      placesOf(
        aView(
          [aNode({ id: webId, groups: web }), aNode({ id: shopId, groups: shop })],
          [anInstance()],
        ),
      )['i-1']
    expect(chosen('a', 'b') === 'a').toBe(chosen('b', 'a') === 'b')
  })

  test('instances are spread over zones first, then over nodes', () => {
    const nodes = [
      aNode({ id: 'a1', zone: 'a' }),
      aNode({ id: 'a2', zone: 'a' }),
      aNode({ id: 'b1', zone: 'b' }),
    ]
    const places = placesOf(aView(nodes, instances(3, { spread: preferBoth })))
    expect(Object.values(places).toSorted()).toEqual(['a1', 'a2', 'b1'])
  })

  test('instances that stand already count for the spread', () => {
    const groups = new Map([[anInstance().group, 1]])
    const nodes = [aNode({ id: 'a1', groups }), aNode({ id: 'b1', zone: 'b' })]
    expect(placesOf(aView(nodes, [anInstance({ spread: preferBoth })]))).toEqual({ 'i-1': 'b1' })
  })

  test('"prefer" puts two together where there is no other place', () => {
    const places = placesOf(aView([aNode()], instances(2, { spread: preferBoth })))
    expect(places).toEqual({ 'i-1': 'node-1', 'i-2': 'node-1' })
  })

  test('"require" by zone spreads evenly, whatever the zones have room for', () => {
    const nodes = ['a', 'b', 'c'].flatMap((zone) =>
      ['1', '2', '3'].map((n) => aNode({ id: `${zone}${n}`, zone })),
    )
    const both = { zone: 'require', node: 'require' } as const
    const places = Object.values(placesOf(aView(nodes, instances(8, { spread: both }))))
    expect(new Set(places).size).toBe(8)
    const byZone = ['a', 'b', 'c'].map((zone) => places.filter((id) => id.startsWith(zone)).length)
    expect(byZone.toSorted((a, b) => a - b)).toEqual([2, 3, 3])
  })

  test('"require" by zone lets one wait rather than leave a full zone behind', () => {
    const full = aNode({ id: 'b1', zone: 'b', portsTo: 21_000, portsUsed: new Set([21_000]) })
    const nodes = [aNode({ id: 'a1' }), aNode({ id: 'a2' }), full]
    const view = aView(nodes, instances(2, { spread: requireZone }))
    expect(Object.keys(placesOf(view))).toEqual(['i-1'])
    expect(explanationOf(view)).toMatchObject({
      because:
        'no node can take it: more of it stand in the zone of 2 of 3 nodes than in zone b ' +
        '(zone: require); no port is free on 1 of 3 nodes',
      fix: 'free a port on b1',
    })
  })

  test('"require" by zone does not wait for a zone whose nodes are all too small', () => {
    const small = aNode({ id: 'b1', zone: 'b', capacity: { ...aNode().capacity, cpu: 0.1 } })
    const view = aView([aNode({ id: 'a1' }), small], instances(3, { spread: requireZone }))
    expect(Object.keys(placesOf(view))).toHaveLength(3)
  })

  test('one that was refused is tried again when its zones have become even in the pass', () => {
    const { group } = anInstance()
    const nodes = [
      aNode({ id: 'a1', groups: new Map([[group, 2]]) }),
      aNode({ id: 'a2' }),
      aNode({ id: 'b1', zone: 'b', groups: new Map([[group, 1]]) }),
    ]
    const strict = anInstance({ spread: { zone: 'require', node: 'require' } })
    const lax = anInstance({ id: 'i-2', spread: preferBoth })
    expect(placesOf(aView(nodes, [strict, lax]))).toEqual({ 'i-1': 'a2', 'i-2': 'b1' })
  })

  test('to ask for less is no advice where a full zone would count then', () => {
    const held = { ...aNode().capacity, memoryBytes: 192 * mib }
    const nodes = [
      aNode({
        id: 'a1',
        used: someResources({ memoryBytes: 2 * gib - 128 * mib }),
        groups: new Map([[anInstance().group, 1]]),
      }),
      aNode({
        id: 'b1',
        zone: 'b',
        capacity: held,
        used: someResources({ memoryBytes: 192 * mib }),
      }),
    ]
    const free = 'free 128 MiB of memory on a1'
    const fixFor = (spread: PendingInstance['spread']): string =>
      explanationOf(aView(nodes, [anInstance({ spread })])).fix
    expect(fixFor(requireZone)).toBe(free)
    expect(fixFor(noSpread)).toBe(`lower memory to 128MiB, or ${free}`)
  })

  test('the emptiest zone gets the node that is missing where rules are in the way', () => {
    const groups = new Map([[anInstance().group, 1]])
    const nodes = [aNode({ id: 'a1', groups: new Map([[anInstance().group, 2]]) })]
    nodes.push(aNode({ id: 'b1', zone: 'b', groups }))
    const spread = { zone: 'require', node: 'require' } as const
    expect(explanationOf(aView(nodes, [anInstance({ spread })])).fix).toBe(
      'add a node in zone b (zone: require) with 0.25 cores, 256 MiB of memory, ' +
        '1 GiB of disk and a port free, or let spread.node be prefer',
    )
  })

  test('"require" by node lets one wait rather than share', () => {
    const view = aView([aNode()], instances(2, { spread: requireNode }))
    expect(placesOf(view)).toEqual({ 'i-1': 'node-1' })
    expect(explanationOf(view).fix).toContain('or let spread.node be prefer')
  })

  test('a successor may stand beside its predecessor whatever is required', () => {
    const nodes = [aNode({ groups: new Map([['local/default/shop/api@old', 1]]) })]
    const successor = anInstance({ group: 'local/default/shop/api@new', spread: requireNode })
    expect(placesOf(aView(nodes, [successor]))).toEqual({ 'i-1': 'node-1' })
  })

  test('large instances are placed before small ones take their room', () => {
    const small = instances(3, { resources: someResources({ memoryBytes: 512 * mib }) })
    const large = anInstance({ id: 'large', resources: someResources({ memoryBytes: 2 * gib }) })
    const nodes = [aNode({ id: 'one' }), aNode({ id: 'two' })]
    expect(Object.keys(placesOf(aView(nodes, [...small, large])))).toHaveLength(4)
  })

  test.each([
    ['cpu', { cpu: 4.5 }],
    ['memory', { memoryBytes: 3 * gib }],
    ['disk', { diskBytes: 101 * gib }],
  ])('an instance that wants more %s than there is waits', (_, wants) => {
    const view = aView([aNode()], [anInstance({ resources: someResources(wants) })])
    expect(placesOf(view)).toEqual({})
  })

  test('shares of a core add up to a whole one', () => {
    const node = aNode({ capacity: { ...aNode().capacity, cpu: 0.3 } })
    const view = aView([node], instances(3, { resources: someResources({ cpu: 0.1 }) }))
    expect(Object.keys(placesOf(view))).toHaveLength(3)
  })
})

describe('ports', () => {
  test('ports are given in turn after the one that was given last', () => {
    const node = aNode({ portsUsed: new Set([21_002]), portCursor: 21_001 })
    expect(portsOf(aView([node], instances(2)))).toEqual([21_003, 21_004])
  })

  test('a port that was just freed rests while another is free, and is given again then', () => {
    const node = aNode({ portsTo: 21_002, portsUsed: new Set([21_000]), portCursor: 21_001 })
    expect(portsOf(aView([node], instances(2)))).toEqual([21_002, 21_001])
  })

  test('an instance without a port takes none', () => {
    expect(portsOf(aView([aNode()], [anInstance({ needsPort: false })]))).toEqual([null])
  })

  test('a node without a free port takes no instance that needs one', () => {
    const node = aNode({ portsTo: 21_000, portsUsed: new Set([21_000]) })
    const view = aView([node], [anInstance()])
    expect(explanationOf(view)).toMatchObject({
      because: 'no node can take it: no port is free on the only node',
      fix: 'free a port on node-1',
    })
  })
})

describe('which nodes are used', () => {
  test('a lost node is not used', () => {
    const view = aView([aNode({ heardAt: testNow - 20_000 })], [anInstance()])
    expect(explanationOf(view)).toMatchObject({
      because: 'no node can take it: the only node is lost',
      fix: 'start the agent on node-1 again',
    })
  })

  test('a node that a new server has not heard yet is not used, and waited for', () => {
    const view = { ...aView([aNode({ heardAt: null })], [anInstance()]), listeningSince: testNow }
    expect(explanationOf(view).fix).toBe('wait until node-1 is heard')
    expect(planPlacement(view, testNow).wakeAt).toBe(testNow + 15_000)
  })

  test('a lost node does not count for the spread, a node not heard yet does', () => {
    const groups = new Map([[anInstance().group, 1]])
    const pending = [anInstance({ spread: requireZone })]
    const silent = { id: 'silent', zone: 'b', heardAt: null }
    const nodes = [aNode({ groups }), aNode(silent)]
    expect(placesOf(aView(nodes, pending))).toEqual({ 'i-1': 'node-1' })
    expect(placesOf({ ...aView(nodes, pending), listeningSince: testNow })).toEqual({})
  })

  test('without any node it is said that an agent is missing', () => {
    expect(explanationOf(aView([], [anInstance()]))).toMatchObject({
      because: 'no node is known',
      fix: expect.stringMatching(/^start an agent, or add a node with 0\.25 cores/),
    })
  })
})

describe('images', () => {
  const image = anInstance({ driver: 'docker' })

  test('an image goes to the node that runs images, though another has less left over', () => {
    const small = aNode({ id: 'a', capacity: someResources() })
    const view = aView([small, aNode({ id: 'b', runsImages: true })], [image])
    expect(placesOf(view)).toEqual({ 'i-1': 'b' })
  })

  test('where no node runs images that is said, and what would help', () => {
    const { because, fix } = explanationOf(aView([aNode(), aNode({ id: 'node-2' })], [image]))
    expect(because).toBe(
      'no node can take it: no Docker Engine answers on 2 of 2 nodes, and it is an image',
    )
    expect(fix).toContain('add a node with a Docker Engine and 0.25 cores')
  })
})

describe('limits', () => {
  const held = anInstance({ driver: 'limits' })

  test('what requires its limits goes to the node that holds it to them', () => {
    const small = aNode({ id: 'a', capacity: someResources(), runsImages: true })
    const view = aView([small, aNode({ id: 'b', enforcesLimits: true })], [held])
    expect(placesOf(view)).toEqual({ 'i-1': 'b' })
  })

  test('where no node does that is said, and what would help', () => {
    const { because, fix } = explanationOf(aView([aNode(), aNode({ id: 'node-2' })], [held]))
    expect(because).toBe(
      'no node can take it: processes are not held to their limits on 2 of 2 nodes, and it requires that',
    )
    expect(fix).toContain('add a node with bubblewrap and control groups and 0.25 cores')
  })
})

test('a process that mounts files goes to the node that can show it any', () => {
  const mounting = anInstance({ driver: 'mounts' })
  const nodes = [aNode({ id: 'a', runsImages: true }), aNode({ id: 'b', showsMounts: true })]
  expect(placesOf(aView(nodes, [mounting]))).toEqual({ 'i-1': 'b' })
  const { because, fix } = explanationOf(aView([aNode()], [mounting]))
  expect(because).toContain('processes see the whole machine on')
  expect(fix).toContain('add a node with bubblewrap')
})

describe('explaining', () => {
  test('the figures are named, and what would be enough', () => {
    const node = aNode({ used: someResources({ memoryBytes: 2 * gib - 384 * mib }) })
    const wants = someResources({ memoryBytes: 512 * mib })
    expect(explanationOf(aView([node], [anInstance({ resources: wants })]))).toMatchObject({
      because:
        'no node can take it: too little memory on the only node (wants 512 MiB, ' +
        'at most 384 MiB free)',
      fix: 'lower memory to 384MiB, or free 128 MiB of memory on node-1',
    })
  })

  test('the commonest reason comes first', () => {
    const small = { ...aNode().capacity, memoryBytes: 128 * mib }
    const nodes = [
      aNode({ id: 'n1', heardAt: testNow - 60_000 }),
      aNode({ id: 'n2', capacity: small }),
      aNode({ id: 'n3', capacity: small }),
    ]
    expect(explanationOf(aView(nodes, [anInstance()])).because).toBe(
      'no node can take it: too little memory on 2 of 3 nodes (wants 256 MiB, at most 128 MiB ' +
        'free); 1 of 3 nodes is lost',
    )
  })

  test('an explanation that the record has already is not written again', () => {
    const view = aView([], [anInstance()])
    const settled = withPlacements(view, planPlacement(view, testNow).actions)
    expect(planPlacement(settled, testNow).actions).toEqual([])
  })

  test('the same refusal is told to each instance that it concerns', () => {
    const { actions } = planPlacement(aView([], instances(3)), testNow)
    expect(actions.map((action) => [action.type, action.id])).toEqual([
      ['explain', 'i-1'],
      ['explain', 'i-2'],
      ['explain', 'i-3'],
    ])
  })
})

describe('a pass', () => {
  test('an instance that is no longer wanted is ended without a node', () => {
    const { actions } = planPlacement(
      aView([aNode()], [anInstance({ desired: 'stopped' })]),
      testNow,
    )
    expect(actions).toEqual([
      { type: 'end', id: 'i-1', because: 'it was stopped before it had a node' },
    ])
  })

  test('it takes a bounded number of decisions and comes back for the others at once', () => {
    const node = aNode({
      capacity: { cpu: 1_000, memoryBytes: 1_000 * gib, diskBytes: 1_000 * gib },
    })
    const view = aView([node], instances(decisionsMax + 1, { spread: noSpread }))
    const first = planPlacement(view, testNow)
    expect(first.actions).toHaveLength(decisionsMax)
    expect(first.wakeAt).toBe(testNow)
    const second = planPlacement(withPlacements(view, first.actions), testNow)
    expect(second.actions).toHaveLength(1)
    expect(second.wakeAt).toBeUndefined()
  })

  test('it says in a sentence what it does', () => {
    const small = { ...aNode().capacity, memoryBytes: 512 * mib }
    const view = aView(
      [aNode({ capacity: small })],
      [...instances(3), anInstance({ id: 'gone', desired: 'stopped' })],
    )
    expect(planPlacement(view, testNow).because).toBe(
      '2 instances go to 1 node; 1 instance never ran and is not wanted any more; ' +
        '1 instance without a place',
    )
    expect(planPlacement(aView([], []), testNow).because).toBe('no instance wants a place')
  })
})
