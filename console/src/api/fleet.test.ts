import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { InstanceView } from '../../../src/wire/api.ts'
import type { PackingAnswer } from '../../../src/wire/packing.ts'
import { Fleet } from './fleet.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const at = { environment: 'prod', tenant: 'cz', app: 'shop' }

function aPage(members: Partial<PackingAnswer> = {}): PackingAnswer {
  const instance = (id: string) =>
    ({ id, service: 0, cpu: 1, memoryBytes: 1, pool: 'online', state: 'ready' }) as const
  return {
    items: [
      { nodeId: 'n-1', instances: [instance('i-1'), instance('i-2')] },
      { nodeId: 'n-2', instances: [] },
    ],
    services: [{ at, service: 'web' }],
    unplaced: 0,
    ...members,
  }
}

function aChange(id: string, members: Partial<InstanceView> | null) {
  const value =
    members === null
      ? null
      : {
          id,
          at,
          service: 'web',
          resources: { cpu: 1, memoryBytes: 1, diskBytes: 0 },
          pool: 'online',
          state: 'placed',
          placement: { nodeId: 'n-1', port: null },
          ...members,
        }
  return { revision: 1, kind: 'instance', key: `instance/cz/prod/shop/${id}`, value }
}

async function aFleet(read = async () => aPage()): Promise<Fleet> {
  const fleet = new Fleet(read)
  fleet.subscribe(() => {})
  await vi.advanceTimersByTimeAsync(0)
  return fleet
}

const idsOn = (fleet: Fleet, nodeId: string): string[] => [...fleet.on(nodeId).keys()]

test('is read page by page once somebody looks', async () => {
  const asked: string[] = []
  const pages = [aPage({ next: 'c-2', unplaced: 3 }), aPage({ items: [] })]
  const fleet = new Fleet(async (path) => {
    asked.push(path)
    return pages[asked.length - 1]!
  })
  expect(asked).toEqual([])
  fleet.subscribe(() => {})
  await vi.advanceTimersByTimeAsync(0)
  expect(asked).toEqual(['/v1/packing?limit=200', '/v1/packing?limit=200&cursor=c-2'])
  expect(fleet.state()).toMatchObject({ phase: 'ready', unplaced: 3 })
  expect(idsOn(fleet, 'n-1')).toEqual(['i-1', 'i-2'])
})

test('a change concerns its node alone, and what lies there keeps its order', async () => {
  const fleet = await aFleet()
  const [one, two] = [fleet.revisionOf('n-1'), fleet.revisionOf('n-2')]
  fleet.take(aChange('i-1', { pool: 'draining' }))
  expect(idsOn(fleet, 'n-1')).toEqual(['i-1', 'i-2'])
  expect(fleet.on('n-1').get('i-1')).toMatchObject({ pool: 'draining', state: 'ready' })
  expect(fleet.revisionOf('n-1')).toBeGreaterThan(one)
  expect(fleet.revisionOf('n-2')).toBe(two)
})

test('an instance that moves, ends or is deleted leaves its node', async () => {
  const fleet = await aFleet()
  fleet.take(aChange('i-1', { placement: { nodeId: 'n-2', port: null } }))
  expect([idsOn(fleet, 'n-1'), idsOn(fleet, 'n-2')]).toEqual([['i-2'], ['i-1']])
  fleet.take(aChange('i-1', { state: 'ended' }))
  fleet.take(aChange('i-2', null))
  expect([idsOn(fleet, 'n-1'), idsOn(fleet, 'n-2')]).toEqual([[], []])
})

test('what an agent says is shown; of an instance that nobody knows it is left alone', async () => {
  const fleet = await aFleet()
  const said = { state: 'unhealthy' } as unknown as InstanceView['observed']
  fleet.hear({ instanceId: 'i-2', observed: said })
  fleet.hear({ instanceId: 'i-9', observed: said })
  expect(fleet.on('n-1').get('i-2')?.state).toBe('unhealthy')
  expect(idsOn(fleet, 'n-1')).toEqual(['i-1', 'i-2'])
})

test('a change that comes while the answer is on its way is not lost', async () => {
  const { promise, resolve } = Promise.withResolvers<PackingAnswer>()
  const fleet = await aFleet(() => promise)
  fleet.take(aChange('i-7', { placement: { nodeId: 'n-2', port: null } }))
  resolve(aPage())
  await vi.advanceTimersByTimeAsync(0)
  expect(idsOn(fleet, 'n-2')).toEqual(['i-7'])
})

test('a thousand changes are told in one go', async () => {
  const fleet = await aFleet()
  await vi.advanceTimersByTimeAsync(100)
  const told = vi.fn<() => void>()
  fleet.subscribe(told)
  for (let index = 0; index < 1_000; index++) fleet.take(aChange(`i-n${index}`, {}))
  expect(told).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(50)
  expect(told).toHaveBeenCalledTimes(1)
  expect(fleet.on('n-1').size).toBe(1_002)
})

test('nothing is held once nobody looks', async () => {
  const fleet = new Fleet(async () => aPage())
  const leave = fleet.subscribe(() => {})
  await vi.advanceTimersByTimeAsync(0)
  leave()
  fleet.take(aChange('i-9', {}))
  expect(idsOn(fleet, 'n-1')).toEqual([])
})

test('a failed read is told, and the next one mends it', async () => {
  let fails = true
  const fleet = await aFleet(async () => {
    if (fails) throw new Error('away')
    return aPage()
  })
  expect(fleet.state().phase).toBe('failed')
  fails = false
  fleet.refresh()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(fleet.state()).toMatchObject({ phase: 'ready', error: undefined })
})
