import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Refusal } from '../../src/base/errors.ts'
import type { App } from '../../src/parts/apps/model.ts'
import { appAt, appKind, releaseKind } from '../../src/parts/apps/records.ts'
import { openMemoryStore } from '../../src/store/memory/memory-store.ts'
import { create, type Commit, type Store } from '../../src/store/port.ts'
import { anApp, aRelease, shop } from '../fixtures/records.ts'
import { aRunningServer, errorOf, type TestServer } from '../fixtures/running-server.ts'

let server: TestServer

afterEach(() => server.stop())

async function seed(): Promise<void> {
  await server.state.commit({
    writes: [create(appKind, anApp()), create(releaseKind, aRelease())],
    attribution: { who: 'test', what: 'app.create', why: 'a test' },
  })
}

function scale(instances: number, headers: Record<string, string> = {}): Promise<Response> {
  return server.call('operator', '/v1/cells/local/default/apps/shop/scale', {
    method: 'POST',
    headers,
    body: JSON.stringify({ service: 'web', instances }),
  })
}

function app(): App {
  const entry = appAt(server.state.snapshot, shop)
  if (entry === undefined) throw new Error('no app')
  return entry.value
}

describe('a write', () => {
  beforeEach(async () => {
    server = await aRunningServer()
    await seed()
  })

  test('answers with its revision, and a read can wait for a later one', async () => {
    const written = await scale(3)
    expect(written.status).toBe(202)
    const { revision } = (await written.json()) as { revision: number }
    expect(Number(written.headers.get('roadstead-revision'))).toBeGreaterThanOrEqual(revision)
    const read = server.call('operator', '/v1/apps', {
      headers: { 'roadstead-revision': String(revision + 1) },
    })
    await scale(4)
    expect(Number((await read).headers.get('roadstead-revision'))).toBe(revision + 1)
  })

  test('is in the log with who, what and why', async () => {
    await scale(3)
    const events = await server.call('operator', '/v1/events?limit=1')
    const { items } = (await events.json()) as { items: unknown[] }
    expect(items).toMatchObject([
      { who: 'operator', what: 'app.scale', why: 'shop/web: 3 instances in local/default' },
    ])
  })
})

describe('an idempotency key', () => {
  const key = { 'idempotency-key': 'deploy-42' }

  beforeEach(async () => {
    server = await aRunningServer()
    await seed()
  })

  test('makes a repeated write one write with one answer', async () => {
    const first = await scale(3, key)
    const { revision } = server.state.snapshot
    await scale(5)
    const again = await scale(3, key)
    expect(again.status).toBe(first.status)
    expect(await again.json()).toEqual(await first.json())
    expect(app().scale).toEqual({ web: 5 })
    expect(server.state.snapshot.revision).toBe(revision + 1)
  })

  test('sent many times at once is carried out once', async () => {
    const before = server.state.snapshot.revision
    const answers = await Promise.all(Array.from({ length: 20 }, () => scale(3, key)))
    const bodies = await Promise.all(answers.map((answer) => answer.text()))
    expect(new Set(bodies).size).toBe(1)
    expect(server.state.snapshot.revision).toBe(before + 2)
  })

  test('of a refused write is free for the mended one', async () => {
    const refused = await server.call('operator', '/v1/cells/local/default/apps/shop/scale', {
      method: 'POST',
      headers: key,
      body: JSON.stringify({ service: 'nope', instances: 1 }),
    })
    expect(refused.status).toBe(404)
    expect((await scale(3, key)).status).toBe(202)
  })

  test('is one caller’s own', async () => {
    const register = (role: 'agent' | 'ingress'): Promise<Response> =>
      server.call(role, '/v1/session', { method: 'DELETE', headers: key })
    expect((await register('agent')).status).toBe(204)
    expect((await register('ingress')).status).toBe(204)
    expect((await scale(3, key)).status).toBe(202)
  })
})

describe('an idempotency key over a restart', () => {
  test('answers from the record that the first server left', async () => {
    const { store } = aFragileStore()
    server = await aRunningServer({ store })
    await seed()
    const first = await (await scale(3, { 'idempotency-key': 'k' })).json()
    const { directory } = server
    const second = await aRunningServer({ store, directory })
    await server.stop()
    server = second
    expect(await (await scale(3, { 'idempotency-key': 'k' })).json()).toEqual(first)
  })

  test('tells honestly that an answer was lost between the write and its record', async () => {
    const { store, failWhen } = aFragileStore()
    server = await aRunningServer({ store })
    await seed()
    failWhen((commit) => commit.attribution.what === 'idempotency.keep')
    await scale(3, { 'idempotency-key': 'k' })
    failWhen(() => false)
    const again = await scale(3, { 'idempotency-key': 'k' })
    expect(again.status).toBe(409)
    const error = (await errorOf(again)) as unknown as { details: { revision: number } }
    expect(error).toMatchObject({ code: 'idempotency-interrupted' })
    expect(error.details.revision).toBe(server.state.snapshot.revision)
    expect(app().scale).toEqual({ web: 3 })
  })
})

interface FragileStore {
  readonly store: Store
  failWhen(fails: (commit: Commit) => boolean): void
}

/** A store whose commits can be made to fail, as a dying server's would. */
function aFragileStore(): FragileStore {
  const inner = openMemoryStore()
  let fails: ((commit: Commit) => boolean) | undefined
  return {
    failWhen: (when) => {
      fails = when
    },
    store: {
      load: () => inner.load(),
      recordsAt: (revision) => inner.recordsAt(revision),
      momentAt: (at) => inner.momentAt(at),
      history: (query) => inner.history(query),
      keepFrom: (revision) => inner.keepFrom(revision),
      changes: (after, signal) => inner.changes(after, signal),
      log: (query) => inner.log(query),
      campaign: (signal) => inner.campaign(signal),
      close: () => inner.close(),
      commit: (commit) =>
        fails?.(commit) === true
          ? Promise.reject(new Refusal('fenced', 'dead'))
          : inner.commit(commit),
    },
  }
}
