/**
 * A store file of each release is kept here and opened by every later version: what an operator has
 * on the disk is read for ever. A new format adds a file (made by `makeGolden`), and changes none.
 */
import { copyFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { recordKinds } from '../../src/cli/server-parts.ts'
import { appKind, releasesOf } from '../../src/parts/apps/records.ts'
import { ObservedState } from '../../src/store/observed.ts'
import { replace, type Operation } from '../../src/store/port.ts'
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

/**
 * Writes what every golden file of things holds: `STORE_GOLDEN=0.2.0 vitest run …/store-golden`
 * keeps it; `scripts/keep-golden-store.ts` keeps one of a real cloud.
 */
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

const files = await readdir(golden)

for (const name of files.filter((file) => file.endsWith('-cloud.db'))) {
  it(`believes every record of the real cloud ${name}, and goes on with it`, async () => {
    const file = join(folder, name)
    await copyFile(join(golden, name), file)
    const store = await openSqliteStore({ file, clock: systemClock, log: silentLog })
    const leadership = await store.campaign(new AbortController().signal)
    const clock = systemClock
    const kinds = recordKinds
    const observations = new ObservedState(clock)
    const options = { store, kinds, clock, observations, log: silentLog, leadership }
    const state = await openState(options)
    expect([...state.parked()]).toEqual([])
    const apps = [...state.snapshot.list(appKind)]
    expect(apps.map(({ value }) => value.at.app)).toEqual(['hello'])
    const [app] = apps
    expect(releasesOf(state.snapshot, app!.value.at).length).toBeGreaterThanOrEqual(2)
    const writes = [replace(appKind, app!, { ...app!.value, scale: { web: 3 } })]
    await state.commit({ writes, attribution: { who: 'a', what: 'app.scale', why: 'to go on' } })
    const { changes } = await state.past.history({ keyPrefixes: [app!.key], limit: 100 })
    expect(changes.at(-1)?.before).toBeUndefined()
    expect(changes.length).toBeGreaterThan(3)
    await state.close()
    await store.close()
  })
}

it('keeps a copy of a store before it upgrades it, which the older version can open', async () => {
  const file = join(folder, 'state.db')
  await copyFile(join(golden, '0.1.0.db'), file)
  for (let start = 0; start < 2; start++) {
    const store = await openSqliteStore({ file, clock: systemClock, log: silentLog })
    const { epoch } = await store.campaign(new AbortController().signal)
    const operations = [put(`later-${start}`, {}, 3)]
    const attribution = { who: 'golden', what: 'thing.write', why: 'after the upgrade' }
    await store.commit({ operations, expectations: [], attribution, at: 9, epoch })
    await store.close()
  }
  expect((await readdir(folder)).toSorted()).toEqual(['state.db', 'state.db.before-0.2.0'])
  expect((await stat(join(folder, 'state.db.before-0.2.0'))).mode & 0o077).toBe(0)
  const versions = ['state.db', 'state.db.before-0.2.0'].map((name) => {
    const database = new DatabaseSync(join(folder, name))
    const { user_version: format } = database.prepare('PRAGMA user_version').get()!
    const { application_id: id } = database.prepare('PRAGMA application_id').get()!
    const commits = database.prepare('SELECT max(last) AS last FROM commits').get()!
    database.close()
    return { format, id, last: commits['last'] }
  })
  const id = 0x52_44_53_54
  expect(versions).toEqual([
    { format: 2, id, last: 5 },
    { format: 1, id, last: 3 },
  ])
})

it('writes a copy of itself while commits go on, with all of the past in it', async () => {
  const file = join(folder, 'state.db')
  const horizon = { commits: 400 }
  const options = { clock: systemClock, log: silentLog, horizon }
  const store = await openSqliteStore({ file, ...options })
  const { epoch } = await store.campaign(new AbortController().signal)
  const attribution = { who: 'golden', what: 'thing.write', why: 'to be copied' }
  const commit = (n: number) =>
    store.commit({
      operations: [put(`n${n % 300}`, { n }, 3)],
      expectations: [],
      attribution,
      at: n,
      epoch,
    })
  for (let n = 1; n <= 2_000; n += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, next) => commit(n + next)))
  }
  const target = join(folder, 'copy.db')
  const copying = store.copyTo(target)
  const later = Promise.all(Array.from({ length: 200 }, (_, n) => commit(2_001 + n)))
  const { revision } = await copying
  await later
  const expected = await store.recordsAt(revision)
  const log = await store.log({ limit: 10_000 })
  await store.close()
  const copy = await openSqliteStore({ file: target, ...options })
  const loaded = await copy.load()
  expect(loaded.revision).toBe(revision)
  const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1)
  expect(loaded.records.toSorted(byKey)).toEqual(expected.toSorted(byKey))
  expect(await copy.log({ limit: 10_000 })).toEqual(log.filter((e) => e.revision <= revision))
  expect((await copy.campaign(new AbortController().signal)).epoch).toBe(epoch + 1)
  await expect(copy.copyTo(file)).rejects.toMatchObject({ code: 'store-failed' })
  await copy.close()
})

for (const name of files.filter((file) => !file.endsWith('-cloud.db'))) {
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
