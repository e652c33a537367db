/** The log of commits in the store's file: rows of lines, each row the commits of one fsync. */
import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { LogEntry } from '../../parts/audit/model.ts'
import { HistoryScan, type ScannedCommit } from '../history-scan.ts'
import { isInRange, type LogRange } from '../log-query.ts'
import type { Moment, Revision } from '../port.ts'
import { parseLines, type JournalLine, type JournalRow } from './journal.ts'
import { StoreFileError } from './store-file-error.ts'

/** Rows of the log forgotten at a time: some 1 ms in which no commit is written. */
const forgottenAtOnce = 256
/** Rows of the log read at a time, between which commits are written. */
const readAtOnce = 64
/** Commits told to the change feed at a time. */
const changesAtOnce = 512

/** Reads and appends; transactions are the caller's. */
export class CommitLog {
  readonly #statements: ReturnType<typeof prepareAll>
  #newest: Moment
  #oldest: Revision
  #beganAt: number | undefined
  #bytes: number

  /** `folded` is the revision of the records, for a log that is empty. */
  constructor(database: DatabaseSync, folded: Revision) {
    this.#statements = prepareAll(database)
    const last = this.#statements.newest.get()
    const row = last === undefined ? undefined : rowOf(last)
    this.#newest = { revision: row?.last ?? folded, at: row === undefined ? 0 : firstTimeOf(row) }
    const extent = this.#statements.extent.get()
    this.#oldest = Number(extent?.['first'] ?? this.#newest.revision + 1)
    this.#bytes = Number(extent?.['bytes'] ?? 0)
    this.#beganAt = this.timeOf(this.#oldest)
  }

  /** The newest durable commit; its time is that of the first in its row. */
  get newest(): Moment {
    return this.#newest
  }

  /** The oldest commit that is kept; one more than the newest when none is. */
  get oldest(): Revision {
    return this.#oldest
  }

  /** When the log began, as far as it was kept when the file was opened. */
  get beganAt(): number | undefined {
    return this.#beganAt
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Inside a transaction; `appended` takes note of it when that has ended well. */
  append(rows: readonly JournalRow[]): void {
    for (const { first, last, lines } of rows) this.#statements.append.run(first, last, lines)
  }

  appended(rows: readonly JournalRow[]): void {
    const row = rows.at(-1)
    if (row === undefined) return
    this.#newest = { revision: row.last, at: firstTimeOf(row) }
    this.#beganAt ??= this.#newest.at
    for (const { lines } of rows) this.#bytes += lines.length
  }

  /** Deletes the oldest rows that lie at or before `dead`; inside a transaction of its own. */
  forget(dead: Revision): { readonly isDone: boolean } {
    const forgotten = this.#statements.forget.all(dead, dead, forgottenAtOnce)
    for (const row of forgotten) {
      this.#bytes -= Number(row['bytes'])
      this.#oldest = Math.max(this.#oldest, Number(row['last']) + 1)
    }
    return { isDone: forgotten.length < forgottenAtOnce }
  }

  /** Rows from the one that holds `after + 1` on, in order. */
  *rowsAfter(after: Revision): Generator<JournalRow> {
    for (const row of this.#statements.rowsAfter.iterate(after, after, -1)) yield rowOf(row)
  }

  /** The same, some at a time: between two of them other statements may run. */
  *slicesAfter(after: Revision): Generator<readonly JournalRow[]> {
    for (let last = after; ;) {
      const rows = this.#statements.rowsAfter.all(last, last, readAtOnce).map(rowOf)
      if (rows.length === 0) return
      yield rows
      last = rows.at(-1)?.last ?? last
    }
  }

  /** Rows that begin before a revision, newest first, some at a time. */
  *slicesBefore(before: Revision): Generator<readonly JournalRow[]> {
    for (let first = before; ;) {
      const rows = this.#statements.rowsBefore.all(first, readAtOnce).map(rowOf)
      if (rows.length === 0) return
      yield rows
      first = rows.at(-1)?.first ?? 0
    }
  }

  /** Entries of the log, a slice at a time; an empty slice only means: not yet. */
  *entries(range: LogRange): Generator<readonly LogEntry[]> {
    const { after, before, newestFirst } = range
    const slices = newestFirst ? this.slicesBefore(before) : this.slicesAfter(after)
    for (const rows of slices) {
      yield rows.flatMap((row) => entriesOf(row, range))
      const last = rows.at(-1)
      if (last === undefined) return
      if (newestFirst ? last.last <= after : last.first >= before) return
    }
  }

  /** Rows that hold the commits after `after`; `compacted` when some of them are forgotten. */
  changes(after: Revision): string[] {
    if (after < this.#oldest - 1) {
      const message = `commits before revision ${this.#oldest} are no longer kept`
      throw new StoreFileError({ code: 'compacted', message, oldest: this.#oldest })
    }
    const found: string[] = []
    let count = 0
    for (const { first, last, lines } of this.rowsAfter(after)) {
      found.push(lines)
      count += last - first + 1
      if (count >= changesAtOnce) break
    }
    return found
  }

  /** Gives the scan what concerns it of the commits after `start`, newest first, in slices. */
  *scan(scan: HistoryScan, start: Revision): Generator<void> {
    for (const rows of this.slicesBefore(scan.before)) {
      for (const row of rows) {
        if (scan.isDone || row.last <= start) return
        if (!scan.mayConcern(row.lines)) continue
        for (const line of linesOf(row).toReversed()) scan.take(scannedOf(line))
      }
      yield
    }
  }

  /** The newest commit made at or before `at`; undefined when all that are kept came later. */
  momentAt(at: number): Moment | undefined {
    // Of the rows only the first key is known, so the middle is looked for between two of them.
    let [low, high] = [this.#oldest, this.#newest.revision]
    let found: JournalRow | undefined
    while (low <= high) {
      const middle = Math.floor((low + high) / 2)
      const row = this.#rowHolding(middle)
      if (row === undefined) break
      if (firstTimeOf(row) <= at) {
        found = row
        low = row.last + 1
      } else high = row.first - 1
    }
    const line = found && linesOf(found).findLast((candidate) => candidate.at <= at)
    return line && { revision: line.revision, at: line.at }
  }

  /** When a commit was made; undefined when it is not kept. */
  timeOf(revision: Revision): number | undefined {
    const row = this.#rowHolding(revision)
    return row && linesOf(row).find((line) => line.revision === revision)?.at
  }

  #rowHolding(revision: Revision): JournalRow | undefined {
    const [row] = this.#statements.rowsAfter.all(revision - 1, revision - 1, 1)
    return row === undefined ? undefined : rowOf(row)
  }
}

function prepareAll(database: DatabaseSync) {
  const prepare = (sql: string): StatementSync => database.prepare(sql)
  // The row that holds a revision begins at or before it.
  const holdsNext = 'first >= coalesce((SELECT max(first) FROM commits WHERE first <= ? + 1), 0)'
  return {
    append: prepare('INSERT INTO commits VALUES (?, ?, ?)'),
    newest: prepare('SELECT * FROM commits ORDER BY first DESC LIMIT 1'),
    // Lengths stand in the head of each row: the lines themselves are not read.
    extent: prepare('SELECT min(first) AS first, sum(octet_length(lines)) AS bytes FROM commits'),
    forget: prepare(
      `DELETE FROM commits WHERE first IN (
         SELECT first FROM commits WHERE first <= ? AND last <= ? ORDER BY first LIMIT ?)
       RETURNING last, octet_length(lines) AS bytes`,
    ),
    rowsAfter: prepare(
      `SELECT * FROM commits WHERE ${holdsNext} AND last > ? ORDER BY first LIMIT ?`,
    ),
    rowsBefore: prepare('SELECT * FROM commits WHERE first < ? ORDER BY first DESC LIMIT ?'),
  }
}

function rowOf(row: Record<string, SQLOutputValue>): JournalRow {
  return { first: Number(row['first']), last: Number(row['last']), lines: String(row['lines']) }
}

/** The lines of a row; a damaged one that SQLite has no check for shows here. */
export function linesOf(row: JournalRow): JournalLine[] {
  try {
    return parseLines(row.lines)
  } catch (error) {
    const message = `the commits from revision ${row.first} on are damaged`
    throw new StoreFileError({ code: 'store-corrupt', message }, error)
  }
}

/** The head of a line, with its revision and its time, is shorter than this. */
const headCharsMax = 128

/** The time of a row's first commit, without taking its lines apart. */
function firstTimeOf({ lines }: JournalRow): number {
  return Number(/"at":([-+.e\d]+)/.exec(lines.slice(0, headCharsMax))?.[1] ?? 0)
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

function scannedOf({ revision, at, who, what, why, operations }: JournalLine): ScannedCommit {
  return { revision, at, attribution: { who, what, why }, operations }
}
