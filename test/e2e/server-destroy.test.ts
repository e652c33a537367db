import { afterEach, beforeEach, expect, test } from 'vitest'
import { appAt, appKind, releaseKind } from '../../src/parts/apps/records.ts'
import { appKey, releaseKey } from '../../src/parts/apps/model.ts'
import { ArtifactUsage } from '../../src/parts/artifacts/usage.ts'
import { instanceKind } from '../../src/parts/instances/records.ts'
import { rolloutKind } from '../../src/parts/rollouts/records.ts'
import { volumeKind } from '../../src/parts/volumes/records.ts'
import { create, remove } from '../../src/store/port.ts'
import { anApp, aPending, aRelease, shop } from '../fixtures/records.ts'
import { aRunningServer, type TestServer } from '../fixtures/running-server.ts'

/** Rule 9: deletes are counted, capped, confirmed and restorable. */

const attribution = { who: 'test', what: 'test.seed', why: 'a test' }
const path = '/v1/cells/local/default/apps/shop'

let server: TestServer
beforeEach(async () => {
  server = await aRunningServer()
})
afterEach(() => server.stop())

async function seed(instances: number): Promise<void> {
  const pending = Array.from({ length: instances }, (_, index) => aPending({ id: `i-${index}` }))
  await server.state.commit({
    writes: [
      create(appKind, anApp()),
      create(releaseKind, aRelease()),
      ...pending.map((instance) => create(instanceKind, instance)),
    ],
    attribution,
  })
}

const destroy = (query = ''): Promise<Response> =>
  server.call('operator', `${path}${query}`, { method: 'DELETE' })

const undestroy = (): Promise<Response> =>
  server.call('operator', `${path}/undestroy`, { method: 'POST' })

/** What the apps controller does at the end. */
async function clear(): Promise<void> {
  const { snapshot } = server.state
  const app = snapshot.get(appKind, appKey(shop))
  const release = snapshot.get(releaseKind, releaseKey(shop, 'rel-1'))
  if (app === undefined || release === undefined) throw new Error('nothing to clear')
  await server.state.commit({ writes: [remove(app), remove(release)], attribution })
}

test('a destroy that ends many instances names their number', async () => {
  await seed(21)
  const asked = await destroy()
  expect(asked.status).toBe(409)
  expect(await asked.json()).toMatchObject({
    error: { code: 'confirmation-needed', details: { instances: 21, lately: 0 } },
  })
  expect((await destroy('?confirm=20')).status).toBe(409)
  expect(appAt(server.state.snapshot, shop)?.value.destroying).toBe(false)
  expect((await destroy('?confirm=21')).status).toBe(202)
  expect(appAt(server.state.snapshot, shop)?.value.destroying).toBe(true)
})

test('destroys within ten minutes are counted together', async () => {
  await seed(15)
  expect((await destroy()).status).toBe(202)
  await clear()
  await server.state.commit({
    writes: [create(appKind, anApp({ at: { ...shop, app: 'other' } })), ...six()],
    attribution,
  })
  const other = '/v1/cells/local/default/apps/other'
  const asked = await server.call('operator', other, { method: 'DELETE' })
  expect(await asked.json()).toMatchObject({
    error: { code: 'confirmation-needed', details: { instances: 6, lately: 15 } },
  })
})

function six() {
  const at = { ...shop, app: 'other' }
  return Array.from({ length: 6 }, (_, index) =>
    create(instanceKind, aPending({ id: `i-o${index}`, at })),
  )
}

test('what was destroyed comes back with its settings and its release, and its bytes are kept', async () => {
  await seed(2)
  const usage = new ArtifactUsage(server.state)
  const digest = aRelease().services[0]?.artifact.digest ?? ''
  expect((await undestroy()).status).toBe(409)
  expect((await destroy()).status).toBe(202)
  expect((await undestroy()).status).toBe(409)
  await clear()
  expect(usage.isUsed(digest)).toBe(true)

  const back = await undestroy()
  expect(back.status).toBe(202)
  const { rolloutId } = (await back.json()) as { rolloutId: string }
  expect(appAt(server.state.snapshot, shop)?.value).toMatchObject({
    destroying: false,
    releaseId: null,
  })
  const rollouts = [...server.state.snapshot.list(rolloutKind)].map(({ value }) => value)
  expect(rollouts).toMatchObject([{ id: rolloutId, releaseId: 'rel-1', state: 'queued' }])
  expect(usage.isUsed(digest)).toBe(true)
  usage.close()
  expect((await undestroy()).status).toBe(409)
})

test('what was never destroyed is not found', async () => {
  expect((await undestroy()).status).toBe(404)
})

test('a destroy that removes data names it, whatever few instances there are', async () => {
  await seed(1)
  const volume = { id: 'vol-1', at: shop, service: 'db', name: 'data', nodeId: 'node-1' }
  const made = { ...volume, made: true, createdAt: 0 }
  await server.state.commit({ writes: [create(volumeKind, made)], attribution })
  const listed = await server.call('operator', '/v1/volumes')
  expect(await listed.json()).toMatchObject({ items: [{ id: 'vol-1', state: 'unreachable' }] })
  const asked = await destroy()
  expect(asked.status).toBe(409)
  expect(await asked.json()).toMatchObject({
    error: { code: 'confirmation-needed', details: { volumes: ['data of db on node-1'] } },
  })
  expect((await destroy('?confirm=1')).status).toBe(202)
  const [entry] = [...server.state.snapshot.list(volumeKind)]
  expect(entry?.value.doomed).toMatchObject({ by: 'operator' })
})
