/**
 * Durable commits per second in process, through `State.commit`: schema checked, state table
 * checked, expectation checked, logged with who, what and why, fed back, indexed.
 *
 * The peers are the barest thing that node:sqlite can do with the same record on the same disk:
 * an upsert into a table of keys and values, with neither log nor checks nor thread.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import Type, { type Static } from 'typebox'
import { systemClock } from '../src/base/clock.ts'
import { keyOf, type Key } from '../src/base/key.ts'
import { silentLog } from '../src/base/log.ts'
import { checkTransition } from '../src/base/state-table.ts'
import { ObservedState } from '../src/store/observed.ts'
import type { Kind } from '../src/store/port.ts'
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts'
import { openState } from '../src/store/state.ts'
import { closedLoop } from './lib/closed-loop.ts'
import { runBench, type Contender, type Sample } from './lib/protocol.ts'

/** Records per writer: 64 writers share some thousand. */
const keysPerWriter = 16

const Counter = Type.Object({
  name: Type.String(),
  writer: Type.Integer(),
  state: Type.Enum(['new', 'used']),
  turn: Type.Integer(),
  /** Fills the record up to 256 bytes of JSON. */
  note: Type.String(),
})
type Counter = Static<typeof Counter>

const counterKind: Kind<Counter> = {
  name: 'counter',
  version: 1,
  schema: Counter,
  keyOf: (counter) => counterKey(counter.name),
  upgraders: {},
  indexes: { writer: (counter) => String(counter.writer) },
  checkChange: (before, after) =>
    checkTransition(
      { initial: 'new', transitions: [{ from: 'new', to: 'used', by: 'bench' }] },
      before?.state,
      after.state,
    ),
}

function counterKey(name: string): Key {
  return keyOf({ kind: 'counter', tenant: 'cz', environment: 'prod', app: 'shop', name })
}

function aCounter(name: string, writer: number, turn: number, state: Counter['state']): Counter {
  return { name, writer, state, turn, note: 'n'.repeat(180) }
}

async function inFolder(run: (file: string) => Promise<Sample>): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'roadstead-bench-'))
  try {
    return await run(join(folder, 'state.db'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Ours: the whole path. */
function roadstead(writers: number, operations: number): Contender {
  const run = async (file: string): Promise<Sample> => {
    const clock = systemClock
    const log = silentLog
    const store = await openSqliteStore({ file, clock, log })
    const leadership = await store.campaign(new AbortController().signal)
    const observations = new ObservedState(clock)
    const kinds = [counterKind]
    const state = await openState({ store, kinds, clock, observations, log, leadership })
    const attribution = { who: 'bench', what: 'counter.count', why: 'to see how fast it is' }
    const sample = await closedLoop(writers, operations, (writer, turn) => {
      const name = `w${writer}-${turn % keysPerWriter}`
      const key = counterKey(name)
      const entry = state.snapshot.get(counterKind, key)
      const value = aCounter(name, writer, turn, entry === undefined ? 'new' : 'used')
      const expect = entry?.revision ?? 'absent'
      return state.commit({ writes: [{ op: 'put', key, value, schema: 1, expect }], attribution })
    })
    await state.close()
    await store.close()
    return sample
  }
  return { name: 'roadstead State.commit', run: () => inFolder(run) }
}

function openBare(file: string): {
  database: DatabaseSync
  put: (key: string, value: string) => void
} {
  const database = new DatabaseSync(file)
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL')
  database.exec('PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE records (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID')
  const statement = database.prepare(
    'INSERT INTO records VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  )
  return { database, put: (key, value) => statement.run(key, value) }
}

function bareRecord(writer: number, turn: number): { key: string; value: string } {
  const name = `w${writer}-${turn % keysPerWriter}`
  return { key: counterKey(name), value: JSON.stringify(aCounter(name, writer, turn, 'used')) }
}

/** Peer: a transaction of its own for each write. */
function bareSingle(writers: number, operations: number): Contender {
  const run = async (file: string): Promise<Sample> => {
    const { database, put } = openBare(file)
    const sample = await closedLoop(writers, operations, async (writer, turn) => {
      const { key, value } = bareRecord(writer, turn)
      put(key, value)
    })
    database.close()
    return sample
  }
  return { name: 'bare node:sqlite, one transaction each', run: () => inFolder(run) }
}

/** Peer: all writes of one turn of the loop in one transaction. */
function bareGrouped(writers: number, operations: number): Contender {
  const run = async (file: string): Promise<Sample> => {
    const { database, put } = openBare(file)
    let waiting: { key: string; value: string; resolve: () => void }[] = []
    const flush = (): void => {
      const group = waiting
      waiting = []
      database.exec('BEGIN')
      for (const { key, value } of group) put(key, value)
      database.exec('COMMIT')
      for (const { resolve } of group) resolve()
    }
    const sample = await closedLoop(writers, operations, (writer, turn) => {
      const { key, value } = bareRecord(writer, turn)
      return new Promise<void>((resolve) => {
        if (waiting.push({ key, value, resolve }) === 1) setImmediate(flush)
      })
    })
    database.close()
    return sample
  }
  return { name: 'bare node:sqlite, group commit', run: () => inFolder(run) }
}

await runBench('store', [
  {
    title: 'durable commits of 256 B, 64 writers',
    ours: roadstead(64, 100_000),
    peers: [bareGrouped(64, 100_000), bareSingle(64, 10_000)],
  },
  {
    title: 'durable commits of 256 B, 1 writer',
    ours: roadstead(1, 5_000),
    peers: [bareGrouped(1, 5_000), bareSingle(1, 5_000)],
  },
])
