/** What every store must tell of the past; run by each implementation beside store.contract.ts. */
import * as fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { Horizon, Operation, Revision, Store, StoredRecord } from '../../src/store/port.ts'
import { aCommit, put, recordKey, type StorePlace } from './store.contract.ts'

/** Wall time of the first commit of a test; each further one comes a second later. */
const firstAt = 1_700_000_000_000
const dayMs = 24 * 60 * 60 * 1_000

export function describePast(name: string, makePlace: () => Promise<StorePlace>): void {
  describe(`the past of a ${name} store`, () => {
    const ends: (() => Promise<void>)[] = []
    afterEach(async () => {
      for (const end of ends.splice(0).toReversed()) await end()
    })

    async function anOpenStore(horizon: Partial<Horizon> = {}) {
      const place = await makePlace()
      ends.push(() => place.remove())
      const store = await place.open({ horizon })
      ends.push(() => store.close())
      const { epoch } = await store.campaign(new AbortController().signal)
      let at = firstAt - 1_000
      const write = (operations: Operation[], laterMs = 1_000) => {
        at += laterMs
        return store.commit({ ...aCommit(epoch, operations), at })
      }
      return { store, write }
    }

    it('tells every record as it was behind a commit, with its revisions', async () => {
      const { store, write } = await anOpenStore()
      await write([put('a', { n: 1 })])
      await write([put('a', { n: 2 }), put('b', { n: 2 })])
      await write([{ op: 'delete', key: recordKey('a') }])
      expect(await store.recordsAt(0)).toEqual([])
      expect(sorted(await store.recordsAt(2))).toEqual([
        { key: recordKey('a'), value: { n: 2 }, schema: 1, revision: 2, createdRevision: 1 },
        { key: recordKey('b'), value: { n: 2 }, schema: 1, revision: 2, createdRevision: 2 },
      ])
      expect((await store.recordsAt(3)).map(({ key }) => key)).toEqual([recordKey('b')])
      const early = store.recordsAt(4)
      await expect(early).rejects.toMatchObject({ code: 'revision-late', status: 409 })
    })

    it('finds the commit behind which a time lies', async () => {
      const { store, write } = await anOpenStore()
      await Promise.all([1, 2, 3].map((n) => write([put('a', { n })])))
      await write([put('a', { n: 4 })])
      const found = async (at: number) => (await store.momentAt(at)).revision
      expect(await found(firstAt)).toBe(1)
      expect(await found(firstAt + 1_999)).toBe(2)
      expect(await store.momentAt(firstAt + 2_000)).toEqual({ revision: 3, at: firstAt + 2_000 })
      expect(await found(firstAt + dayMs)).toBe(4)
      await expect(store.momentAt(firstAt - 1)).rejects.toMatchObject({
        code: 'beyond-horizon',
        status: 410,
        details: { oldest: { revision: 1, at: firstAt } },
      })
    })

    it('refuses a question beyond the horizon, and names the oldest that is kept', async () => {
      const { store, write } = await anOpenStore({ commits: 10 })
      for (let n = 1; n <= 60; n++) await write([put('a', { n })])
      const error = await store.recordsAt(3).catch((caught: unknown) => caught)
      expect(error).toMatchObject({ code: 'beyond-horizon', status: 410 })
      const { oldest } = (error as { details: { oldest: { revision: number; at: number } } })
        .details
      expect(oldest.at).toBe(firstAt + (oldest.revision - 1) * 1_000)
      expect((await store.recordsAt(oldest.revision))[0]?.value).toEqual({ n: oldest.revision })
      expect(await store.momentAt(oldest.at)).toEqual(oldest)
      await expect(store.momentAt(oldest.at - 1)).rejects.toMatchObject({ details: { oldest } })
      for (let revision = 50; revision <= 60; revision++) {
        expect((await store.recordsAt(revision))[0]?.value).toEqual({ n: revision })
      }
    })

    it('forgets what is older than the horizon, however little it is', async () => {
      const { store, write } = await anOpenStore({ ms: 30 * dayMs })
      for (let n = 1; n <= 100; n++) await write([put('a', { n })], dayMs)
      await expect(store.recordsAt(1)).rejects.toMatchObject({ code: 'beyond-horizon' })
      await expect(store.recordsAt(71)).resolves.toHaveLength(1)
    })

    it('forgets nothing that it was told to keep, until it is told otherwise', async () => {
      const { store, write } = await anOpenStore({ commits: 10 })
      store.keepFrom(5)
      for (let n = 1; n <= 100; n++) await write([put('a', { n })])
      const revisions = async () => (await store.log({ limit: 200 })).map((e) => e.revision)
      expect((await revisions()).slice(-96)).toEqual(Array.from({ length: 96 }, (_, n) => n + 5))
      for (const revision of [5, 40, 100]) {
        expect((await store.recordsAt(revision))[0]?.value).toEqual({ n: revision })
      }
      store.keepFrom(95)
      for (let n = 101; n <= 120; n++) await write([put('a', { n })])
      expect((await revisions())[0]).toBeGreaterThan(50)
      expect(await revisions()).toContain(95)
    })

    it('tells what became of a record, newest first, with what stood there before', async () => {
      const { store, write } = await anOpenStore()
      await write([put('a', { n: 1 }), put('other', {})])
      await write([put('other', {})])
      await write([put('a', { n: 2 })])
      await write([{ op: 'delete', key: recordKey('a') }])
      await write([put('a', { n: 3 })])
      const { changes, next } = await store.history({ keyPrefixes: [recordKey('a')], limit: 9 })
      expect(next).toBeUndefined()
      const versions = changes.map(({ revision, before, after: now }) => {
        return [revision, before?.value, now?.value]
      })
      expect(versions).toEqual([
        [5, undefined, { n: 3 }],
        [4, { n: 2 }, undefined],
        [3, { n: 1 }, { n: 2 }],
        [1, undefined, { n: 1 }],
      ])
      expect(changes[2]).toEqual({
        revision: 3,
        at: firstAt + 2_000,
        attribution: aCommit(1, []).attribution,
        key: recordKey('a'),
        before: { value: { n: 1 }, schema: 1 },
        after: { value: { n: 2 }, schema: 1 },
      })
    })

    it('tells the history of a name, whatever kind of record it names', async () => {
      const { store, write } = await anOpenStore()
      await write([put('i-1', { n: 1 }), put('i-12', {})])
      await write([{ op: 'delete', key: recordKey('i-1') }])
      const { changes } = await store.history({ keyPrefixes: [], name: 'i-1', limit: 9 })
      expect(changes.map(({ revision, key }) => [revision, key])).toEqual([
        [2, recordKey('i-1')],
        [1, recordKey('i-1')],
      ])
    })

    it('tells a history in pages, of several records together', async () => {
      const { store, write } = await anOpenStore({ commits: 20 })
      for (let n = 1; n <= 50; n++) await write([put(`p${n % 3}`, { n }), put('q', { n })])
      const keyPrefixes = [recordKey('p'), recordKey('nothing')]
      const told: [Revision, unknown, unknown][] = []
      let before: Revision | undefined
      do {
        const page = await store.history({ keyPrefixes, before, limit: 4 })
        expect(page.changes.length).toBeLessThanOrEqual(4)
        for (const change of page.changes) {
          told.push([change.revision, change.before?.value, change.after?.value])
        }
        before = page.next
      } while (before !== undefined)
      expect(told.length).toBeGreaterThanOrEqual(20)
      expect(told).toEqual(
        told.map((_, index) => [50 - index, { n: 47 - index }, { n: 50 - index }]),
      )
    })

    it('is at any commit what the same commits made of nothing (D2)', async () => {
      await fc.assert(
        fc.asyncProperty(histories, async ({ commits, kept }) => {
          const place = await makePlace()
          const store = await place.open({ horizon: { commits: kept } })
          try {
            const states = await writeAll(store, commits)
            expect((await store.load()).revision).toBe(commits.length)
            await checkStates(store, states, kept)
            await checkHistories(store, states)
          } finally {
            await store.close()
            await place.remove()
          }
        }),
        { numRuns: 25 },
      )
    })
  })
}

const names = ['a', 'b', 'c', 'd', 'e'] as const

const operation = fc.record({
  name: fc.constantFrom(...names),
  isPut: fc.constantFrom(true, true, false),
  n: fc.nat(99),
})

const histories = fc.record({
  commits: fc.array(
    fc.record({
      operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
      together: fc.boolean(),
    }),
    { maxLength: 60 },
  ),
  kept: fc.constantFrom(4, 12, 1_000),
})

type States = readonly ReadonlyMap<string, StoredRecord>[]

/** Commits all, and tells what must be behind each: the naive fold. */
async function writeAll(
  store: Store,
  commits: readonly {
    operations: readonly { name: string; isPut: boolean; n: number }[]
    together: boolean
  }[],
): Promise<States> {
  const { epoch } = await store.campaign(new AbortController().signal)
  const states: ReadonlyMap<string, StoredRecord>[] = [new Map()]
  const underWay: Promise<Revision>[] = []
  for (const [index, { operations, together }] of commits.entries()) {
    const written = operations.map(({ name, isPut, n }): Operation =>
      isPut ? put(name, { n }) : { op: 'delete', key: recordKey(name) },
    )
    const commit = store.commit({ ...aCommit(epoch, written), at: firstAt + index * 1_000 })
    underWay.push(commit)
    if (!together) await commit
    states.push(after(states.at(-1) ?? new Map(), written, index + 1))
  }
  await Promise.all(underWay)
  return states
}

function after(
  before: ReadonlyMap<string, StoredRecord>,
  operations: readonly Operation[],
  revision: Revision,
): Map<string, StoredRecord> {
  const state = new Map(before)
  for (const operation of operations) {
    const { key } = operation
    if (operation.op === 'delete') state.delete(key)
    else {
      const createdRevision = state.get(key)?.createdRevision ?? revision
      const { value, schema } = operation
      state.set(key, { key, value, schema, revision, createdRevision })
    }
  }
  return state
}

async function checkStates(store: Store, states: States, kept: number): Promise<void> {
  for (const [revision, expected] of states.entries()) {
    const records = await store.recordsAt(revision).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'beyond-horizon' })
      expect(revision).toBeLessThan(states.length - kept)
      return undefined
    })
    if (records !== undefined) expect(sorted(records)).toEqual(sorted([...expected.values()]))
  }
  expect(sorted((await store.load()).records)).toEqual(sorted([...(states.at(-1)?.values() ?? [])]))
}

async function checkHistories(store: Store, states: States): Promise<void> {
  const { changes } = await store.history({ keyPrefixes: ['thing/cz/'], limit: 500 })
  // Of several operations on one record in one commit, the outer versions are those of its ends.
  const ends = new Map<
    string,
    { before: unknown; after: unknown; revision: Revision; key: string }
  >()
  for (const change of changes) {
    const id = `${change.revision} ${change.key}`
    const known = ends.get(id)
    const { revision, key } = change
    const last = known === undefined ? change.after?.value : known.after
    ends.set(id, { revision, key, before: change.before?.value, after: last })
  }
  for (const { revision, key, before, after: value } of ends.values()) {
    expect(before).toEqual(states[revision - 1]?.get(key)?.value)
    expect(value).toEqual(states[revision]?.get(key)?.value)
  }
}

function sorted(records: readonly StoredRecord[]): StoredRecord[] {
  return records.toSorted((a, b) => (a.key < b.key ? -1 : 1))
}
