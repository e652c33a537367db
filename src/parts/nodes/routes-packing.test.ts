import { beforeEach, expect, test } from 'vitest'
import { anInstance } from '../../../test/fixtures/instances.ts'
import { aNode } from '../../../test/fixtures/records.ts'
import { aState, write, type TestObservations } from '../../../test/fixtures/state.ts'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { create, replace, type Kind } from '../../store/port.ts'
import type { OpenState } from '../../store/state.ts'
import type { PackingAnswer } from '../../wire/packing.ts'
import type { RouteRequest } from '../../wire/route.ts'
import type { Instance } from '../instances/model.ts'
import { instanceById, instanceKind } from '../instances/records.ts'
import { nodeKind } from './records.ts'
import { packingRoutes } from './routes-packing.ts'

let state: OpenState
let observations: TestObservations

beforeEach(async () => {
  const kinds = [nodeKind, instanceKind] as unknown as Kind<never>[]
  const made = await aState(kinds, new VirtualClock())
  ;({ state, observations } = made)
})

async function packing(query: object = {}): Promise<PackingAnswer> {
  const [route] = packingRoutes({ snapshot: state.snapshot })
  const reply = await route!.handle({ query } as unknown as RouteRequest)
  return reply.body as PackingAnswer
}

/** An instance that lies on a node. */
async function place(id: string, nodeId: string, members: Partial<Instance> = {}): Promise<void> {
  const pending = anInstance(id, members)
  await write(state, create(instanceKind, pending))
  const entry = instanceById(state.snapshot, id)!
  const placement = { nodeId, port: null }
  await write(state, replace(instanceKind, entry, { ...pending, state: 'placed', placement }))
}

test('tells what lies on each node, with what its agent saw last', async () => {
  for (const id of ['n-1', 'n-2']) await write(state, create(nodeKind, aNode({ id })))
  await place('i-2', 'n-1', { service: 'web' })
  await place('i-1', 'n-1')
  await place('i-3', 'n-2', { pool: 'online' })
  observations.see({
    instanceId: 'i-3',
    state: 'unhealthy',
    because: '',
    since: 1,
    runs: 1,
    pid: 1,
    lastExit: null,
    warmedUp: null,
  })
  const { items, services, unplaced } = await packing()
  const told = items.map(({ nodeId, instances }) => [
    nodeId,
    instances.map(({ id, service, pool, state: seen }) => [
      id,
      services[service]?.service,
      pool,
      seen,
    ]),
  ])
  expect(Object.fromEntries(told)).toEqual({
    'n-1': expect.arrayContaining([
      ['i-1', 'api', 'maintenance', null],
      ['i-2', 'web', 'maintenance', null],
    ]),
    'n-2': [['i-3', 'api', 'online', 'unhealthy']],
  })
  expect(services).toHaveLength(2)
  expect(unplaced).toBe(0)
})

test('counts what no node takes, and goes through the nodes page by page', async () => {
  for (const id of ['n-1', 'n-2', 'n-3']) await write(state, create(nodeKind, aNode({ id })))
  await write(state, create(instanceKind, anInstance('i-1')))
  await place('i-2', 'n-3')
  const first = await packing({ limit: 2 })
  expect(first.items.map(({ nodeId }) => nodeId)).toEqual(['n-1', 'n-2'])
  expect(first).toMatchObject({ unplaced: 1, services: [] })
  const second = await packing({ limit: 2, cursor: first.next })
  expect(second.items.map(({ nodeId }) => nodeId)).toEqual(['n-3'])
  expect(second.next).toBeUndefined()
})
