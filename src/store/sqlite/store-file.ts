/**
 * The store's file, as the worker thread sees it.
 *
 * A commit is durable once its line is appended to `commits`: one small write to the end of one
 * tree, so that an fsync carries as many commits as wait. `records` is the fold of that log up to
 * `folded`, brought up to date some thousand commits behind, when each record is written once
 * however often it changed. Both happen in transactions, so a death in between loses nothing.
 */
import { closeSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { messageOf } from '../../base/errors.ts'
import type { LogEntry } from '../../parts/audit/model.ts'
import { isInRange, type LogRange } from '../log-query.ts'
import type { Revision } from '../port.ts'
import { parseLines, type JournalLine, type JournalOperation, type JournalRow } from './journal.ts'
import type { Failure, RecordRow, WorkerSettings } from './messages.ts'

/** `RDST`, in SQLite's header: tells our files from other people's. */
const applicationId = 0x52_44_53_54
/** The layout of the tables below; a file of a higher one is refused. */
export const formatVersion = 1

const tables = `
  CREATE TABLE commits (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, lines TEXT NOT NULL);
  CREATE TABLE records (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, schema INTEGER NOT NULL,
    revision INTEGER NOT NULL, created INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO meta VALUES ('epoch', 0), ('folded', 0);
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${formatVersion};
`

/**
 * Held in EXCLUSIVE mode: no second server can open the file, a killed one leaves no lock behind,
 * and the index of the WAL lies in memory. The WAL is reused, never truncated (a growing file costs
 * twice the fsync); 16 MB of it between checkpoints make the fsync of the main file rare.
 */
const settings = `
  PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -8000; PRAGMA cache_spill = OFF;
`

/** Commits that may wait to be folded: 8,192 are replayed in some 20 ms at the next start. */
const unfoldedMax = 8_192
/** Commits read at a time to be folded: some 1 ms in which none is written. */
const foldedAtOnce = 256
/** Records written at a time by the fold, for the same reason. */
const writtenAtOnce = 256
/** Rows of the log forgotten at a time, for the same reason. */
const forgottenAtOnce = 256
/** Rows of the log read at a time, between which commits are written. */
const readAtOnce = 64
/** Commits told to the change feed at a time. */
const changesAtOnce = 512

/** Thrown in the worker; crosses to the other thread as data. */
export class StoreFileError extends Error {
  readonly failure: Failure

  constructor(failure: Failure, cause?: unknown) {
    super(failure.message, { cause })
    this.failure = failure
  }
}

/** What the newest commit of those being folded did to a record. */
interface FoldedChange {
  readonly operation: JournalOperation
  readonly revision: Revision
}
type Latest = Map<string, FoldedChange>

/** An open store file; every method is synchronous and throws StoreFileError. */
export class StoreFile {
  readonly #database: DatabaseSync
  readonly #commitsKept: number
  readonly #statements: Statements
  #revision: Revision
  #folded: Revision
  /** Housekeeping under way, a slice after each batch of commits. */
  #maintenance: Generator<void> | undefined
  /** An epoch that a full disk did not take yet; it goes with the next commits. */
  #unwrittenEpoch: number | undefined

  constructor({ file, commitsKept, bytesMax }: WorkerSettings) {
    this.#commitsKept = commitsKept
    this.#database = openDatabase(file, bytesMax)
    this.#statements = prepareAll(this.#database)
    this.#folded = this.#meta('folded')
    this.#revision = (this.#statements.newest.get()?.['last'] as Revision | null) ?? this.#folded
  }

  /** The newest durable commit. */
  get revision(): Revision {
    return this.#revision
  }

  get epoch(): number {
    return this.#meta('epoch')
  }

  /**
   * Notes the epoch of a leadership. On a full disk it is written with its first commits instead:
   * leadership must survive a full store, and an epoch without commits may be given again.
   */
  setEpoch(epoch: number): void {
    try {
      guard(() => this.#statements.setMeta.run(epoch, 'epoch'))
    } catch (error) {
      if (!isFull(error)) throw error
      this.#unwrittenEpoch = epoch
    }
  }

  /** Makes rows durable, all or none; they follow on each other and on what is there. */
  append(rows: readonly JournalRow[]): void {
    const epoch = this.#unwrittenEpoch
    this.#inTransaction(() => {
      if (epoch !== undefined) this.#statements.setMeta.run(epoch, 'epoch')
      for (const { first, last, lines } of rows) this.#statements.append.run(first, last, lines)
    })
    this.#unwrittenEpoch = undefined
    this.#revision = rows.at(-1)?.last ?? this.#revision
  }

  /** Folds and forgets a slice, where there is enough of it to be worth while. */
  maintain(): void {
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
  *load(pageLength: number): Generator<readonly RecordRow[]> {
    this.#maintenance = undefined
    const folded = this.#revision
    // The transaction reads its own fold even where the disk is too full to keep it.
    this.#database.exec('BEGIN')
    try {
      const latest: Latest = new Map()
      for (let read = this.#folded; read < folded;) read = this.#readToFold(latest, read)
      for (const change of latest.values()) this.#writeFolded(change)
      this.#statements.setMeta.run(folded, 'folded')
      let page: RecordRow[] = []
      for (const row of this.#statements.records.iterate()) {
        page.push(recordRowOf(row))
        if (page.length >= pageLength) {
          yield page
          page = []
        }
      }
      yield page
    } finally {
      if (this.#tryToCommit()) this.#folded = folded
    }
  }

  /** Entries of the log, a slice at a time; an empty slice only means: not yet. */
  *log(range: LogRange): Generator<readonly LogEntry[]> {
    const { newestFirst } = range
    let { after, before } = range
    for (;;) {
      const statement = newestFirst ? this.#statements.rowsBefore : this.#statements.rowsAfter
      const rows = statement.all(...(newestFirst ? [before] : [after, after])).map(journalRowOf)
      yield rows.flatMap((row) => entriesOf(row, range))
      const last = rows.at(-1)
      if (last === undefined || last.first >= before) return
      if (newestFirst) before = last.first
      else after = last.last
    }
  }

  /** Rows that hold the commits after `after`; `compacted` when some of them are forgotten. */
  changes(after: Revision): string[] {
    const oldest = this.#oldest()
    if (after < oldest - 1) {
      const message = `commits before revision ${oldest} are no longer kept`
      throw new StoreFileError({ code: 'compacted', message, oldest })
    }
    const found: string[] = []
    let count = 0
    for (const row of this.#statements.rowsAfter.iterate(after, after)) {
      const { first, last, lines } = journalRowOf(row)
      found.push(lines)
      count += last - first + 1
      if (count >= changesAtOnce) break
    }
    return found
  }

  close(): void {
    this.#database.close()
  }

  #oldest(): Revision {
    return (this.#statements.oldest.get()?.['first'] as Revision | null) ?? this.#revision + 1
  }

  #isMaintenanceDue(): boolean {
    const slack = Math.min(unfoldedMax, this.#commitsKept)
    return (
      this.#revision - this.#folded >= unfoldedMax ||
      this.#revision - this.#oldest() >= this.#commitsKept + slack
    )
  }

  /**
   * Brings the records up to the newest commit, and forgets commits that are not kept any more.
   * Records may so be ahead of `folded`; folding the same commits again ends in the same place.
   */
  *#maintainInSlices(): Generator<void> {
    const until = this.#revision
    const latest: Latest = new Map()
    let folded = this.#folded
    for (; folded < until; yield) folded = this.#readToFold(latest, folded)
    const changes = [...latest.values()]
    for (let from = 0; from < changes.length; from += writtenAtOnce, yield) {
      this.#inTransaction(() => {
        for (const change of changes.slice(from, from + writtenAtOnce)) this.#writeFolded(change)
      })
    }
    this.#inTransaction(() => this.#statements.setMeta.run(folded, 'folded'))
    this.#folded = folded
    const dead = Math.min(folded, this.#revision - this.#commitsKept)
    while (this.#forget(dead) === forgottenAtOnce) yield
  }

  /** Deletes the oldest rows that lie at or before `dead`; returns how many. */
  #forget(dead: Revision): number {
    let count = 0
    this.#inTransaction(() => {
      count = Number(this.#statements.forget.run(dead, dead, forgottenAtOnce).changes)
    })
    return count
  }

  /** Adds a slice of the commits after `after` to `latest`; returns the last one read. */
  #readToFold(latest: Latest, after: Revision): Revision {
    let read = after
    for (const row of this.#statements.rowsToFold.iterate(after)) {
      const journalRow = journalRowOf(row)
      for (const { revision, operations } of linesOf(journalRow)) {
        for (const operation of operations) latest.set(operation.key, { operation, revision })
      }
      read = journalRow.last
      if (read - after >= foldedAtOnce) break
    }
    return read
  }

  #writeFolded({ operation, revision }: FoldedChange): void {
    if (operation.op === 'delete') this.#statements.remove.run(operation.key)
    else {
      const { key, schema, created } = operation
      const value = JSON.stringify(operation.value)
      this.#statements.upsert.run(key, value, schema, revision, created)
    }
  }

  #inTransaction(write: () => void): void {
    guard(() => {
      this.#statements.begin.run()
      try {
        write()
        this.#statements.commit.run()
      } catch (error) {
        this.#rollback()
        throw error
      }
    })
  }

  #tryToCommit(): boolean {
    try {
      this.#statements.commit.run()
      return true
    } catch {
      this.#rollback()
      return false
    }
  }

  #rollback(): void {
    // SQLite has rolled back by itself after some errors; a second time is one more error.
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
  }

  #meta(name: string): number {
    return this.#statements.meta.get(name)?.['value'] as number
  }
}

type Statements = ReturnType<typeof prepareAll>

function prepareAll(database: DatabaseSync) {
  const prepare = (sql: string): StatementSync => database.prepare(sql)
  // The row that holds a revision begins at or before it.
  const holdsNext = 'first >= coalesce((SELECT max(first) FROM commits WHERE first <= ? + 1), 0)'
  return {
    begin: prepare('BEGIN IMMEDIATE'),
    commit: prepare('COMMIT'),
    append: prepare('INSERT INTO commits VALUES (?, ?, ?)'),
    oldest: prepare('SELECT min(first) AS first FROM commits'),
    newest: prepare('SELECT last FROM commits ORDER BY first DESC LIMIT 1'),
    forget: prepare(
      `DELETE FROM commits WHERE first IN (
         SELECT first FROM commits WHERE first <= ? AND last <= ? ORDER BY first LIMIT ?)`,
    ),
    rowsAfter: prepare(
      `SELECT * FROM commits WHERE ${holdsNext} AND last > ? ORDER BY first LIMIT ${readAtOnce}`,
    ),
    rowsBefore: prepare(
      `SELECT * FROM commits WHERE first < ? ORDER BY first DESC LIMIT ${readAtOnce}`,
    ),
    rowsToFold: prepare('SELECT * FROM commits WHERE first > ? ORDER BY first'),
    records: prepare('SELECT * FROM records'),
    upsert: prepare(
      `INSERT INTO records VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE
       SET value = excluded.value, schema = excluded.schema, revision = excluded.revision,
           created = excluded.created`,
    ),
    remove: prepare('DELETE FROM records WHERE key = ?'),
    meta: prepare('SELECT value FROM meta WHERE name = ?'),
    setMeta: prepare('UPDATE meta SET value = ? WHERE name = ?'),
  }
}

type Row = Record<string, SQLOutputValue>

function journalRowOf(row: Row): JournalRow {
  return { first: Number(row['first']), last: Number(row['last']), lines: String(row['lines']) }
}

function recordRowOf(row: Row): RecordRow {
  const { key, value, schema, revision, created } = row
  return [String(key), String(value), Number(schema), Number(revision), Number(created)]
}

/** The lines of a row; a damaged one that SQLite has no check for shows here. */
function linesOf(row: JournalRow): JournalLine[] {
  try {
    return parseLines(row.lines)
  } catch (error) {
    const message = `the commits from revision ${row.first} on are damaged`
    throw new StoreFileError({ code: 'store-corrupt', message }, error)
  }
}

function entriesOf(row: JournalRow, range: LogRange): LogEntry[] {
  if (range.keyPrefix !== '' && !row.lines.includes(`"key":"${range.keyPrefix}`)) return []
  const entries = linesOf(row)
    .map(entryOf)
    .filter((entry) => isInRange(range, entry))
  return range.newestFirst ? entries.toReversed() : entries
}

function entryOf({ revision, at, who, what, why, operations }: JournalLine): LogEntry {
  return { revision, at, who, what, why, keys: operations.map(({ key }) => key) }
}

/** Opens the file, or creates it; a file that is refused has not been written to. */
function openDatabase(file: string, bytesMax: number): DatabaseSync {
  return guard(() => {
    // Made here so that nobody else may read it: it holds the hashes of tokens.
    closeSync(openSync(file, 'a', 0o600))
    const database = new DatabaseSync(file)
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE')
      const isNew = pragma(database, 'page_count') === 0
      if (!isNew) checkFile(database, file)
      database.exec(settings)
      if (isNew) database.exec(`BEGIN EXCLUSIVE; ${tables} COMMIT`)
      const pagesMax = Math.floor(bytesMax / Number(pragma(database, 'page_size')))
      database.exec(`PRAGMA max_page_count = ${pagesMax}`)
      return database
    } catch (error) {
      database.close()
      throw error
    }
  })
}

function checkFile(database: DatabaseSync, file: string): void {
  const version = Number(pragma(database, 'user_version'))
  if (pragma(database, 'application_id') !== applicationId) {
    throw new StoreFileError({ code: 'store-corrupt', message: `${file} is not a Roadstead store` })
  }
  if (version > formatVersion) {
    const message = `${file} has format ${version}; this version knows ${formatVersion} at the most`
    throw new StoreFileError({ code: 'store-newer', message })
  }
  const found = pragma(database, 'quick_check(1)')
  if (found !== 'ok') {
    throw new StoreFileError({ code: 'store-corrupt', message: `${file} is damaged: ${found}` })
  }
}

function pragma(database: DatabaseSync, name: string): SQLOutputValue | undefined {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

/** Turns SQLite's errors into ours, by their primary result code. */
function guard<T>(operation: () => T): T {
  try {
    return operation()
  } catch (error) {
    throw error instanceof StoreFileError ? error : storeFileErrorOf(error)
  }
}

function isFull(error: unknown): boolean {
  return error instanceof StoreFileError && error.failure.code === 'store-full'
}

/** The error as a StoreFileError, whatever it was. */
export function storeFileErrorOf(error: unknown): StoreFileError {
  if (error instanceof StoreFileError) return error
  const message = messageOf(error)
  return new StoreFileError({ code: codeOf(error), message }, error)
}

function codeOf(error: unknown): Failure['code'] {
  const code =
    error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined
  switch (code) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return 'store-in-use'
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return 'store-corrupt'
    case 13: // SQLITE_FULL
      return 'store-full'
    default:
      return 'store-failed'
  }
}
