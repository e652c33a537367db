/**
 * Commits as fast as it can until it is killed: eight writers, each counting up a record of its
 * own. An acknowledged commit is noted as `writer count revision` in a file, which the kernel keeps
 * through the kill (a pipe fills up, and refuses, when its reader is slow). Standard output tells
 * the first.
 */
import { openSync, writeSync } from 'node:fs'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { ObservedState } from '../../src/store/observed.ts'
import type { Write } from '../../src/store/port.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { openState } from '../../src/store/state.ts'
import { thingKey, thingKind } from '../../src/store/thing.fixture.ts'

const [file = '', kept = '0', notes = ''] = process.argv.slice(2)
const noted = openSync(notes, 'a')
const clock = systemClock
const log = silentLog
const store = await openSqliteStore({ file, clock, log, horizon: { commits: Number(kept) } })
const leadership = await store.campaign(new AbortController().signal)
const observations = new ObservedState(clock)
const state = await openState({ store, kinds: [thingKind], clock, observations, log, leadership })

let hasBegun = false

async function count(name: string): Promise<never> {
  const { schema, key } = { schema: thingKind.version, key: thingKey(name) }
  for (;;) {
    const entry = state.snapshot.get(thingKind, key)
    const counted = (entry?.value.count ?? 0) + 1
    const value = { name, group: null, count: counted, state: 'new', padding: 'x'.repeat(200) }
    const write: Write = { op: 'put', key, value, schema, expect: entry?.revision ?? 'absent' }
    const attribution = { who: name, what: 'thing.count', why: `to ${counted}` }
    const revision = await state.commit({ writes: [write], attribution })
    writeSync(noted, `${name} ${counted} ${revision}\n`)
    if (!hasBegun) writeSync(1, 'begun\n')
    hasBegun = true
  }
}

await Promise.all(Array.from({ length: 8 }, (_, writer) => count(`w${writer}`)))
