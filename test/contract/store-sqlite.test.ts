import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { describePast } from './store-past.contract.ts'
import { describeStore, type StorePlace } from './store.contract.ts'

async function aPlace(): Promise<StorePlace> {
  const folder = await mkdtemp(join(tmpdir(), 'roadstead-store-'))
  const file = join(folder, 'state.db')
  return {
    open: (options) => openSqliteStore({ file, clock: systemClock, log: silentLog, ...options }),
    isDurable: true,
    remove: () => rm(folder, { recursive: true }),
  }
}

describeStore('sqlite', aPlace)
describePast('sqlite', aPlace)
