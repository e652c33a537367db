import { beforeEach, describe, expect, test, vi } from 'vitest'
import { VirtualClock } from '../base/virtual-clock.ts'
import { aState, write, type TestObservations } from '../../test/fixtures/state.ts'
import {
  aListener,
  anApp,
  aNode,
  anObserved,
  aPending,
  aRelease,
  aRollout,
  aSpec,
  shop,
} from '../../test/fixtures/records.ts'
import { appKind, releaseKind } from '../parts/apps/records.ts'
import { listenerKey } from '../parts/discovery/model.ts'
import { listenerKind } from '../parts/discovery/records.ts'
import type { TableDelta } from '../parts/ingress/model.ts'
import { backendOf, testLinkKind } from '../parts/ingress/records.ts'
import type { Instance } from '../parts/instances/model.ts'
import { instanceById, instanceKind } from '../parts/instances/records.ts'
import { nodeKey } from '../parts/nodes/model.ts'
import { nodeKind } from '../parts/nodes/records.ts'
import { rolloutKind, schemaStageKind } from '../parts/rollouts/records.ts'
import { create, remove, replace, type Kind } from '../store/port.ts'
import type { OpenState } from '../store/state.ts'
import { applyDelta, digestOfTable, emptyTable } from '../ingress/routing-table.ts'
import { RoutingTable } from './routing-table.ts'

const kinds = [
  appKind,
  releaseKind,
  rolloutKind,
  schemaStageKind,
  instanceKind,
  nodeKind,
  listenerKind,
  testLinkKind,
] as unknown as Kind<never>[]

const web = 'local/default/shop/web'

describe('the routing table', () => {
  let clock: VirtualClock
  let state: OpenState
  let observations: TestObservations
  let table: RoutingTable

  beforeEach(async () => {
    clock = new VirtualClock()
    ;({ state, observations } = await aState(kinds, clock))
    await write(state, create(nodeKind, aNode()), create(appKind, anApp()))
    await write(state, create(releaseKind, aRelease()))
    await write(state, create(listenerKind, aListener('web', 20_000)))
    await addInstance('i-1')
    observations.see(anObserved({ instanceId: 'i-1' }))
    openTable()
  })

  test('knows an ingress that has what it was told, and one that has not (rule 7)', async () => {
    const delta = await table.next(0, 0, new AbortController().signal)
    if (delta === undefined) throw new Error('nothing was told')
    const had = applyDelta(emptyTable, delta)
    expect(table.isSame(delta.version, digestOfTable(had))).toBe(true)
    const lost = applyDelta(had, { ...delta, full: true, backends: [] })
    expect(table.isSame(delta.version, digestOfTable(lost))).toBe(false)
    const old = table.isSame(delta.version - 1, digestOfTable(lost))
    expect(old).toBe(true)
  })

  function openTable(): void {
    table = new RoutingTable({ snapshot: state.snapshot, clock, backendOf })
    state.subscribe((told) => table.notice(told))
  }

  async function addInstance(id: string, parts: Partial<Instance> = {}): Promise<void> {
    await write(state, create(instanceKind, aPending({ id, ...parts })))
    await change(id, { state: 'placed', placement: { nodeId: 'node-1', port: 21_000 } })
  }

  async function change(id: string, parts: Partial<Instance>): Promise<number> {
    const entry = instanceById(state.snapshot, id)
    if (entry === undefined) throw new Error(`no instance ${id}`)
    return write(state, replace(instanceKind, entry, { ...entry.value, ...parts }))
  }

  function ask(after: number, waitMs = 0): Promise<TableDelta | undefined> {
    return table.next(after, waitMs, new AbortController().signal)
  }

  async function full(): Promise<TableDelta> {
    const delta = await ask(0)
    if (delta === undefined) throw new Error('no table')
    return delta
  }

  test('who asks for the first time gets all of it', async () => {
    const delta = await full()
    expect(delta).toMatchObject({ full: true, revision: state.snapshot.revision, removed: [] })
    expect(delta.backends.map((backend) => backend.id)).toEqual([web])
    expect(delta.backends[0]?.online).toMatchObject([{ instanceId: 'i-1', ready: true }])
  })

  test('a first report is not answered by a look through all instances', async () => {
    for (const id of ['i-2', 'i-3', 'i-4']) await addInstance(id)
    openTable()
    const find = vi.spyOn(state.snapshot, 'find')
    for (const id of ['i-2', 'i-3', 'i-4']) {
      expect(await ask(0)).toBeUndefined()
      observations.see(anObserved({ instanceId: id }))
    }
    expect(find.mock.calls.filter(([, index]) => index === 'state')).toEqual([])
    expect((await full()).backends[0]?.online).toHaveLength(4)
  })

  test('who has seen all of it waits until something changes', async () => {
    const { version } = await full()
    expect(await ask(version)).toBeUndefined()
    const asked = ask(version, 10_000)
    await clock.advance(5_000)
    const revision = await change('i-1', { pool: 'draining', drainingSince: 0 })
    await clock.advance(5)
    const delta = await asked
    expect(delta).toMatchObject({ full: false, revision })
    expect(delta?.backends).toMatchObject([{ id: web, online: [] }])
  })

  test('a delta holds only the backends that changed', async () => {
    await write(state, create(listenerKind, aListener('api', 20_002)))
    const before = await full()
    expect(before.backends).toHaveLength(2)
    await addInstance('i-2', { service: 'api' })
    await clock.advance(5)
    const delta = await ask(before.version)
    expect(delta?.backends.map((backend) => backend.id)).toEqual(['local/default/shop/api'])
  })

  test('a test link is a pass in every service of its app, until it ends', async () => {
    await write(state, create(listenerKind, aListener('api', 20_002)))
    const before = await full()
    const pass = { digest: 'd'.repeat(64), releaseId: 'rel-2', until: 1_000 }
    const link = { id: 'tl-1', at: shop, ...pass, createdBy: 'test', createdAt: 0 }
    await write(state, create(testLinkKind, link))
    const told = await ask(before.version)
    expect(told?.backends).toHaveLength(2)
    for (const backend of told?.backends ?? []) expect(backend.passes).toEqual([pass])
    const [entry] = state.snapshot.list(testLinkKind)
    await write(state, remove(entry!))
    const after = await ask(told?.version ?? 0)
    expect(after?.backends.map(({ passes }) => passes)).toEqual([undefined, undefined])
  })

  test('a drain is out of every table of its revision, even if no time has passed', async () => {
    const before = await full()
    const revision = await change('i-1', { pool: 'draining', drainingSince: 0 })
    const delta = await ask(before.version)
    expect(delta?.revision).toBeGreaterThanOrEqual(revision)
    expect(delta?.backends[0]?.online).toEqual([])
  })

  test('a changed instance brings its revision even when no backend differs', async () => {
    const before = await full()
    const revision = await change('i-1', { because: 'another sentence' })
    const delta = await ask(before.version)
    expect(delta).toMatchObject({ full: false, backends: [], removed: [], revision })
    expect(delta?.version).toBeGreaterThan(before.version)
  })

  test('a step of a rollout brings its revision: tests wait until ingresses have it', async () => {
    const before = await full()
    const revision = await write(state, create(rolloutKind, aRollout()))
    const delta = await ask(before.version)
    expect(delta).toMatchObject({ full: false, backends: [], removed: [], revision })
  })

  test('an observation changes the table without a commit', async () => {
    const before = await full()
    observations.see(anObserved({ instanceId: 'i-1', state: 'unhealthy' }))
    const delta = await ask(before.version)
    expect(delta?.revision).toBe(before.revision)
    expect(delta?.backends[0]?.online).toMatchObject([{ instanceId: 'i-1', ready: false }])
  })

  test('an observation that changes nothing for callers wakes nobody', async () => {
    const before = await full()
    observations.see(anObserved({ instanceId: 'i-1', because: 'still well' }))
    await clock.advance(10)
    expect(await ask(before.version)).toBeUndefined()
  })

  test('a lost node makes its endpoints not ready', async () => {
    const before = await full()
    const entry = state.snapshot.get(nodeKind, nodeKey('node-1'))
    if (entry === undefined) throw new Error('no node')
    await write(state, replace(nodeKind, entry, { ...entry.value, lost: { since: 1 } }))
    const delta = await ask(before.version)
    expect(delta?.backends[0]?.online).toMatchObject([{ ready: false }])
  })

  test('a new release moves the routes of its app', async () => {
    const before = await full()
    const spec = aSpec({ route: { host: 'shop.localhost', path: '/', expose: 'public' } })
    await write(state, create(releaseKind, aRelease({ id: 'rel-2', services: [spec] })))
    const [app] = state.snapshot.list(appKind)
    if (app === undefined) throw new Error('no app')
    await write(state, replace(appKind, app, { ...app.value, releaseId: 'rel-2' }))
    const delta = await ask(before.version)
    expect(delta?.backends[0]?.route).toMatchObject({ host: 'shop.localhost' })
  })

  test('a backend that is no more is told as removed, once and to those who knew it', async () => {
    const before = await full()
    const listener = state.snapshot.get(listenerKind, listenerKey(shop, 'web'))
    if (listener === undefined) throw new Error('no listener')
    await change('i-1', { desired: 'stopped' })
    await write(state, { op: 'delete', key: listener.key, expect: listener.revision })
    const delta = await ask(before.version)
    expect(delta).toMatchObject({ full: false, backends: [], removed: [web] })
    expect((await full()).removed).toEqual([])
  })

  test('changes within a few milliseconds are told together', async () => {
    const { version } = await full()
    await addInstance('i-2')
    const asked = ask((await full()).version, 1_000)
    await change('i-2', { pool: 'maintenance' })
    await change('i-1', { pool: 'draining', drainingSince: 0 })
    await clock.advance(5)
    expect((await asked)?.backends).toMatchObject([{ online: [] }])
    expect(version).toBeLessThan((await full()).version)
  })

  test('who asks with the version of another server process gets all of it', async () => {
    const { version } = await full()
    expect(await ask(version + 5_000_000)).toMatchObject({ full: true })
    expect(await ask(7)).toMatchObject({ full: true })
    await clock.advance(50)
    openTable()
    expect(await ask(version)).toMatchObject({ full: true })
  })

  test('after a start nothing is told until the agents were heard', async () => {
    await addInstance('i-2')
    openTable()
    expect(await ask(0)).toBeUndefined()
    const asked = ask(0, 4_000)
    await clock.advance(1_000)
    observations.see(anObserved({ instanceId: 'i-2' }))
    await clock.advance(10)
    expect((await asked)?.backends[0]?.online).toHaveLength(2)
  })

  test('an agent that stays silent holds the table back for five seconds, no longer', async () => {
    await addInstance('i-2')
    openTable()
    const asked = ask(0, 10_000)
    await clock.advance(4_900)
    expect(await ask(0)).toBeUndefined()
    await clock.advance(200)
    expect((await asked)?.full).toBe(true)
  })

  test('a caller that goes away is waited for no more', async () => {
    const { version } = await full()
    const controller = new AbortController()
    const asked = table.next(version, 10_000, controller.signal)
    controller.abort(new Error('gone'))
    await expect(asked).rejects.toThrow('gone')
  })
})
