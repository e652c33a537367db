/** The store's thread, which dies of its second write. */
import { StoreFile } from '../../src/store/sqlite/store-file.ts'

let appends = 0
const append = StoreFile.prototype.append
StoreFile.prototype.append = function dieOnce(rows) {
  appends++
  if (appends === 2) process.exit(7)
  append.call(this, rows)
}
await import('../../src/store/sqlite/sqlite-worker.ts')
