/**
 * A store file of each release is kept here and opened by every later version: what an operator has
 * on the disk is read for ever. A new format adds a file (made by `makeGolden`), and changes none.
 */
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { ObservedState } from '../../src/store/observed.ts'
import type { Operation } from '../../src/store/port.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { openState } from '../../src/store/state.ts'
import { aThing, thingKey, thingKind } from '../../src/store/thing.fixture.ts'

const golden = join(import.meta.dirname, 'store-golden')
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roadstead-golden-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

function put(name: string, value: unknown, schema: number): Operation {
  return { op: 'put', key: thingKey(name), value, schema }
}

/** Writes what every golden file holds: `STORE_GOLDEN=0.2.0 vitest run …/store-golden` keeps it. */
async function makeGolden(file: string): Promise<void> {
  const store = await openSqliteStore({ file, clock: systemClock, log: silentLog })
  const { epoch } = await store.campaign(new AbortController().signal)
  const commits: Operation[][] = [
    [put('a', { name: 'a', group: 'g', amount: '7' }, 1), put('gone', {}, 1)],
    [put('b', { name: 'b', group: null, count: 3 }, 2), { op: 'delete', key: thingKey('gone') }],
    [put('c', { ...aThing('c', { count: 5 }), unknown: 'ž' }, 3)],
  ]
  for (const [index, operations] of commits.entries()) {
    const attribution = { who: 'golden', what: 'thing.write', why: `commit ${index + 1}` }
    await store.commit({ operations, expectations: [], attribution, at: index, epoch })
  }
  await store.close()
}

const version = process.env['STORE_GOLDEN']
if (version !== undefined) await makeGolden(join(golden, `${version}.db`))

for (const name of await readdir(golden)) {
  it(`reads and goes on with the store file ${name}`, async () => {
    const file = join(folder, name)
    await copyFile(join(golden, name), file)
    const store = await openSqliteStore({ file, clock: systemClock, log: silentLog })
    const leadership = await store.campaign(new AbortController().signal)
    expect(leadership.epoch).toBe(2)
    const clock = systemClock
    const observations = new ObservedState(clock)
    const kinds = [thingKind]
    const options = { store, kinds, clock, observations, log: silentLog, leadership }
    const state = await openState(options)
    const values = [...state.snapshot.list(thingKind)].map(({ value }) => value)
    expect(values.toSorted((x, y) => (x.name < y.name ? -1 : 1))).toEqual([
      aThing('a', { count: 7 }),
      aThing('b', { count: 3, group: null }),
      { ...aThing('c', { count: 5 }), unknown: 'ž' },
    ])
    const entries = await state.log({ limit: 10 })
    expect(entries.map(({ revision, why }) => `${revision} ${why}`)).toEqual([
      '1 commit 1',
      '2 commit 2',
      '3 commit 3',
    ])
    await state.close()
    await store.close()
  })
}
