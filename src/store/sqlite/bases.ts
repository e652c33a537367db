/**
 * Bases: all records behind one commit, compressed, in pages. With the log after it, a base gives
 * the state at any later revision; the log before the oldest base may be forgotten.
 */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Moment, Revision } from '../port.ts'
import { inTransaction } from './database.ts'
import type { RecordRow } from './messages.ts'

/** Records compressed at a time: 256 of 1 KiB take some 2 ms, in which no commit is written. */
const recordsInPage = 256
/** Pages removed at a time, for the same reason. */
const removedAtOnce = 32
/**
 * Bases that are kept at the most; beyond it the second oldest goes and the time after it is
 * replayed from the oldest. Only a sealer that has stopped can bring it so far.
 */
const basesMax = 16

/** A base that is whole. */
export interface Base extends Moment {
  readonly bytes: number
}

export class Bases {
  readonly #database: DatabaseSync
  readonly #statements: ReturnType<typeof prepareAll>
  /** Oldest first. */
  #all: Base[]

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#statements = prepareAll(database)
    this.#all = this.#statements.all.all().map(baseOf)
  }

  /** Oldest first. */
  get all(): readonly Base[] {
    return this.#all
  }

  get bytes(): number {
    return this.#all.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** The newest base at or before a revision. */
  atOrBefore(revision: Revision): Base | undefined {
    return this.#all.findLast((base) => base.revision <= revision)
  }

  /** The records of a base, a page at a time. */
  *records(base: Moment): Generator<readonly RecordRow[]> {
    for (const stored of this.pages(base)) yield parsePage(stored)
  }

  /** The pages of a base as they are stored. */
  *pages({ revision }: Moment): Generator<Uint8Array> {
    for (let page = 0; ; page++) {
      const stored = this.#statements.page.get(revision, page)?.['records']
      if (stored === undefined) return
      yield stored as Uint8Array
    }
  }

  /** Writes a base of the fold as it is now, a page at a time; there when all of it is. */
  *write(moment: Moment): Generator<void> {
    yield* this.#sweep()
    let bytes = 0
    let last = ''
    for (let page = 0; ; page++) {
      const rows = this.#statements.folded.all(last, recordsInPage).map(recordRowOf)
      if (rows.length === 0) break
      const stored = printPage(rows)
      inTransaction(this.#database, () =>
        this.#statements.addPage.run(moment.revision, page, stored),
      )
      bytes += stored.length
      last = rows.at(-1)?.[0] ?? last
      yield
    }
    const { revision, at } = moment
    inTransaction(this.#database, () => this.#statements.add.run(revision, at, bytes))
    this.#all.push({ revision, at, bytes })
    const [, second] = this.#all
    if (this.#all.length > basesMax && second !== undefined) yield* this.#remove([second])
  }

  /** Removes all bases before a revision. */
  removeBefore(revision: Revision): Generator<void> {
    return this.#remove(this.#all.filter((base) => base.revision < revision))
  }

  *#remove(removed: readonly Base[]): Generator<void> {
    inTransaction(this.#database, () => {
      for (const { revision } of removed) this.#statements.remove.run(revision)
    })
    this.#all = this.#all.filter((base) => !removed.includes(base))
    yield* this.#sweep()
  }

  /** Removes pages that belong to no base. */
  *#sweep(): Generator<void> {
    for (;;) {
      let count = 0
      inTransaction(this.#database, () => {
        count = Number(this.#statements.sweep.run(removedAtOnce).changes)
      })
      if (count < removedAtOnce) return
      yield
    }
  }
}

function prepareAll(database: DatabaseSync) {
  return {
    all: database.prepare('SELECT * FROM bases ORDER BY revision'),
    add: database.prepare('INSERT INTO bases VALUES (?, ?, ?)'),
    remove: database.prepare('DELETE FROM bases WHERE revision = ?'),
    page: database.prepare('SELECT records FROM base_pages WHERE revision = ? AND page = ?'),
    addPage: database.prepare('INSERT OR REPLACE INTO base_pages VALUES (?, ?, ?)'),
    sweep: database.prepare(
      `DELETE FROM base_pages WHERE rowid IN (SELECT rowid FROM base_pages
         WHERE revision NOT IN (SELECT revision FROM bases) LIMIT ?)`,
    ),
    folded: database.prepare('SELECT * FROM records WHERE key > ? ORDER BY key LIMIT ?'),
  }
}

function baseOf(row: Record<string, SQLOutputValue>): Base {
  const { revision, at, bytes } = row
  return { revision: Number(revision), at: Number(at), bytes: Number(bytes) }
}

/** A row of the table `records` as it crosses between the threads. */
export function recordRowOf(row: Record<string, SQLOutputValue>): RecordRow {
  const { key, value, schema, revision, created } = row
  return [String(key), String(value), Number(schema), Number(revision), Number(created)]
}

function printPage(rows: readonly RecordRow[]): Buffer {
  // The fastest level: records repeat themselves, and a slower one gains little.
  return deflateRawSync(JSON.stringify(rows), { level: 1 })
}

/** The records of a page that is stored. */
export function parsePage(stored: Uint8Array): RecordRow[] {
  return JSON.parse(inflateRawSync(stored).toString()) as RecordRow[]
}
