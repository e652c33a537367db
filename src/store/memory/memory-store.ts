/**
 * A store without a disk, for tests and simulation: no socket, no thread, no clock. A commit is
 * "durable" as soon as it is accepted, and becomes known in a later microtask, as with a real one.
 */
import { Fault } from '../../base/errors.ts'
import type { Key } from '../../base/key.ts'
import type { LogEntry } from '../../parts/audit/model.ts'
import { ChangeFeed } from '../change-feed.ts'
import { CommitOrder } from '../commit-order.ts'
import { compactedRefusal, isInRange, logEntryOf, logRangeOf } from '../log-query.ts'
import { commitsKept, type Commit, type CommittedChange, type Leadership } from '../port.ts'
import type { LogQuery, Revision, Store, StoredRecord } from '../port.ts'

export interface MemoryStoreOptions {
  /** Commits kept for the log and the feed; `commitsKept` by default. */
  readonly commitsKept?: number
}

/** Opens an empty store in memory. */
export function openMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options.commitsKept ?? commitsKept)
}

class MemoryStore implements Store {
  readonly #records = new Map<Key, StoredRecord>()
  readonly #order = new CommitOrder(0, 0)
  readonly #feed: ChangeFeed
  #leadership: AbortController | undefined
  #isClosed = false

  constructor(kept: number) {
    this.#feed = new ChangeFeed(0, kept, (after) => {
      throw compactedRefusal(after, this.#feed.first)
    })
  }

  async load(): Promise<{ records: readonly StoredRecord[]; revision: Revision }> {
    this.#checkOpen()
    return { records: [...this.#records.values()], revision: this.#order.revision }
  }

  async commit(commit: Commit): Promise<Revision> {
    this.#checkOpen()
    const { revision } = this.#order.accept(commit)
    for (const operation of commit.operations) {
      const { key } = operation
      if (operation.op === 'delete') this.#records.delete(key)
      else {
        const createdRevision = this.#records.get(key)?.createdRevision ?? revision
        const { value, schema } = operation
        this.#records.set(key, { key, value, schema, revision, createdRevision })
      }
    }
    const { at, attribution, operations } = commit
    this.#feed.append({ revision, at, attribution, operations })
    return revision
  }

  changes(after: Revision, signal: AbortSignal): AsyncIterable<CommittedChange> {
    return this.#feed.read(after, signal)
  }

  async log(query: LogQuery): Promise<readonly LogEntry[]> {
    this.#checkOpen()
    const range = logRangeOf(query)
    const kept = this.#feed.window
    const entries: LogEntry[] = []
    for (let index = 0; index < kept.length && entries.length < range.limit; index++) {
      const change = kept.at(range.newestFirst ? -1 - index : index)
      if (change === undefined) continue
      const entry = logEntryOf(change)
      if (isInRange(range, entry)) entries.push(entry)
    }
    return entries
  }

  async campaign(signal: AbortSignal): Promise<Leadership> {
    this.#checkOpen()
    signal.throwIfAborted()
    const leadership = new AbortController()
    this.#leadership?.abort(new Fault('leadership-lost', 'another leadership has begun'))
    this.#leadership = leadership
    const epoch = this.#order.epoch + 1
    this.#order.lead(epoch)
    return {
      epoch,
      lost: leadership.signal,
      resign: async () => {
        this.#order.resign(epoch)
        leadership.abort(new Fault('leadership-lost', 'the leadership was resigned'))
      },
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#leadership?.abort(new Fault('store-closed', 'the store is closed', { retry: 'never' }))
    this.#feed.end()
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Fault('store-closed', 'the store is closed', { retry: 'never' })
  }
}
