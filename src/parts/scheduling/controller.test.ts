import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { Refusal } from '../../base/errors.ts'
import { create, replace, type Change, type Kind } from '../../store/port.ts'
import { anInstance } from '../../../test/fixtures/instances.ts'
import { someResources, gib } from '../../../test/fixtures/placement.ts'
import { appKind, releaseKind } from '../apps/records.ts'
import { volumeKind } from '../volumes/records.ts'
import { seededRandom } from '../../base/random.ts'
import { aState, write } from '../../../test/fixtures/state.ts'
import type { RouteRequest } from '../../wire/route.ts'
import type { Instance } from '../instances/model.ts'
import { instanceById, instanceKind } from '../instances/records.ts'
import type { Node } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import { schedulingController } from './controller.ts'
import { schedulingRoutes } from './routes.ts'
import { NodeUsage } from './usage.ts'

function aNode(id: string, members: Partial<Node> = {}): Node {
  return {
    id,
    zone: 'a',
    address: '127.0.0.1',
    capacity: { cpu: 4, memoryBytes: 2 * gib, diskBytes: 100 * gib },
    ports: { from: 21_000, to: 21_999 },
    labels: {},
    registeredAt: 0,
    ...members,
  }
}

async function aScheduler() {
  const clock = new VirtualClock()
  const kinds = [
    appKind,
    instanceKind,
    nodeKind,
    releaseKind,
    volumeKind,
  ] as unknown as readonly Kind<never>[]
  const { state, observations } = await aState(kinds, clock)
  const usage = new NodeUsage(state)
  const options = { state, clock, random: seededRandom(1), usage }
  const controller = schedulingController(options)
  const woken: boolean[] = []
  state.subscribe((change: Change) =>
    woken.push([...controller.keysOf(change, state.snapshot)].length > 0),
  )
  const { signal } = new AbortController()
  return {
    state,
    observations,
    clock,
    usage,
    woken,
    controller,
    /** One pass of the loop; the number of its commits. */
    async pass(): Promise<number> {
      const view = controller.observe('pending', state.snapshot)
      if (view === undefined) return 0
      const { actions } = controller.plan(view, clock.now())
      for (const action of actions) await controller.apply(action, signal)
      return actions.length
    },
    async put(...values: Instance[]): Promise<void> {
      for (const value of values) await write(state, create(instanceKind, value))
    },
    async addNode(node: Node): Promise<void> {
      await write(state, create(nodeKind, node))
      observations.hear(node.id, clock.now())
    },
    async change(id: string, members: Partial<Instance>): Promise<void> {
      const entry = instanceById(state.snapshot, id)!
      await write(state, replace(instanceKind, entry, { ...entry.value, ...members }))
    },
    read: (id: string): Instance => instanceById(state.snapshot, id)!.value,
    async why(id: string): Promise<Record<string, unknown>> {
      const request = { params: { id } } as unknown as RouteRequest
      const reply = await schedulingRoutes(options)[0]!.handle(request)
      return reply.body as Record<string, unknown>
    },
  }
}

describe('the scheduling controller', () => {
  test('pending instances get a node and ports of their own', async () => {
    const scheduler = await aScheduler()
    await scheduler.addNode(aNode('node-1'))
    await scheduler.put(anInstance('i-1'), anInstance('i-2'))
    expect(await scheduler.pass()).toBe(1)
    expect(scheduler.read('i-1')).toMatchObject({
      state: 'placed',
      placement: { nodeId: 'node-1', port: 21_000 },
    })
    expect(scheduler.read('i-2').placement).toEqual({ nodeId: 'node-1', port: 21_001 })
    expect(await scheduler.pass()).toBe(0)
  })

  test('more than a hundred decisions come in commits of at most a hundred', async () => {
    const scheduler = await aScheduler()
    const capacity = { cpu: 400, memoryBytes: 400 * gib, diskBytes: 400 * gib }
    await scheduler.addNode(aNode('node-1', { capacity }))
    await scheduler.put(...Array.from({ length: 150 }, (_, index) => anInstance(`i-${index}`)))
    expect(await scheduler.pass()).toBe(2)
    expect(scheduler.usage.reservedOn(aNode('node-1')).instances).toBe(150)
  })

  test('an instance without a place says why, once, and is placed as soon as there is room', async () => {
    const scheduler = await aScheduler()
    const capacity = someResources()
    await scheduler.addNode(aNode('node-1', { capacity }))
    await scheduler.put(anInstance('i-1'), anInstance('i-2'))
    await scheduler.pass()
    expect(scheduler.read('i-2').unplaced?.because).toContain('too little memory on the only node')
    expect(await scheduler.pass()).toBe(0)

    await scheduler.change('i-1', { state: 'ended', ended: { at: 0, because: 'enough' } })
    expect(scheduler.woken.at(-1)).toBe(true)
    await scheduler.pass()
    expect(scheduler.read('i-2')).toMatchObject({
      state: 'placed',
      unplaced: null,
      placement: { nodeId: 'node-1', port: 21_001 },
    })
  })

  test('an instance that was stopped before it had a node is ended', async () => {
    const scheduler = await aScheduler()
    await scheduler.put(anInstance('i-1', { desired: 'stopped' }))
    await scheduler.pass()
    expect(scheduler.read('i-1')).toMatchObject({
      state: 'ended',
      ended: { because: 'it was stopped before it had a node' },
    })
  })

  test('a plan that was overtaken by another change is refused, not applied', async () => {
    const scheduler = await aScheduler()
    await scheduler.addNode(aNode('node-1'))
    await scheduler.put(anInstance('i-1'))
    const { controller, state, clock } = scheduler
    const view = controller.observe('pending', state.snapshot)!
    const { actions } = controller.plan(view, clock.now())
    const node = state.snapshot.get(nodeKind, view.nodeEntries.get('node-1')!.key)!
    await write(state, replace(nodeKind, node, { ...node.value, capacity: someResources() }))
    await expect(
      controller.apply(actions[0]!, new AbortController().signal),
    ).rejects.toBeInstanceOf(Refusal)
    expect(scheduler.read('i-1').state).toBe('pending')
  })

  test('a port that something else on the machine holds is not given', async () => {
    const scheduler = await aScheduler()
    await scheduler.addNode(aNode('node-1'))
    scheduler.observations.hear('node-1', scheduler.clock.now(), [21_000, 80])
    await scheduler.put(anInstance('i-1'))
    await scheduler.pass()
    expect(scheduler.read('i-1').placement?.port).toBe(21_001)
  })

  test('nodes that were given up, or not heard by this server, are not used', async () => {
    const scheduler = await aScheduler()
    await scheduler.addNode(aNode('node-1', { lost: { since: 0 } }))
    await write(scheduler.state, create(nodeKind, aNode('node-2')))
    await scheduler.put(anInstance('i-1'))
    await scheduler.pass()
    expect(scheduler.read('i-1').unplaced?.fix).toBe('wait until node-1 is heard')
  })

  test('tests of a release do not count for the spread', async () => {
    const scheduler = await aScheduler()
    await scheduler.addNode(aNode('node-1'))
    await scheduler.put(anInstance('i-1', { purpose: 'job', service: '~test' }))
    await scheduler.pass()
    expect([...scheduler.usage.reservedOn(aNode('node-1')).groups]).toEqual([])
  })
})

describe('what wakes the scheduler', () => {
  test('a pending instance does, a placed one does not', async () => {
    const scheduler = await aScheduler()
    await scheduler.addNode(aNode('node-1'))
    await scheduler.put(anInstance('i-1'))
    expect(scheduler.woken.at(-1)).toBe(true)
    await scheduler.pass()
    expect(scheduler.woken.at(-1)).toBe(false)
  })

  test('a report does only when it may change what fits while something waits', async () => {
    const scheduler = await aScheduler()
    const { observations, woken, clock } = scheduler
    await scheduler.addNode(aNode('node-1', { capacity: someResources({ cpu: 0 }) }))
    expect(woken.at(-1)).toBe(false)
    await scheduler.put(anInstance('i-1'))
    const after = async (ms: number, portsTaken: number[]): Promise<boolean | undefined> => {
      await clock.advance(ms)
      observations.hear('node-1', clock.now(), portsTaken)
      return woken.at(-1)
    }
    expect(await after(2_000, [])).toBe(false)
    expect(await after(2_000, [21_005])).toBe(true)
    expect(await after(2_000, [21_005])).toBe(false)
    expect(await after(20_000, [21_005])).toBe(true)
  })
})

describe('usage of nodes', () => {
  test('what was reserved before the start is known, and the port that was given last', async () => {
    const scheduler = await aScheduler()
    await scheduler.addNode(aNode('node-1'))
    await scheduler.put(anInstance('i-1'), anInstance('i-2'))
    await scheduler.pass()
    const again = new NodeUsage(scheduler.state)
    const [was, is] = [scheduler.usage, again].map((usage) => usage.reservedOn(aNode('node-1')))
    expect(is).toEqual(was)
    expect(is).toMatchObject({ instances: 2, portCursor: 21_001, used: { cpu: 0.5 } })
    again.close()
  })

  test('nothing is left over when everything has gone', async () => {
    const scheduler = await aScheduler()
    await scheduler.addNode(aNode('node-1'))
    const ids = Array.from({ length: 20 }, (_, index) => `i-${index}`)
    const resources = someResources({ cpu: 0.1, memoryBytes: 1 })
    await scheduler.put(...ids.map((id) => anInstance(id, { resources })))
    await scheduler.pass()
    for (const id of ids) {
      await scheduler.change(id, { state: 'ended', ended: { at: 0, because: 'enough' } })
    }
    const reserved = scheduler.usage.reservedOn(aNode('node-1'))
    expect(reserved.used).toEqual({ cpu: 0, memoryBytes: 0, diskBytes: 0 })
    expect(reserved.portsUsed.size).toBe(0)
  })
})

describe('asking why', () => {
  test('of an instance that waits: what is in the way on each node, and what would help', async () => {
    const scheduler = await aScheduler()
    await scheduler.addNode(aNode('node-1', { capacity: someResources({ cpu: 0.2 }) }))
    await scheduler.put(anInstance('i-1'))
    await scheduler.pass()
    expect(await scheduler.why('i-1')).toMatchObject({
      because:
        'it waits: no node can take it: too little cpu on the only node (wants 0.25, ' +
        'at most 0.2 free)',
      fix: 'lower cpu to 0.2',
      nodes: [
        { nodeId: 'node-1', verdict: 'refused', because: 'cpu: wants 0.25, 0.2 free of 0.2' },
      ],
      events: [
        { who: 'test' },
        { who: 'scheduling', why: expect.stringMatching(/^api i-1 waits: no node/) },
      ],
    })
  })

  test('of one that runs: where it stands, and where else it could', async () => {
    const scheduler = await aScheduler()
    await scheduler.addNode(aNode('node-1'))
    await scheduler.addNode(aNode('node-2'))
    await scheduler.put(anInstance('i-1'))
    await scheduler.pass()
    const { because, nodes, events } = await scheduler.why('i-1')
    expect(because).toBe('it stands on node-1, port 21000: release 1 wants two')
    expect(nodes).toMatchObject([
      { nodeId: 'node-1', verdict: 'chosen' },
      { nodeId: 'node-2', verdict: 'fits' },
    ])
    expect(events).toMatchObject([{ who: 'test' }, { why: 'api i-1 goes to node-1, port 21000' }])
  })

  test('of one that is over: how it ended', async () => {
    const scheduler = await aScheduler()
    await scheduler.put(anInstance('i-1', { desired: 'stopped' }))
    await scheduler.pass()
    expect(await scheduler.why('i-1')).toMatchObject({
      because: 'it is over: it was stopped before it had a node',
      nodes: [],
    })
  })

  test('of one that nobody knows: a refusal', async () => {
    const scheduler = await aScheduler()
    await expect(scheduler.why('i-0')).rejects.toMatchObject({ code: 'instance-unknown' })
  })
})
