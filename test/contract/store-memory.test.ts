import { openMemoryStore } from '../../src/store/memory/memory-store.ts'
import { describePast } from './store-past.contract.ts'
import { describeStore, type StorePlace } from './store.contract.ts'

async function aPlace(): Promise<StorePlace> {
  return {
    open: async (options) => openMemoryStore(options),
    isDurable: false,
    remove: async () => {},
  }
}

describeStore('memory', aPlace)
describePast('memory', aPlace)
