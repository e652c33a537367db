/**
 * The records in the store's file: the fold of the log up to `folded`, brought up to date some
 * thousand commits behind, when each record is written once however often it changed.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Revision } from '../port.ts'
import { recordRowOf } from './bases.ts'
import { linesOf, type CommitLog } from './commit-log.ts'
import { inTransaction, rollback } from './database.ts'
import type { JournalOperation } from './journal.ts'
import type { RecordRow } from './messages.ts'
import type { Meta } from './meta.ts'

/** Commits read at a time to be folded: some 1 ms in which none is written. */
const foldedAtOnce = 256
/** Records written at a time by the fold, for the same reason. */
const writtenAtOnce = 256

/** What the newest commit of those being folded did to a record. */
export interface FoldedChange {
  readonly operation: JournalOperation
  readonly revision: Revision
}

/** By key. */
export type Latest = Map<string, FoldedChange>

export class Fold {
  readonly #database: DatabaseSync
  readonly #log: CommitLog
  readonly #meta: Meta
  readonly #statements: ReturnType<typeof prepareAll>
  #folded: Revision

  constructor(database: DatabaseSync, log: CommitLog, meta: Meta) {
    this.#database = database
    this.#log = log
    this.#meta = meta
    this.#statements = prepareAll(database)
    this.#folded = meta.get('folded')
  }

  /** The revision of the records. */
  get folded(): Revision {
    return this.#folded
  }

  /**
   * Brings the records up to a commit, a slice at a time. They may so be ahead of `folded`;
   * folding the same commits again ends in the same place.
   */
  *bringUpTo(until: Revision): Generator<void> {
    const latest: Latest = new Map()
    let folded = this.#folded
    for (; folded < until; yield) folded = readLatest(this.#log, latest, folded, until)
    const changes = [...latest.values()]
    for (let from = 0; from < changes.length; from += writtenAtOnce, yield) {
      inTransaction(this.#database, () => {
        for (const change of changes.slice(from, from + writtenAtOnce)) this.#write(change)
      })
    }
    inTransaction(this.#database, () => this.#meta.set('folded', folded))
    this.#folded = folded
  }

  /** Every record, in pages, at the newest revision. */
  *load(pageLength: number): Generator<readonly RecordRow[]> {
    const until = this.#log.newest.revision
    // The transaction reads its own fold even where the disk is too full to keep it.
    this.#database.exec('BEGIN')
    try {
      const latest: Latest = new Map()
      let read = this.#folded
      while (read < until) read = readLatest(this.#log, latest, read, until)
      for (const change of latest.values()) this.#write(change)
      this.#meta.set('folded', until)
      yield* this.#pages(pageLength)
    } finally {
      if (this.#tryToCommit()) this.#folded = until
    }
  }

  *#pages(pageLength: number): Generator<readonly RecordRow[]> {
    let page: RecordRow[] = []
    for (const row of this.#statements.all.iterate()) {
      page.push(recordRowOf(row))
      if (page.length >= pageLength) {
        yield page
        page = []
      }
    }
    yield page
  }

  #write({ operation, revision }: FoldedChange): void {
    if (operation.op === 'delete') this.#statements.remove.run(operation.key)
    else {
      const { key, schema, created } = operation
      this.#statements.upsert.run(key, JSON.stringify(operation.value), schema, revision, created)
    }
  }

  #tryToCommit(): boolean {
    try {
      this.#database.exec('COMMIT')
      return true
    } catch {
      rollback(this.#database)
      return false
    }
  }
}

/**
 * Adds some of the commits after `after`, up to `until`, to `latest`; returns the last one read.
 * `until` may lie in the middle of a row.
 */
export function readLatest(
  log: CommitLog,
  latest: Latest,
  after: Revision,
  until: Revision,
): Revision {
  let read = after
  for (const row of log.rowsAfter(after)) {
    for (const { revision, operations } of linesOf(row)) {
      if (revision <= after) continue
      if (revision > until) return until
      for (const operation of operations) latest.set(operation.key, { operation, revision })
    }
    read = row.last
    if (read - after >= foldedAtOnce || read >= until) return read
  }
  return read
}

function prepareAll(database: DatabaseSync) {
  return {
    all: database.prepare('SELECT * FROM records'),
    upsert: database.prepare(
      `INSERT INTO records VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE
       SET value = excluded.value, schema = excluded.schema, revision = excluded.revision,
           created = excluded.created`,
    ),
    remove: database.prepare('DELETE FROM records WHERE key = ?'),
  }
}
