import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { describePast } from './store-past.contract.ts'
import { aCommit, describeStore, put, type StorePlace } from './store.contract.ts'

async function aPlace(): Promise<StorePlace> {
  const folder = await mkdtemp(join(tmpdir(), 'roadstead-store-'))
  const file = join(folder, 'state.db')
  return {
    open: (options) => openSqliteStore({ file, clock: systemClock, log: silentLog, ...options }),
    isDurable: true,
    remove: () => rm(folder, { recursive: true }),
  }
}

it('forgets what lies beyond the bytes that it may keep, and reads all that is left', async () => {
  const place = await aPlace()
  const bytes = 64 * 1024
  const store = await place.open({ horizon: { bytes } })
  try {
    const { epoch } = await store.campaign(new AbortController().signal)
    for (let n = 1; n <= 600; n++) {
      await store.commit(aCommit(epoch, [put(`r${n % 7}`, { n, text: 'x'.repeat(1_000) })]))
    }
    const log = await store.log({ limit: 1_000 })
    // A base is made, and one is forgotten, an eighth at a time.
    expect(JSON.stringify(log).length + log.length * 1_000).toBeLessThan(bytes * 1.5)
    for (const { revision } of log) expect(await store.recordsAt(revision)).toHaveLength(7)
    await expect(store.recordsAt(10)).rejects.toMatchObject({ code: 'beyond-horizon' })
  } finally {
    await store.close()
    await place.remove()
  }
})

describeStore('sqlite', aPlace)
describePast('sqlite', aPlace)
