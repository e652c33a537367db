/**
 * Commits as fast as it can until it is killed: eight writers, each counting up a record of its
 * own. An acknowledged commit is told on standard output as `writer count revision`.
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { ObservedState } from '../../src/store/observed.ts'
import type { Write } from '../../src/store/port.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { openState } from '../../src/store/state.ts'
import { thingKey, thingKind } from '../../src/store/thing.fixture.ts'

const [file = '', kept = '0'] = process.argv.slice(2)
const clock = systemClock
const log = silentLog
const store = await openSqliteStore({ file, clock, log, commitsKept: Number(kept) })
const leadership = await store.campaign(new AbortController().signal)
const observations = new ObservedState(clock)
const state = await openState({ store, kinds: [thingKind], clock, observations, log, leadership })

async function count(name: string): Promise<never> {
  const { schema, key } = { schema: thingKind.version, key: thingKey(name) }
  for (;;) {
    const entry = state.snapshot.get(thingKind, key)
    const counted = (entry?.value.count ?? 0) + 1
    const value = { name, group: null, count: counted, state: 'new', padding: 'x'.repeat(200) }
    const write: Write = { op: 'put', key, value, schema, expect: entry?.revision ?? 'absent' }
    const attribution = { who: name, what: 'thing.count', why: `to ${counted}` }
    const revision = await state.commit({ writes: [write], attribution })
    writeSync(1, `${name} ${counted} ${revision}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, (_, writer) => count(`w${writer}`)))
