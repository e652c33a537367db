/** What the API tells of the past: as it was at a time, what became of something, and not more. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { appKind, releaseKind } from '../../src/parts/apps/records.ts'
import { appKey } from '../../src/parts/apps/model.ts'
import { instanceKind } from '../../src/parts/instances/records.ts'
import { create, replace } from '../../src/store/port.ts'
import type { AppView } from '../../src/wire/api.ts'
import type { HistoryAnswer } from '../../src/wire/history.ts'
import { anApp, aPending, aRelease, shop } from '../fixtures/records.ts'
import { aRunningServer, errorOf, type TestServer } from '../fixtures/running-server.ts'

let server: TestServer

beforeEach(async () => {
  server = await aRunningServer()
})
afterEach(() => server.stop())

const by = { who: 'ana', what: 'app.scale', why: 'more customers' }

async function get<T>(path: string): Promise<T> {
  const response = await server.call('viewer', path)
  expect([path, response.status]).toEqual([path, 200])
  return (await response.json()) as T
}

/** Deploys nothing, but writes what a deploy leaves; then scales. Returns a time in between. */
async function deployAndScale(): Promise<number> {
  const app = anApp({ releaseId: 'rel-1' })
  const records = [
    create(appKind, app),
    create(releaseKind, aRelease({ id: 'rel-1' })),
    create(instanceKind, aPending({ id: 'i-past', service: 'web', pool: 'online' })),
  ]
  await server.state.commit({ writes: records, attribution: { ...by, what: 'app.deploy' } })
  await systemClock.sleep(5)
  const between = systemClock.now()
  await systemClock.sleep(5)
  const entry = server.state.snapshot.get(appKind, appKey(shop))!
  const scaled = { ...entry.value, scale: { web: 7 } }
  await server.state.commit({ writes: [replace(appKind, entry, scaled)], attribution: by })
  return between
}

it('shows an app as it was, says so, and shows it as it is without a time', async () => {
  const between = await deployAndScale()
  const then = await get<{ items: AppView[]; asOf: { at: number } }>(`/v1/apps?at=${between}`)
  expect(then.asOf.at).toBeLessThanOrEqual(between)
  const [service] = then.items[0]?.services ?? []
  expect([service?.wanted, service?.ready, service?.traffic]).toEqual([1, 1, null])
  const path = '/v1/cells/local/default/apps/shop'
  expect(await get<AppView>(`${path}?at=${between}`)).toEqual(then.items[0])
  const now = await get<AppView>(path)
  expect([now.services[0]?.wanted, now.asOf]).toEqual([7, undefined])
})

it('refuses a time before the first commit, and one that is still to come', async () => {
  await deployAndScale()
  const before = await server.call('viewer', '/v1/apps?at=1000')
  expect([before.status, (await errorOf(before)).code]).toEqual([410, 'beyond-horizon'])
  const late = await server.call('viewer', `/v1/apps?at=${systemClock.now() + 60_000}`)
  expect([late.status, (await errorOf(late)).code]).toEqual([400, 'input-invalid'])
})

it('tells what became of an app: who, why, and the fields that changed', async () => {
  await deployAndScale()
  const { items } = await get<HistoryAnswer>('/v1/history?key=app/default/local/shop/')
  expect(items.map(({ change, who, why }) => [change, who, why])).toEqual([
    ['changed', 'ana', 'more customers'],
    ['created', 'ana', 'more customers'],
  ])
  expect(items[0]?.fields).toEqual([{ path: 'scale.web', after: 7 }])
  const named = await get<HistoryAnswer>('/v1/history?name=i-past')
  expect(named.items.map(({ key }) => key)).toEqual(['instance/default/local/shop/i-past'])
  const key = 'app/default/local/shop/,instance/default/local/shop/'
  const other = await get<HistoryAnswer>(`/v1/history?key=${key}&service=api`)
  expect(other.items).toEqual([])
  const own = await get<HistoryAnswer>(`/v1/history?key=${key}&service=web`)
  expect(own.items.map(({ change }) => change)).toEqual(['changed', 'created'])
})

it('never tells what is in tokens and sessions', async () => {
  const { items } = await get<HistoryAnswer>('/v1/history?key=token/')
  expect(items).toEqual([])
  const unnamed = await server.call('viewer', '/v1/history')
  expect(unnamed.status).toBe(400)
})

it('leaves housekeeping out of events where it is asked to, and takes times', async () => {
  const between = await deployAndScale()
  const attribution = { who: 'server', what: 'idempotency.keep', why: 'kept' }
  const writes = [create(appKind, anApp({ at: { ...shop, app: 'other' } }))]
  await server.state.commit({ writes, attribution })
  const whatOf = async (query: string): Promise<string[]> => {
    const { items } = await get<{ items: { what: string }[] }>(`/v1/events?${query}`)
    return items.map(({ what }) => what)
  }
  expect(await whatOf(`since=${between}`)).toEqual(['app.scale', 'idempotency.keep'])
  expect(await whatOf(`since=${between}&housekeeping=false`)).toEqual(['app.scale'])
  expect((await whatOf(`until=${between}&limit=1`))[0]).toBe('app.deploy')
  expect((await whatOf('since=5')).length).toBeGreaterThan(3)
})
