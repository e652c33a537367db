/**
 * The store of one machine: a SQLite file in a worker thread.
 *
 * Commits are checked and ordered here, in the thread that submits them, against all that were
 * submitted before; the worker only writes. So many may be under way at once, and they become
 * durable in their order. If one cannot be written, neither can those behind it: all are refused
 * and taken back, newest first.
 */
import type { Bounds } from '../../base/bounds.ts'
import type { Clock } from '../../base/clock.ts'
import { Fault, messageOf, Refusal } from '../../base/errors.ts'
import type { Key } from '../../base/key.ts'
import type { Log } from '../../base/log.ts'
import type { LogEntry } from '../../parts/audit/model.ts'
import { ChangeFeed } from '../change-feed.ts'
import { CommitOrder, type Accepted } from '../commit-order.ts'
import { notYet } from '../horizon.ts'
import { compactedRefusal, logRangeOf } from '../log-query.ts'
import {
  commitCharsMax,
  horizonDefault,
  pendingCommitsMax,
  type Commit,
  type CommittedChange,
  type HistoryPage,
  type HistoryQuery,
  type Horizon,
  type Leadership,
  type LogQuery,
  type Moment,
  type Revision,
  type Store,
  type StoredRecord,
} from '../port.ts'
import { changeOf, parseLines, printLine } from './journal.ts'
import type { Failure, RecordRow } from './messages.ts'
import { defaultWorkerUrl, errorOf, WorkerLink, type WorkerListener } from './worker-link.ts'

export interface SqliteStoreOptions {
  /** Path of the store's file; its folder exists. SQLite puts a `-wal` file beside it. */
  readonly file: string
  readonly clock: Clock
  readonly log: Log
  /** Where the worker's code lies; beside this module by default. */
  readonly workerUrl?: URL
  /** What is kept of the past; `horizonDefault` by default. */
  readonly horizon?: Partial<Horizon>
  /** Bytes of the file at the most; beyond it commits fail with `store-full`. */
  readonly bytesMax?: number
  /** Where it tells how full it is. */
  readonly bounds?: Bounds
}

/** 8 GiB: 100,000 commits of 64 KiB and the records; a store beyond it is out of hand. */
const bytesMaxDefault = 8 * 1024 ** 3
/** Commits that the feed holds in memory; readers further behind are served from the file. */
const feedWindow = 1_024
/** Commits sent to the worker without waiting for the end of the turn: it starts earlier. */
const sentAtOnce = 16
/** A commit that takes longer than this, in ms, is told to the log: the disk is in trouble. */
const slowCommitMs = 1_000

/**
 * Opens a store's file, or creates it. Refuses with `store-newer`, `store-in-use` (another process
 * has it open); Fault `store-corrupt` for a damaged or foreign file, which is left untouched.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<FileStore> {
  const settings = {
    file: options.file,
    horizon: { ...horizonDefault, ...options.horizon },
    bytesMax: options.bytesMax ?? bytesMaxDefault,
  }
  const worker = await WorkerLink.open(options.workerUrl ?? defaultWorkerUrl, settings)
  const store = new SqliteStore(worker, options)
  worker.listen(store)
  try {
    await worker.ask({ of: 'load' }, (rows) => store.restore(rows))
    return store
  } catch (error) {
    await worker.close()
    throw error
  }
}

/** A store with a file, of which it can make a copy while it works. */
export interface FileStore extends Store {
  /**
   * Writes all that it holds, the past too, into a new file, as it is at one commit. Fault
   * `store-full` where that does not fit on the disk; nothing is left of it then.
   */
  copyTo(file: string): Promise<Moment>
}

/** A commit on its way to the disk. */
interface Pending {
  readonly commit: Commit
  readonly accepted: Accepted
  readonly submittedAt: number
  readonly resolve: (revision: Revision) => void
  readonly reject: (error: unknown) => void
}

class SqliteStore implements FileStore, WorkerListener {
  readonly #clock: Clock
  readonly #log: Log
  readonly #worker: WorkerLink
  readonly #order: CommitOrder
  readonly #feed: ChangeFeed
  /** The newest commit that is on the disk. */
  #durable: Revision
  /** Submitted and not durable yet, oldest first. */
  #pending: Pending[] = []
  /** Lines not yet sent to the worker, and the revision of the first. */
  #unsent = ''
  #unsentFrom: Revision = 0
  #unsentCount = 0
  /** Refused since too many were waiting. */
  #refused = 0
  #leadership: AbortController | undefined
  /** Why nothing is taken any more. */
  #end: (Error & { readonly code: string }) | undefined

  constructor(worker: WorkerLink, options: SqliteStoreOptions) {
    this.#worker = worker
    this.#clock = options.clock
    this.#log = options.log
    this.#durable = worker.revision
    options.bounds?.add({
      name: 'store.commits-waiting',
      says: 'commits that wait to be durable; beyond it a write is refused with 503',
      unit: 'items',
      overflow: 'refuses',
      limit: pendingCommitsMax,
      used: () => this.#pending.length,
      lost: () => this.#refused,
    })
    this.#order = new CommitOrder(worker.revision, worker.epoch)
    const window = Math.min(feedWindow, options.horizon?.commits ?? feedWindow)
    this.#feed = new ChangeFeed(worker.revision, window, (after) => this.#readOlder(after))
  }

  /** Takes note of the records that the file holds. */
  restore(rows: readonly RecordRow[]): void {
    for (const [key, , , revision, createdRevision] of rows) {
      this.#order.restore(key as Key, { revision, createdRevision })
    }
  }

  async load(): Promise<{ records: readonly StoredRecord[]; revision: Revision }> {
    this.#checkOpen()
    const records: StoredRecord[] = []
    const revision = await this.#worker.ask({ of: 'load' }, (rows) => {
      for (const row of rows) records.push(storedRecordOf(row))
    })
    return { records, revision }
  }

  commit(commit: Commit): Promise<Revision> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      if (this.#pending.length >= pendingCommitsMax) {
        this.#refused++
        throw new Fault('store-busy', `${pendingCommitsMax} commits wait for the disk already`)
      }
      const accepted = this.#order.accept(commit)
      try {
        this.#write(commit, accepted)
      } catch (error) {
        this.#order.takeBack(commit, accepted)
        throw error
      }
      const submittedAt = this.#clock.monotonic()
      this.#pending.push({ commit, accepted, submittedAt, resolve, reject })
    })
  }

  changes(after: Revision, signal: AbortSignal): AsyncIterable<CommittedChange> {
    return this.#feed.read(after, signal)
  }

  async log(query: LogQuery): Promise<readonly LogEntry[]> {
    this.#checkOpen()
    return this.#worker.ask({ of: 'log', range: logRangeOf(query) })
  }

  async recordsAt(revision: Revision): Promise<readonly StoredRecord[]> {
    this.#checkOpen()
    if (revision > this.#durable) throw notYet(revision, this.#durable)
    const records: StoredRecord[] = []
    await this.#worker.ask({ of: 'records-at', revision }, (rows) => {
      for (const row of rows) records.push(storedRecordOf(row))
    })
    return records
  }

  async momentAt(at: number): Promise<Moment> {
    this.#checkOpen()
    return this.#worker.ask({ of: 'moment-at', at })
  }

  async history(query: HistoryQuery): Promise<HistoryPage> {
    this.#checkOpen()
    return this.#worker.ask({ of: 'history', query })
  }

  keepFrom(revision: Revision): void {
    if (this.#end === undefined) this.#worker.send({ of: 'keep-from', revision })
  }

  async copyTo(file: string): Promise<Moment> {
    this.#checkOpen()
    return this.#worker.ask({ of: 'copy', file })
  }

  async campaign(signal: AbortSignal): Promise<Leadership> {
    this.#checkOpen()
    signal.throwIfAborted()
    const epoch = this.#order.epoch + 1
    this.#order.lead(epoch)
    this.#leadership?.abort(new Fault('leadership-lost', 'another leadership has begun'))
    const leadership = new AbortController()
    this.#leadership = leadership
    // On the disk before anybody commits under it: no epoch is ever given twice.
    await this.#worker.ask({ of: 'epoch', epoch })
    return {
      epoch,
      lost: leadership.signal,
      resign: async () => {
        this.#order.resign(epoch)
        leadership.abort(new Fault('leadership-lost', 'the leadership was resigned'))
      },
    }
  }

  /** Waits for the commits under way, then closes the file. */
  async close(): Promise<void> {
    if (this.#end?.code === 'store-closed') return
    this.#flush()
    this.#end = new Fault('store-closed', 'the store is closed', { retry: 'never' })
    // Answered in the order of the questions: what was sent before is durable by then.
    await this.#worker.close().catch((error: unknown) => {
      this.#log.warn('store closed badly', { error: messageOf(error) })
    })
    this.#leadership?.abort(this.#end)
    this.#feed.end()
  }

  onDurable(revision: Revision): void {
    this.#durable = revision
    const oldest = this.#pending[0]
    if (oldest === undefined) return
    const durable = this.#pending.splice(0, revision - oldest.accepted.revision + 1)
    for (const { commit, accepted } of durable) {
      const { at, attribution, operations } = commit
      this.#feed.append({ revision: accepted.revision, at, attribution, operations })
    }
    for (const { accepted, resolve } of durable) resolve(accepted.revision)
    this.#warnIfSlow(oldest, durable.length)
  }

  onUnwritten(first: Revision, failure: Failure): void {
    // An answer to a row that was given up already together with an earlier one.
    if (this.#pending[0]?.accepted.revision !== first) return
    if (failure.code === 'store-full') {
      this.#log.error('store full', { error: failure.message, commits: this.#pending.length })
      this.#giveUpPending(errorOf(failure))
    } else this.onDeath(failure)
  }

  onMaintenancePutOff(failure: Failure): void {
    this.#log.warn('store maintenance put off', { error: failure.message })
    if (failure.code !== 'store-full') this.onDeath(failure)
  }

  onDeath(failure: Failure): void {
    const error = errorOf({ ...failure, code: 'store-failed' })
    this.#giveUpPending(error)
    if (this.#end !== undefined) return
    this.#log.error('store failed', { error: failure.message })
    this.#end = error
    this.#leadership?.abort(error)
    this.#feed.end(error)
  }

  #checkOpen(): void {
    if (this.#end !== undefined) throw this.#end
  }

  #write(commit: Commit, { revision, before }: Accepted): void {
    const line = printLine(revision, commit, (index) => before[index]?.createdRevision ?? revision)
    if (line.length > commitCharsMax) {
      throw new Refusal('commit-too-large', `a commit of ${line.length} characters is too large`, {
        status: 413,
        hint: `the most is ${commitCharsMax}: split it`,
        details: { length: line.length, commitCharsMax },
      })
    }
    if (this.#unsentCount === 0) {
      this.#unsentFrom = revision
      // Runs when this turn's promises have settled: commits made side by side go together.
      process.nextTick(() => this.#flush())
    }
    this.#unsent += line
    this.#unsentCount++
    if (this.#unsentCount >= sentAtOnce) this.#flush()
  }

  #flush(): void {
    if (this.#unsentCount === 0) return
    const first = this.#unsentFrom
    const last = first + this.#unsentCount - 1
    this.#worker.send({ of: 'append', row: { first, last, lines: this.#unsent } })
    this.#unsent = ''
    this.#unsentCount = 0
  }

  #giveUpPending(error: Error): void {
    const given = this.#pending
    this.#pending = []
    this.#unsent = ''
    this.#unsentCount = 0
    for (const { commit, accepted } of given.toReversed()) this.#order.takeBack(commit, accepted)
    for (const { reject } of given) reject(error)
  }

  async #readOlder(after: Revision): Promise<readonly CommittedChange[]> {
    this.#checkOpen()
    try {
      const rows = await this.#worker.ask({ of: 'changes', after })
      const changes = rows.flatMap((lines) => parseLines(lines).map(changeOf))
      return changes.filter((change) => change.revision > after)
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'compacted') throw error
      throw compactedRefusal(after, Number(error.details?.['oldest']))
    }
  }

  #warnIfSlow(oldest: Pending, commits: number): void {
    const tookMs = this.#clock.monotonic() - oldest.submittedAt
    if (tookMs > slowCommitMs) this.#log.warn('slow commit', { tookMs, commits })
  }
}

function storedRecordOf([key, json, schema, revision, createdRevision]: RecordRow): StoredRecord {
  return { key: key as Key, value: valueOf(json), schema, revision, createdRevision }
}

/** A text that is no JSON any more stands for itself: no schema takes it, so it is parked. */
function valueOf(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}
