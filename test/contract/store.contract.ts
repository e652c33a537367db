/** What every store must do; run by each implementation (store-*.test.ts beside this file). */
import { afterEach, describe, expect, it } from 'vitest'
import { keyOf, type Key } from '../../src/base/key.ts'
import type {
  Commit,
  CommittedChange,
  Expectation,
  Horizon,
  Operation,
  Revision,
  Store,
} from '../../src/store/port.ts'

/** A place for one store: opened again, it shows what was committed before, if it is durable. */
export interface StorePlace {
  open(options?: { horizon?: Partial<Horizon> }): Promise<Store>
  readonly isDurable: boolean
  remove(): Promise<void>
}

export const attribution = { who: 'tester', what: 'test.write', why: 'the contract says so' }

export function recordKey(name: string, tenant = 'cz'): Key {
  return keyOf({ kind: 'thing', tenant, environment: 'prod', app: 'shop', name })
}

export function put(name: string, value: unknown): Operation {
  return { op: 'put', key: recordKey(name), value, schema: 1 }
}

export function aCommit(
  epoch: number,
  operations: readonly Operation[],
  expectations: readonly Expectation[] = [],
): Commit {
  return { operations, expectations, attribution, at: 1_700_000_000_000, epoch }
}

/** Reads the feed until it has told `count` commits. */
export async function take(
  store: Store,
  after: Revision,
  count: number,
): Promise<CommittedChange[]> {
  const taken: CommittedChange[] = []
  for await (const change of store.changes(after, new AbortController().signal)) {
    taken.push(change)
    if (taken.length >= count) break
  }
  return taken
}

export function describeStore(name: string, makePlace: () => Promise<StorePlace>): void {
  describe(`${name} store`, () => {
    const ends: (() => Promise<void>)[] = []
    afterEach(async () => {
      for (const end of ends.splice(0).toReversed()) await end()
    })

    async function aPlace(): Promise<StorePlace> {
      const place = await makePlace()
      ends.push(() => place.remove())
      return place
    }

    async function anOpenStore(options?: { horizon?: Partial<Horizon> }) {
      const store = await (await aPlace()).open(options)
      ends.push(() => store.close())
      const leadership = await store.campaign(new AbortController().signal)
      const write = (operations: Operation[], expectations: Expectation[] = []) =>
        store.commit(aCommit(leadership.epoch, operations, expectations))
      return { store, leadership, write }
    }

    it('begins empty', async () => {
      const { store } = await anOpenStore()
      expect(await store.load()).toEqual({ records: [], revision: 0 })
    })

    it('gives each commit the next revision, in the order of submission', async () => {
      const { write } = await anOpenStore()
      const revisions = await Promise.all([1, 2, 3, 4].map((n) => write([put(`n${n}`, { n })])))
      expect(revisions).toEqual([1, 2, 3, 4])
    })

    it('loads each record with the revisions that wrote and created it', async () => {
      const { store, write } = await anOpenStore()
      await write([put('a', { n: 1 }), put('b', { n: 1 })])
      await write([put('a', { n: 2, text: 'ž"\\\n\u2028' })])
      const { records, revision } = await store.load()
      expect(revision).toBe(2)
      expect(records.toSorted((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
        {
          key: recordKey('a'),
          value: { n: 2, text: 'ž"\\\n\u2028' },
          schema: 1,
          revision: 2,
          createdRevision: 1,
        },
        { key: recordKey('b'), value: { n: 1 }, schema: 1, revision: 1, createdRevision: 1 },
      ])
    })

    it('forgets a deleted record, and creates it anew later', async () => {
      const { store, write } = await anOpenStore()
      await write([put('a', { n: 1 })])
      await write([{ op: 'delete', key: recordKey('a') }])
      expect((await store.load()).records).toEqual([])
      await write([put('a', { n: 2 })], [{ key: recordKey('a'), revision: 'absent' }])
      expect((await store.load()).records[0]).toMatchObject({ revision: 3, createdRevision: 3 })
    })

    it('refuses a commit whose expectation has changed, names the record, and writes nothing', async () => {
      const { store, write } = await anOpenStore()
      await write([put('a', { n: 1 })])
      await write([put('a', { n: 2 })])
      const stale = write([put('b', {})], [{ key: recordKey('a'), revision: 1 }])
      await expect(stale).rejects.toMatchObject({
        code: 'conflict',
        status: 409,
        details: { key: recordKey('a'), revision: 2 },
      })
      const second = write([put('a', {})], [{ key: recordKey('a'), revision: 'absent' }])
      await expect(second).rejects.toMatchObject({ code: 'conflict' })
      const gone = write([put('b', {})], [{ key: recordKey('c'), revision: 1 }])
      await expect(gone).rejects.toMatchObject({ details: { revision: 'absent' } })
      expect((await store.load()).records.map(({ key }) => key)).toEqual([recordKey('a')])
    })

    it('judges a commit against those submitted before it, durable or not', async () => {
      const { write } = await anOpenStore()
      const absent: Expectation = { key: recordKey('a'), revision: 'absent' }
      const results = await Promise.allSettled(
        [1, 2, 3].map((n) => write([put('a', { n })], [absent])),
      )
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    })

    it('refuses an empty commit and one of more than 100 operations', async () => {
      const { write } = await anOpenStore()
      await expect(write([])).rejects.toMatchObject({ code: 'commit-too-large' })
      const many = Array.from({ length: 101 }, (_, n) => put(`n${n}`, {}))
      await expect(write(many)).rejects.toMatchObject({ code: 'commit-too-large' })
      await expect(write(many.slice(1))).resolves.toBe(1)
    })

    it('fences the commits of an older leadership, and tells it', async () => {
      const { store, leadership, write } = await anOpenStore()
      await write([put('a', {})])
      const later = await store.campaign(new AbortController().signal)
      expect(later.epoch).toBeGreaterThan(leadership.epoch)
      expect(leadership.lost.aborted).toBe(true)
      expect(later.lost.aborted).toBe(false)
      await expect(write([put('a', {})])).rejects.toMatchObject({ code: 'fenced', status: 409 })
      await expect(store.commit(aCommit(later.epoch, [put('a', {})]))).resolves.toBe(2)
    })

    it('accepts nothing from a leadership that was resigned', async () => {
      const { leadership, write } = await anOpenStore()
      await leadership.resign()
      expect(leadership.lost.aborted).toBe(true)
      await expect(write([put('a', {})])).rejects.toMatchObject({ code: 'fenced' })
    })

    it('tells every commit after a revision, in order and without a gap', async () => {
      const { store, write } = await anOpenStore()
      for (let n = 1; n <= 3; n++) await write([put('a', { n })])
      const following = take(store, 1, 4)
      await write([{ op: 'delete', key: recordKey('a') }])
      await write([put('b', {})])
      const told = await following
      expect(told.map(({ revision }) => revision)).toEqual([2, 3, 4, 5])
      expect(told[0]).toEqual({
        revision: 2,
        at: 1_700_000_000_000,
        attribution,
        operations: [put('a', { n: 2 })],
      })
      expect(told[2]?.operations).toEqual([{ op: 'delete', key: recordKey('a') }])
    })

    it('tells a commit to the feed no later than to its author', async () => {
      const { store, write } = await anOpenStore()
      const told = take(store, 0, 1)
      await write([put('a', {})])
      await expect(told).resolves.toHaveLength(1)
    })

    it('serves a reader that is thousands of commits behind', async () => {
      const { store, write } = await anOpenStore()
      await Promise.all(Array.from({ length: 5_000 }, (_, n) => write([put(`n${n % 50}`, { n })])))
      const told = await take(store, 0, 5_000)
      expect(told.map(({ revision }) => revision)).toEqual(
        Array.from({ length: 5_000 }, (_, n) => n + 1),
      )
      expect(told[4_321]?.operations).toEqual([put('n21', { n: 4_321 })])
    })

    it('ends the feed when its reader goes', async () => {
      const { store } = await anOpenStore()
      const reader = new AbortController()
      const reading = (async () => {
        for await (const change of store.changes(0, reader.signal)) expect(change).toBeUndefined()
        return 'ended'
      })()
      reader.abort()
      await expect(reading).resolves.toBe('ended')
    })

    it('says compacted to a reader that asks for forgotten commits, and keeps the records', async () => {
      const { store, write } = await anOpenStore({ horizon: { commits: 10 } })
      await write([put('old', {})])
      for (let n = 0; n < 60; n++) await write([put('a', { n })])
      await expect(take(store, 0, 1)).rejects.toMatchObject({ code: 'compacted', status: 410 })
      expect((await take(store, 58, 3)).map(({ revision }) => revision)).toEqual([59, 60, 61])
      const entries = await store.log({ limit: 100 })
      expect(entries.length).toBeGreaterThanOrEqual(10)
      expect(entries.length).toBeLessThanOrEqual(40)
      expect((await store.load()).records).toHaveLength(2)
    })

    it('answers the log by who, by verb and by what the sentence contains', async () => {
      const { store, leadership } = await anOpenStore()
      const told = [
        { who: 'alice', what: 'app.scale', why: 'from 2 to 3' },
        { who: 'alice', what: 'rollout.approve', why: 'Approved by alice' },
        { who: 'rollouts', what: 'rollout.advance', why: 'the tests have passed' },
      ]
      for (const own of told) {
        await store.commit({ ...aCommit(leadership.epoch, [put('a', own)]), attribution: own })
      }
      const revisions = async (query: Partial<Parameters<Store['log']>[0]>) =>
        (await store.log({ limit: 9, ...query })).map(({ revision }) => revision)
      expect(await revisions({ who: 'alice' })).toEqual([1, 2])
      expect(await revisions({ who: 'ali' })).toEqual([])
      expect(await revisions({ whatPrefix: 'rollout.' })).toEqual([2, 3])
      expect(await revisions({ text: 'approved' })).toEqual([2])
      expect(await revisions({ who: 'alice', whatPrefix: 'rollout.', before: 9 })).toEqual([2])
    })

    it('answers the log by revision, by key and newest first', async () => {
      const { store, write } = await anOpenStore()
      for (let n = 1; n <= 6; n++) await write([put(n % 2 === 0 ? 'even' : 'odd', { n })])
      const revisions = async (query: Parameters<Store['log']>[0]) =>
        (await store.log(query)).map(({ revision }) => revision)
      expect(await revisions({ limit: 100 })).toEqual([1, 2, 3, 4, 5, 6])
      expect(await revisions({ after: 2, limit: 2 })).toEqual([3, 4])
      expect(await revisions({ before: 5, limit: 3 })).toEqual([4, 3, 2])
      expect(await revisions({ after: 1, before: 4, limit: 9 })).toEqual([2, 3])
      expect(await revisions({ keyPrefix: recordKey('even'), limit: 2 })).toEqual([2, 4])
      expect(await revisions({ keyPrefix: 'thing/cz/prod', limit: 0 })).toEqual([])
      expect(await revisions({ keyPrefix: 'thing/sk/', limit: 9 })).toEqual([])
      expect((await store.log({ limit: 1 }))[0]).toEqual({
        revision: 1,
        at: 1_700_000_000_000,
        ...attribution,
        keys: [recordKey('odd')],
      })
    })

    it('takes nothing more once it is closed', async () => {
      const { store, write } = await anOpenStore()
      await write([put('a', {})])
      await store.close()
      await expect(write([put('a', {})])).rejects.toMatchObject({ code: 'store-closed' })
      await expect(store.load()).rejects.toMatchObject({ code: 'store-closed' })
    })

    it('holds, opened again, what was acknowledged', async ({ skip }) => {
      const place = await aPlace()
      if (!place.isDurable) skip('keeps nothing by design')
      const first = await place.open()
      const { epoch } = await first.campaign(new AbortController().signal)
      for (let n = 1; n <= 3; n++) await first.commit(aCommit(epoch, [put('a', { n })]))
      await first.commit(aCommit(epoch, [put('b', {}), { op: 'delete', key: recordKey('b') }]))
      await first.close()
      const second = await place.open()
      ends.push(() => second.close())
      const { records, revision } = await second.load()
      expect(revision).toBe(4)
      expect(records).toEqual([
        { key: recordKey('a'), value: { n: 3 }, schema: 1, revision: 3, createdRevision: 1 },
      ])
      expect((await take(second, 0, 4)).map((change) => change.revision)).toEqual([1, 2, 3, 4])
      const later = await second.campaign(new AbortController().signal)
      expect(later.epoch).toBeGreaterThan(epoch)
      const commit = aCommit(later.epoch, [put('a', {})], [{ key: recordKey('a'), revision: 3 }])
      await expect(second.commit(commit)).resolves.toBe(5)
    })
  })
}
