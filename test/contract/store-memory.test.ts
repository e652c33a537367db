import { openMemoryStore } from '../../src/store/memory/memory-store.ts'
import { describeStore } from './store.contract.ts'

describeStore('memory', async () => ({
  open: async (options) => openMemoryStore(options),
  isDurable: false,
  remove: async () => {},
}))
