/** The store's thread on a disk whose second fsync fails, once. */
import { StoreFile } from '../../src/store/sqlite/store-file.ts'

let appends = 0
const append = StoreFile.prototype.append
StoreFile.prototype.append = function failOnce(rows) {
  appends++
  if (appends === 2) throw Object.assign(new Error('disk I/O error'), { errcode: 1034 })
  append.call(this, rows)
}
await import('../../src/store/sqlite/sqlite-worker.ts')
