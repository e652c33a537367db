import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { testLinksController } from '../../src/parts/ingress/controller.ts'
import { testLinkKind } from '../../src/parts/ingress/records.ts'
import { appKind, releaseKind } from '../../src/parts/apps/records.ts'
import type { Instance } from '../../src/parts/instances/model.ts'
import { instanceById, instanceKind } from '../../src/parts/instances/records.ts'
import { create, replace } from '../../src/store/port.ts'
import type { TestLinkAnswer, TestLinkView } from '../../src/wire/test-links.ts'
import { anApp, aPending, aRelease, aSpec } from '../fixtures/records.ts'
import {
  aRunningServer,
  errorOf,
  type TestRole,
  type TestServer,
} from '../fixtures/running-server.ts'
import { write } from '../fixtures/state.ts'

/** Test links over HTTP: which release they lead to, who may have them, how many, how long. */

const path = '/v1/cells/local/default/apps/shop/test-links'
const hourMs = 60 * 60_000

let server: TestServer

beforeEach(async () => {
  server = await aRunningServer()
  const route = { host: 'shop.localhost', path: '/', expose: 'public' as const }
  const services = [aSpec({ route })]
  await write(
    server.state,
    create(appKind, anApp()),
    create(releaseKind, aRelease({ services })),
    create(releaseKind, aRelease({ id: 'rel-2', number: 8, version: 'v8', services })),
  )
  await stand('i-1', { releaseId: 'rel-1' })
})

afterEach(() => server.stop())

/** An instance that runs: in maintenance unless said otherwise. */
async function stand(id: string, parts: Partial<Instance>): Promise<void> {
  await write(server.state, create(instanceKind, aPending({ id, ...parts })))
  await change(id, { state: 'placed', placement: { nodeId: 'node-1', port: 21_000 } })
}

async function change(id: string, parts: Partial<Instance>): Promise<void> {
  const entry = instanceById(server.state.snapshot, id)
  if (entry === undefined) throw new Error(`no instance ${id}`)
  await write(server.state, replace(instanceKind, entry, { ...entry.value, ...parts }))
}

function hashOf(token: string): string {
  return `sha256:${createHash('sha256').update(token).digest('hex')}`
}

function ask(body: object = {}, role: TestRole = 'operator'): Promise<Response> {
  const request = { hash: hashOf('token'), ...body }
  return server.call(role, path, { method: 'POST', body: JSON.stringify(request) })
}

async function made(body: object = {}): Promise<TestLinkAnswer> {
  const response = await ask(body)
  expect(response.status).toBe(201)
  return (await response.json()) as TestLinkAnswer
}

async function listed(): Promise<TestLinkView[]> {
  const response = await server.call('viewer', path)
  return ((await response.json()) as { items: TestLinkView[] }).items
}

describe('a test link', () => {
  test('leads to the newest release in maintenance, for an hour, and keeps no token', async () => {
    await stand('i-2', { releaseId: 'rel-2', pool: 'maintenance' })
    const before = Date.now()
    const link = await made()
    expect(link).toMatchObject({
      releaseNumber: 8,
      version: 'v8',
      createdBy: 'operator',
      entrances: ['http://shop.localhost:8080/.roadstead/test/'],
    })
    expect(link.until).toBeGreaterThanOrEqual(before + hourMs)
    expect(await listed()).toMatchObject([{ id: link.id, releaseNumber: 8 }])
    const [kept] = server.state.snapshot.list(testLinkKind)
    expect(`sha256:${kept?.value.digest}`).toBe(hashOf('token'))
    const log = await (await server.call('operator', '/v1/events?limit=1')).json()
    expect(log).toMatchObject({ items: [{ who: 'operator', what: 'test-link.create' }] })
  })

  test('is refused while nothing waits in maintenance, or nothing of that release runs', async () => {
    for (const body of [{}, { releaseNumber: 8 }, { releaseNumber: 99 }]) {
      const response = await ask(body)
      expect(response.status).toBe(409)
      expect((await errorOf(response)).code).toBe('nothing-to-test')
    }
    expect((await made({ releaseNumber: 7 })).releaseNumber).toBe(7)
    await change('i-1', { pool: 'draining', drainingSince: 0 })
    expect((await ask({ releaseNumber: 7 })).status).toBe(409)
  })

  test('is for those who release; viewers only see that it is there', async () => {
    expect((await ask({ releaseNumber: 7 }, 'developer')).status).toBe(201)
    const refused = await ask({ releaseNumber: 7 }, 'viewer')
    expect([refused.status, (await listed()).length]).toEqual([403, 1])
  })

  test('ends when it is told to, once', async () => {
    const { id } = await made({ releaseNumber: 7 })
    const end = (): Promise<Response> =>
      server.call('operator', `${path}/${id}`, { method: 'DELETE' })
    expect((await end()).status).toBe(200)
    expect(await listed()).toEqual([])
    const again = await end()
    expect([again.status, (await errorOf(again)).code]).toEqual([404, 'test-link-unknown'])
  })

  test('is one of twenty; those whose time is over make room', async () => {
    for (let count = 0; count < 19; count++) await made({ releaseNumber: 7 })
    await made({ releaseNumber: 7, forMs: 1_000 })
    const refused = await ask({ releaseNumber: 7 })
    expect([refused.status, (await errorOf(refused)).code]).toEqual([409, 'test-links-full'])
    await expect
      .poll(async () => (await ask({ releaseNumber: 7 })).status, { timeout: 10_000 })
      .toBe(201)
    expect(await listed()).toHaveLength(20)
    expect([...server.state.snapshot.list(testLinkKind)]).toHaveLength(20)
  })

  test.each([
    ['a day too long', { forMs: 8 * 24 * hourMs }],
    ['no time at all', { forMs: 0 }],
    ['a token instead of its digest', { hash: 'token' }],
    ['no number', { releaseNumber: 0 }],
  ])('with %s is refused', async (_what, body) => {
    expect((await ask({ releaseNumber: 7, ...body })).status).toBe(400)
  })
})

test('the controller takes away what leads nowhere, and what is outdated', async () => {
  const controller = testLinksController(server.state)
  await stand('i-2', { releaseId: 'rel-2', pool: 'maintenance' })
  await made({ releaseNumber: 7 })
  await made()
  const [key, ...more] = [...controller.allKeys(server.state.snapshot)]
  expect([key, more]).toEqual(['local/default/shop', []])
  const pass = async (now: number): Promise<number> => {
    const view = controller.observe(key!, server.state.snapshot)
    if (view === undefined) return 0
    const { actions } = controller.plan(view, now)
    for (const action of actions) await controller.apply(action, new AbortController().signal)
    return actions.length
  }
  expect(await pass(Date.now())).toBe(0)
  const seen: string[] = []
  const forget = server.state.subscribe((told) => {
    seen.push(...controller.keysOf(told, server.state.snapshot))
  })
  await change('i-2', { state: 'ended', ended: { at: 0, because: 'a test' } })
  forget()
  expect(seen).toEqual(['local/default/shop'])
  expect(await pass(Date.now())).toBe(1)
  expect((await listed()).map(({ releaseNumber }) => releaseNumber)).toEqual([7])
  expect(await pass(Date.now() + 2 * hourMs)).toBe(1)
  expect(await listed()).toEqual([])
})
