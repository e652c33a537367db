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
import { horizonDefault, type Commit, type CommittedChange, type Leadership } from '../port.ts'
import type { HistoryPage, HistoryQuery, Horizon, Moment } from '../port.ts'
import type { LogQuery, Revision, Store, StoredRecord } from '../port.ts'
import { MemoryPast } from './memory-past.ts'

export interface MemoryStoreOptions {
  /** What is kept of the past; its bytes are not counted. `horizonDefault` by default. */
  readonly horizon?: Partial<Horizon>
}

/** Commits that the feed holds for readers that keep up; the others read the log. */
const feedWindow = 1_024

/** Opens an empty store in memory. */
export function openMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore({ ...horizonDefault, ...options.horizon })
}

class MemoryStore implements Store {
  readonly #records = new Map<Key, StoredRecord>()
  readonly #order = new CommitOrder(0, 0)
  readonly #past: MemoryPast
  readonly #feed: ChangeFeed
  #leadership: AbortController | undefined
  #isClosed = false

  constructor(horizon: Horizon) {
    this.#past = new MemoryPast(horizon)
    const window = Math.min(feedWindow, horizon.commits)
    this.#feed = new ChangeFeed(0, window, async (after) => this.#readOlder(after))
  }

  async load(): Promise<{ records: readonly StoredRecord[]; revision: Revision }> {
    this.#checkOpen()
    return { records: [...this.#records.values()], revision: this.#order.revision }
  }

  async commit(commit: Commit): Promise<Revision> {
    this.#checkOpen()
    const { revision, before } = this.#order.accept(commit)
    const createdOf = (index: number): Revision => before[index]?.createdRevision ?? revision
    for (const [index, operation] of commit.operations.entries()) {
      const { key } = operation
      if (operation.op === 'delete') this.#records.delete(key)
      else {
        const { value, schema } = operation
        const createdRevision = createdOf(index)
        this.#records.set(key, { key, value, schema, revision, createdRevision })
      }
    }
    this.#past.append(revision, commit, createdOf)
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
    const { log } = this.#past
    const entries: LogEntry[] = []
    for (let index = 0; index < log.length && entries.length < range.limit; index++) {
      const change = log.at(range.newestFirst ? -1 - index : index)
      if (change === undefined) continue
      const entry = logEntryOf(change)
      if (isInRange(range, entry)) entries.push(entry)
    }
    return entries
  }

  async recordsAt(revision: Revision): Promise<readonly StoredRecord[]> {
    this.#checkOpen()
    return this.#past.recordsAt(revision)
  }

  async momentAt(at: number): Promise<Moment> {
    this.#checkOpen()
    return this.#past.momentAt(at)
  }

  async history(query: HistoryQuery): Promise<HistoryPage> {
    this.#checkOpen()
    return this.#past.history(query)
  }

  keepFrom(revision: Revision): void {
    this.#past.keepFrom(revision)
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

  #readOlder(after: Revision): readonly CommittedChange[] {
    const { first, log } = this.#past
    if (after < first - 1) throw compactedRefusal(after, first)
    return log.slice(after - first + 1).map((commit) => ({
      ...commit,
      operations: commit.operations.map((operation) => {
        if (operation.op === 'delete') return operation
        const { op, key, value, schema } = operation
        return { op, key, value, schema }
      }),
    }))
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Fault('store-closed', 'the store is closed', { retry: 'never' })
  }
}
