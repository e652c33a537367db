import { describe, expect, it } from 'vitest'
import { silentLog } from '../base/log.ts'
import { VirtualClock } from '../base/virtual-clock.ts'
import { openMemoryStore } from './memory/memory-store.ts'
import { ObservedState } from './observed.ts'
import { create, remove, replace, type Change, type Operation, type Store } from './port.ts'
import { openState } from './state.ts'
import { aThing, thingKey, thingKind } from './thing.fixture.ts'

const attribution = { who: 'tester', what: 'thing.write', why: 'a test' }

async function aState(store: Store = openMemoryStore()) {
  const clock = new VirtualClock()
  const leadership = await store.campaign(new AbortController().signal)
  const observations = new ObservedState(clock)
  const open = () =>
    openState({ store, kinds: [thingKind], clock, observations, log: silentLog, leadership })
  return { store, clock, observations, leadership, open, state: await open() }
}

function put(name: string, count: number): Operation {
  return { op: 'put', key: thingKey(name), value: aThing(name, { count }), schema: 3 }
}

/** Writes past the state, as another version of the program would have. */
async function writeRaw(store: Store, operations: Operation[]): Promise<void> {
  const { epoch } = await store.campaign(new AbortController().signal)
  await store.commit({ operations, expectations: [], attribution, at: 0, epoch })
}

describe('the state', () => {
  it('shows a write as soon as its commit has resolved', async () => {
    const { state } = await aState()
    const revision = await state.commit({ writes: [create(thingKind, aThing('a'))], attribution })
    expect(state.snapshot.revision).toBe(revision)
    expect(state.snapshot.get(thingKind, thingKey('a'))).toEqual({
      key: thingKey('a'),
      value: aThing('a'),
      revision,
      createdRevision: revision,
    })
  })

  it('finds records by index, also after they have moved to another value or none', async () => {
    const { state } = await aState()
    const names = (group: string) =>
      [...state.snapshot.find(thingKind, 'group', group)].map(({ value }) => value.name)
    for (const name of ['a', 'b', 'c']) {
      await state.commit({ writes: [create(thingKind, aThing(name))], attribution })
    }
    expect(names('g')).toEqual(['a', 'b', 'c'])
    const a = state.snapshot.get(thingKind, thingKey('a'))!
    const b = state.snapshot.get(thingKind, thingKey('b'))!
    const c = state.snapshot.get(thingKind, thingKey('c'))!
    const writes = [
      replace(thingKind, a, { ...a.value, group: 'h' }),
      replace(thingKind, b, { ...b.value, group: null }),
      remove(c),
    ]
    await state.commit({ writes, attribution })
    expect([names('g'), names('h')]).toEqual([[], ['a']])
    expect([...state.snapshot.list(thingKind)]).toHaveLength(2)
  })

  it('refuses a record that its schema does not take, with the place, and shows nothing', async () => {
    const { state, store } = await aState()
    const bad = { ...aThing('a'), count: 'many' as unknown as number }
    await expect(
      state.commit({ writes: [create(thingKind, bad)], attribution }),
    ).rejects.toMatchObject({ code: 'record-invalid', status: 422, path: '/count' })
    expect((await store.load()).revision).toBe(0)
    expect(state.snapshot.get(thingKind, thingKey('a'))).toBeUndefined()
  })

  it('refuses a step that the state table does not have', async () => {
    const { state } = await aState()
    await state.commit({ writes: [create(thingKind, aThing('a'))], attribution })
    const entry = state.snapshot.get(thingKind, thingKey('a'))!
    const gone = replace(thingKind, entry, aThing('a', { state: 'gone' }))
    await expect(state.commit({ writes: [gone], attribution })).rejects.toMatchObject({
      code: 'transition-refused',
    })
  })

  it('does not show a write that the store refused', async () => {
    const { state } = await aState()
    await state.commit({ writes: [create(thingKind, aThing('a'))], attribution })
    const entry = state.snapshot.get(thingKind, thingKey('a'))!
    const results = await Promise.allSettled(
      [1, 2].map((count) =>
        state.commit({ writes: [replace(thingKind, entry, aThing('a', { count }))], attribution }),
      ),
    )
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(state.snapshot.get(thingKind, thingKey('a'))?.value.count).toBe(1)
  })

  it('judges a step by the record that is written over, even when any may be', async () => {
    const { state } = await aState()
    await state.commit({ writes: [create(thingKind, aThing('a'))], attribution })
    const write = (thing: ReturnType<typeof aThing>) =>
      state.commit({ writes: [{ ...create(thingKind, thing), expect: 'any' }], attribution })
    const first = write(aThing('a', { state: 'used' }))
    // Judged against `new`, as long as the first write is on its way: must not be let through.
    await expect(write(aThing('a', { count: 9 }))).rejects.toMatchObject({ code: 'conflict' })
    await first
    await write(aThing('a', { state: 'gone' }))
    expect(state.snapshot.get(thingKind, thingKey('a'))?.value.state).toBe('gone')
  })

  it('tells listeners of each change in order, when all of the commit is visible', async () => {
    const { state } = await aState()
    const heard: string[] = []
    const stop = state.subscribe((change) => {
      if (change.of !== 'record') return
      const count = [...state.snapshot.list(thingKind)].length
      heard.push(`${change.revision} ${change.key.split('/').at(-1)} sees ${count}`)
    })
    await state.commit({ writes: ['a', 'b'].map((n) => create(thingKind, aThing(n))), attribution })
    const entry = state.snapshot.get(thingKind, thingKey('a'))!
    await state.commit({ writes: [remove(entry)], attribution })
    stop()
    await state.commit({ writes: [create(thingKind, aThing('c'))], attribution })
    expect(heard).toEqual(['1 a sees 2', '1 b sees 2', '2 a sees 1'])
  })

  it('tells a change with what was before and what is after', async () => {
    const { state } = await aState()
    const heard: Change[] = []
    state.subscribe((change) => heard.push(change))
    await state.commit({ writes: [create(thingKind, aThing('a'))], attribution })
    const entry = state.snapshot.get(thingKind, thingKey('a'))!
    await state.commit({ writes: [remove(entry)], attribution })
    const key = thingKey('a')
    expect(heard).toEqual([
      { of: 'record', kind: 'thing', key, before: undefined, after: aThing('a'), revision: 1 },
      { of: 'record', kind: 'thing', key, before: aThing('a'), after: undefined, revision: 2 },
    ])
  })

  it('goes on telling the others when a listener throws', async () => {
    const { state } = await aState()
    const heard: Change[] = []
    state.subscribe(() => {
      throw new Error('a bug of one listener')
    })
    state.subscribe((change) => heard.push(change))
    await state.commit({ writes: [create(thingKind, aThing('a'))], attribution })
    expect(heard).toHaveLength(1)
  })

  it('passes the changes of observations on', async () => {
    const { state, observations } = await aState()
    const heard: Change[] = []
    state.subscribe((change) => heard.push(change))
    observations.registerNode('n1', 'boot-1', '1.0')
    expect(heard).toEqual([{ of: 'node', nodeId: 'n1' }])
  })

  it('freezes what is written: nobody changes the state but by a commit', async () => {
    const { state } = await aState()
    const thing = aThing('a')
    await state.commit({ writes: [create(thingKind, thing)], attribution })
    expect(() => {
      thing.count = 99
    }).toThrow(TypeError)
  })

  it('waits for a revision, and refuses when it is late', async () => {
    const { state, clock } = await aState()
    const waiting = state.waitFor(2, 1_000)
    const late = state.waitFor(3, 1_000).catch((error: unknown) => error)
    await state.commit({ writes: [create(thingKind, aThing('a'))], attribution })
    await state.commit({ writes: [create(thingKind, aThing('b'))], attribution })
    await expect(waiting).resolves.toBeUndefined()
    await state.waitFor(1, 0)
    await clock.advance(1_000)
    await expect(late).resolves.toMatchObject({ code: 'revision-late' })
  })

  it('cuts a sentence that is too long for the log', async () => {
    const { state } = await aState()
    const why = 'x'.repeat(5_000)
    const writes = [create(thingKind, aThing('a'))]
    await state.commit({ writes, attribution: { ...attribution, why } })
    expect((await state.log({ limit: 1 }))[0]?.why).toHaveLength(1_024)
  })
})

describe('records of other versions', () => {
  it('upgrades old records at load, one version at a time', async () => {
    const { store, open } = await aState()
    const old = { name: 'a', group: 'g', amount: '7' }
    const older = { name: 'b', group: null, count: 3 }
    await writeRaw(store, [
      { op: 'put', key: thingKey('a'), value: old, schema: 1 },
      { op: 'put', key: thingKey('b'), value: older, schema: 2 },
    ])
    const { snapshot } = await open()
    expect(snapshot.get(thingKind, thingKey('a'))?.value).toEqual(aThing('a', { count: 7 }))
    const b = aThing('b', { count: 3, group: null })
    expect(snapshot.get(thingKind, thingKey('b'))?.value).toEqual(b)
  })

  it('parks what cannot be believed with its reason, and goes on with the others', async () => {
    const { store, open } = await aState()
    const unknown = thingKey('u').replace('thing', 'riddle') as ReturnType<typeof thingKey>
    await writeRaw(store, [
      { op: 'put', key: thingKey('a'), value: { name: 'a' }, schema: 3 },
      { op: 'put', key: thingKey('b'), value: aThing('b'), schema: 4 },
      { op: 'put', key: thingKey('c'), value: null, schema: 1 },
      { op: 'put', key: unknown, value: {}, schema: 1 },
      { op: 'put', key: thingKey('d'), value: aThing('d'), schema: 3 },
    ])
    const state = await open()
    expect([...state.snapshot.list(thingKind)].map(({ value }) => value.name)).toEqual(['d'])
    const reasons = Object.fromEntries(
      [...state.parked()].map(({ key, reason }) => [key.split('/').at(-1), reason]),
    )
    expect(reasons['a']).toMatch(/^it must have required properties/)
    expect(reasons['b']).toBe('thing of schema 4; this version knows 3 at the most')
    expect(reasons['c']).toMatch(/^its upgrade failed/)
    expect(reasons['u']).toBe('this version knows no records of the kind riddle')
  })

  it('keeps a parked record from being created over, until it is written over on purpose', async () => {
    const { store, open } = await aState()
    await writeRaw(store, [{ op: 'put', key: thingKey('a'), value: {}, schema: 3 }])
    const leadership = await store.campaign(new AbortController().signal)
    const clock = new VirtualClock()
    const observations = new ObservedState(clock)
    const kinds = [thingKind]
    const state = await openState({ store, kinds, clock, observations, log: silentLog, leadership })
    const write = create(thingKind, aThing('a'))
    await expect(state.commit({ writes: [write], attribution })).rejects.toMatchObject({
      code: 'conflict',
    })
    await state.commit({ writes: [{ ...write, expect: 'any' }], attribution })
    expect([...state.parked()]).toEqual([])
    expect(state.snapshot.get(thingKind, thingKey('a'))?.createdRevision).toBe(1)
    expect([...(await open()).parked()]).toEqual([])
  })

  it('keeps fields that it does not know through a rewrite', async () => {
    const { store, open } = await aState()
    const fromTheFuture = { ...aThing('a'), colour: 'blue' }
    await writeRaw(store, [{ op: 'put', key: thingKey('a'), value: fromTheFuture, schema: 3 }])
    const leadership = await store.campaign(new AbortController().signal)
    const clock = new VirtualClock()
    const observations = new ObservedState(clock)
    const kinds = [thingKind]
    const state = await openState({ store, kinds, clock, observations, log: silentLog, leadership })
    const entry = state.snapshot.get(thingKind, thingKey('a'))!
    const writes = [replace(thingKind, entry, { ...entry.value, count: 5 })]
    await state.commit({ writes, attribution })
    expect((await open()).snapshot.get(thingKind, thingKey('a'))?.value).toEqual({
      ...fromTheFuture,
      count: 5,
    })
  })
})

describe('a state that fell behind', () => {
  it('loads again when the feed was compacted, and tells what has changed', async () => {
    const store = openMemoryStore({ horizon: { commits: 4 } })
    const { epoch } = await store.campaign(new AbortController().signal)
    const commit = (operations: Operation[]) =>
      store.commit({ operations, expectations: [], attribution, at: 0, epoch })
    await commit([put('a', 0), put('b', 0)])
    const { state } = await aState(store)
    const heard: Change[] = []
    state.subscribe((change) => heard.push(change))
    const later = (await store.campaign(new AbortController().signal)).epoch
    // Without a turn of the loop between them: the state's feed cannot keep up.
    for (let count = 1; count <= 20; count++) {
      const operations = [count === 10 ? put('c', 1) : put('a', count)]
      void store.commit({ operations, expectations: [], attribution, at: 0, epoch: later })
    }
    const operations: Operation[] = [{ op: 'delete', key: thingKey('b') }]
    void store.commit({ operations, expectations: [], attribution, at: 0, epoch: later })
    await state.waitFor(22, 1_000)
    expect(state.snapshot.get(thingKind, thingKey('a'))?.value.count).toBe(20)
    expect(state.snapshot.get(thingKind, thingKey('b'))).toBeUndefined()
    expect(state.snapshot.get(thingKind, thingKey('c'))?.createdRevision).toBe(11)
    expect(heard.map((change) => change.of === 'record' && change.key)).toEqual([
      thingKey('b'),
      thingKey('a'),
      thingKey('c'),
    ])
  })
})
