/**
 * The store's file, as the worker thread sees it.
 *
 * A commit is durable once its line is appended to `commits`: one small write to the end of one
 * tree, so that an fsync carries as many commits as wait. `records` is the fold of that log, and
 * `bases` are what the fold was at some commits of the past: from them the log is replayed, and
 * up to the oldest of them it may be forgotten. All of it happens in transactions, so a death in
 * between loses nothing.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { LogEntry } from '../../parts/audit/model.ts'
import { basedEvery } from '../horizon.ts'
import type { LogRange } from '../log-query.ts'
import type { HistoryPage, HistoryQuery, Horizon, Moment, Revision } from '../port.ts'
import { Bases } from './bases.ts'
import { CommitLog } from './commit-log.ts'
import { inTransaction, openDatabase } from './database.ts'
import { Fold } from './fold.ts'
import type { JournalRow } from './journal.ts'
import type { RecordRow, WorkerSettings } from './messages.ts'
import { Meta } from './meta.ts'
import { PastReader } from './past-reader.ts'
import { copyStore } from './store-copy.ts'
import { isFull } from './store-file-error.ts'

/** Commits that may wait to be folded: 8,192 are replayed in some 20 ms at the next start. */
const unfoldedMax = 8_192
/** Shares of the horizon's time and bytes after which the next base is due. */
const basesInTime = 30
const basesInBytes = 8

/** An open store file; every method is synchronous and throws StoreFileError. */
export class StoreFile {
  readonly #database: DatabaseSync
  readonly #horizon: Horizon
  readonly #basedEvery: number
  readonly #meta: Meta
  readonly #log: CommitLog
  readonly #fold: Fold
  readonly #bases: Bases
  readonly #past: PastReader
  /** Housekeeping under way, a slice after each batch of commits. */
  #maintenance: Generator<void> | undefined
  /** An epoch that a full disk did not take yet; it goes with the next commits. */
  #unwrittenEpoch: number | undefined
  #floor: Revision
  #isFloorWritten = true
  /** Bytes of the log when the newest base was made. */
  #bytesAtBase: number

  constructor({ file, horizon, bytesMax }: WorkerSettings) {
    this.#horizon = horizon
    this.#basedEvery = basedEvery(horizon)
    this.#database = openDatabase(file, bytesMax)
    this.#meta = new Meta(this.#database)
    this.#log = new CommitLog(this.#database, this.#meta.get('folded'))
    this.#fold = new Fold(this.#database, this.#log, this.#meta)
    this.#bases = new Bases(this.#database)
    this.#past = new PastReader(this.#log, this.#bases)
    this.#floor = this.#meta.get('keep')
    this.#bytesAtBase = this.#log.bytes
  }

  /** The newest durable commit. */
  get revision(): Revision {
    return this.#log.newest.revision
  }

  get epoch(): number {
    return this.#meta.get('epoch')
  }

  /**
   * Notes the epoch of a leadership. On a full disk it is written with its first commits instead:
   * leadership must survive a full store, and an epoch without commits may be given again.
   */
  setEpoch(epoch: number): void {
    try {
      inTransaction(this.#database, () => this.#meta.set('epoch', epoch))
    } catch (error) {
      if (!isFull(error)) throw error
      this.#unwrittenEpoch = epoch
    }
  }

  /** Commits from here on are kept; it is written with the next ones, and only ever too low. */
  keepFrom(revision: Revision): void {
    if (revision === this.#floor) return
    this.#floor = revision
    this.#isFloorWritten = false
  }

  /** Makes rows durable, all or none; they follow on each other and on what is there. */
  append(rows: readonly JournalRow[]): void {
    const epoch = this.#unwrittenEpoch
    inTransaction(this.#database, () => {
      if (epoch !== undefined) this.#meta.set('epoch', epoch)
      if (!this.#isFloorWritten) this.#meta.set('keep', this.#floor)
      this.#log.append(rows)
    })
    this.#unwrittenEpoch = undefined
    this.#isFloorWritten = true
    this.#log.appended(rows)
  }

  /** Folds, makes a base and forgets, a slice of it, where there is enough to be worth while. */
  maintain(): void {
    // What a reader of the past goes through stays as it is until it has ended.
    if (this.#past.isBeingRead) return
    if (this.#maintenance === undefined && this.#isMaintenanceDue()) {
      this.#maintenance = this.#maintainInSlices()
    }
    try {
      if (this.#maintenance?.next().done === true) this.#maintenance = undefined
    } catch (error) {
      // Whatever was written of it is written again the next time.
      this.#maintenance = undefined
      throw error
    }
  }

  /** Every record, in pages, at the newest revision. */
  load(pageLength: number): Generator<readonly RecordRow[]> {
    this.#maintenance = undefined
    return this.#fold.load(pageLength)
  }

  /** Entries of the log, a slice at a time; an empty slice only means: not yet. */
  log(range: LogRange): Generator<readonly LogEntry[]> {
    return this.#log.entries(range)
  }

  /** Rows that hold the commits after `after`; `compacted` when some of them are forgotten. */
  changes(after: Revision): string[] {
    return this.#log.changes(after)
  }

  /** Every record behind a commit, a slice at a time. */
  recordsAt(revision: Revision): Generator<readonly RecordRow[]> {
    return this.#past.recordsAt(revision)
  }

  momentAt(at: number): Moment {
    return this.#past.momentAt(at)
  }

  history(query: HistoryQuery): Generator<void, HistoryPage> {
    return this.#past.history(query)
  }

  /** Writes the store as it is at this commit into a new file, a slice at a time. */
  copy(file: string): Generator<void, Moment> {
    const { newest } = this.#log
    return this.#past.whileReading(() =>
      copyStore(this.#log, this.#bases, this.#meta, file, newest),
    )
  }

  close(): void {
    this.#database.close()
  }

  #isMaintenanceDue(): boolean {
    return (
      this.revision - this.#fold.folded >= unfoldedMax ||
      this.#isBaseDue() ||
      this.#forgettable() !== undefined
    )
  }

  #isBaseDue(): boolean {
    const { revision, at } = this.#log.newest
    const last = this.#bases.all.at(-1)
    // A log that begins with the first commit begins on nothing, which needs no base.
    if (last === undefined && this.#log.oldest > 1) return true
    return (
      revision - (last?.revision ?? 0) >= this.#basedEvery ||
      at - (last?.at ?? this.#log.beganAt ?? at) >= this.#horizon.ms / basesInTime ||
      this.#log.bytes - this.#bytesAtBase >= this.#horizon.bytes / basesInBytes
    )
  }

  *#maintainInSlices(): Generator<void> {
    const { revision, at } = this.#log.newest
    yield* this.#fold.bringUpTo(revision)
    if (this.#isBaseDue()) {
      yield* this.#bases.write({ revision, at: this.#log.timeOf(revision) ?? at })
      this.#bytesAtBase = this.#log.bytes
    }
    const base = this.#forgettable()
    if (base === undefined) return
    yield* this.#bases.removeBefore(base.revision)
    const before = this.#log.bytes
    for (let isDone = false; !isDone; yield) isDone = this.#forget(base.revision)
    this.#bytesAtBase -= before - this.#log.bytes
  }

  #forget(dead: Revision): boolean {
    let isDone = false
    inTransaction(this.#database, () => {
      isDone = this.#log.forget(dead).isDone
    })
    return isDone
  }

  /** The newest base up to which the log may be forgotten, where there is something to forget. */
  #forgettable(): Moment | undefined {
    if (this.#bases.all.length === 0) return undefined
    const { commits, ms, bytes } = this.#horizon
    const { newest, oldest } = this.#log
    const within = this.#bases.all.filter(
      ({ revision }) => revision >= oldest && (this.#floor === 0 || revision < this.#floor),
    )
    const isOver = this.#log.bytes + this.#bases.bytes > bytes
    return within.findLast(
      ({ revision, at }, index) =>
        newest.revision - revision >= commits ||
        newest.at - at >= ms ||
        // One at a time, until there is room.
        (isOver && index === 0),
    )
  }
}
