/** Safety of state and store together, in words, over random histories. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { VirtualClock } from '../../src/base/virtual-clock.ts'
import { openMemoryStore } from '../../src/store/memory/memory-store.ts'
import { ObservedState } from '../../src/store/observed.ts'
import type { Expectation, Kind, Revision, Write } from '../../src/store/port.ts'
import { openState } from '../../src/store/state.ts'
import { aThing, thingKey, thingKind, type Thing } from '../../src/store/thing.fixture.ts'

const attribution = { who: 'tester', what: 'thing.write', why: 'a property' }
const names = ['a', 'b', 'c', 'd'] as const
/** Without a state table: these histories are about order, not about steps. */
const { checkChange: _, ...free } = thingKind
const kind: Kind<Thing> = free

/** One attempt at a commit: what it writes, and what it believes about the records. */
interface Attempt {
  readonly writes: readonly { name: string; op: 'put' | 'delete'; count: number; group: string }[]
  /** Expects the revisions that were visible then, or ones that are made up. */
  readonly beliefs: readonly { name: string; belief: 'seen' | 'absent' | 'old' }[]
  /** Whether the next attempt begins before this one has ended. */
  readonly together: boolean
}

const attempts: fc.Arbitrary<Attempt[]> = fc.array(
  fc.record({
    writes: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...names),
        op: fc.constantFrom('put' as const, 'put' as const, 'delete' as const),
        count: fc.integer({ min: 0, max: 9 }),
        group: fc.constantFrom('g', 'h'),
      }),
      { minLength: 1, maxLength: 4, selector: ({ name }) => name },
    ),
    beliefs: fc.array(
      fc.record({
        name: fc.constantFrom(...names),
        belief: fc.constantFrom(
          'seen' as const,
          'seen' as const,
          'absent' as const,
          'old' as const,
        ),
      }),
      { maxLength: 2 },
    ),
    together: fc.boolean(),
  }),
  { maxLength: 40 },
)

/** What must be: a plain map and the same rules, written as naively as possible. */
class Model {
  revision = 0
  readonly records = new Map<string, { thing: Thing; revision: number; created: number }>()
  readonly accepted: { revision: number; names: string[] }[] = []

  /** Whether the commit must be accepted; if so, it is done. */
  commit(writes: Attempt['writes'], expectations: readonly Expectation[]): boolean {
    for (const { key, revision } of expectations) {
      const name = key.split('/').at(-1) ?? ''
      if ((this.records.get(name)?.revision ?? 'absent') !== revision) return false
    }
    const revision = ++this.revision
    for (const { name, op, count, group } of writes) {
      const created = this.records.get(name)?.created ?? revision
      if (op === 'delete') this.records.delete(name)
      else this.records.set(name, { thing: aThing(name, { count, group }), revision, created })
    }
    this.accepted.push({ revision, names: writes.map(({ name }) => name) })
    return true
  }
}

async function openBoth() {
  const store = openMemoryStore()
  const leadership = await store.campaign(new AbortController().signal)
  const clock = new VirtualClock()
  const observations = new ObservedState(clock)
  const options = { store, kinds: [kind], clock, observations, log: silentLog, leadership }
  return { store, options, state: await openState(options) }
}

function believe(
  snapshotRevisionOf: (name: string) => Revision | undefined,
  beliefs: Attempt['beliefs'],
): Expectation[] {
  return beliefs.map(({ name, belief }) => {
    const seen = snapshotRevisionOf(name) ?? 'absent'
    const revision = belief === 'seen' ? seen : belief === 'absent' ? 'absent' : 1
    return { key: thingKey(name), revision }
  })
}

function writeOf({ name, op, count, group }: Attempt['writes'][number]): Write {
  const key = thingKey(name)
  if (op === 'delete') return { op, key, expect: 'any' }
  const value = aThing(name, { count, group })
  return { op, key, value, schema: kind.version, expect: 'any' }
}

function sorted<T extends { readonly key: string }>(entries: Iterable<T>): T[] {
  return [...entries].toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

describe('state and store', () => {
  it('accept exactly what their expectations allow, equal a model, and leave no gap', async () => {
    await fc.assert(
      fc.asyncProperty(attempts, async (history) => {
        const { store, options, state } = await openBoth()
        const model = new Model()
        const heard: number[] = []
        state.subscribe((change) => change.of === 'record' && heard.push(change.revision))
        const underWay: Promise<void>[] = []
        for (const { writes, beliefs, together } of history) {
          const seen = (name: string) => state.snapshot.get(kind, thingKey(name))?.revision
          const expectations = believe(seen, beliefs)
          const mustPass = model.commit(writes, expectations)
          const revision = model.revision
          const proposal = { writes: writes.map(writeOf), expectations, attribution }
          const outcome = state.commit(proposal).then(
            (given) => expect([mustPass, given]).toEqual([true, revision]),
            (error: unknown) => {
              expect(error).toMatchObject({ code: 'conflict' })
              expect(mustPass).toBe(false)
            },
          )
          underWay.push(outcome)
          if (!together) await outcome
        }
        await Promise.all(underWay)

        const expected = [...model.records.values()].map(({ thing, revision, created }) => {
          const key = thingKey(thing.name)
          return { key, value: thing, revision, createdRevision: created }
        })
        expect(sorted(state.snapshot.list(kind))).toEqual(sorted(expected))
        for (const group of ['g', 'h']) {
          const inGroup = expected.filter(({ value }) => value.group === group)
          expect(sorted(state.snapshot.find(kind, 'group', group))).toEqual(sorted(inGroup))
        }
        expect(heard).toEqual(heard.toSorted((a, b) => a - b))
        const log = await store.log({ limit: 1_000 })
        expect(log.map(({ revision }) => revision)).toEqual(model.accepted.map((a) => a.revision))
        const again = await openState(options)
        expect(sorted(again.snapshot.list(kind))).toEqual(sorted(expected))
      }),
      { numRuns: 200 },
    )
  })
})
