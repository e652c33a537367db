/**
 * A whole copy of the store at one commit, while others are made: bases and log do not change, so
 * they are copied a slice at a time; the records are those of the newest base, to be folded anew.
 */
import { closeSync, openSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Moment, Revision } from '../port.ts'
import { parsePage, type Base, type Bases } from './bases.ts'
import type { CommitLog } from './commit-log.ts'
import { inTransaction, makeTables, syncFile } from './database.ts'
import { Meta } from './meta.ts'
import { guard } from './store-file-error.ts'

/** Copies into a new file; nothing is left of it unless all went well. */
export function* copyStore(
  log: CommitLog,
  bases: Bases,
  meta: Meta,
  file: string,
  until: Moment,
): Generator<void, Moment> {
  closeSync(guard(() => openSync(file, 'wx', 0o600)))
  const target = new DatabaseSync(file)
  let isWhole = false
  try {
    // It is made durable as a whole at the end; a death before leaves a file that nobody reads.
    target.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF')
    target.exec('PRAGMA synchronous = OFF')
    makeTables(target)
    const copied = bases.all.filter(({ revision }) => revision <= until.revision)
    for (const base of copied) yield* copyBase(target, bases, base, base === copied.at(-1))
    yield* copyCommits(target, log, until.revision)
    copyMeta(target, meta, copied.at(-1)?.revision ?? 0)
    isWhole = true
  } finally {
    target.close()
    if (!isWhole) rmSync(file, { force: true })
  }
  guard(() => syncFile(file))
  return until
}

function* copyBase(
  target: DatabaseSync,
  bases: Bases,
  base: Base,
  isNewest: boolean,
): Generator<void> {
  const addPage = target.prepare('INSERT INTO base_pages VALUES (?, ?, ?)')
  const addRecord = target.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?)')
  let page = 0
  for (const stored of bases.pages(base)) {
    inTransaction(target, () => {
      addPage.run(base.revision, page++, stored)
      if (!isNewest) return
      for (const row of parsePage(stored)) addRecord.run(...row)
    })
    yield
  }
  const { revision, at, bytes } = base
  inTransaction(target, () => {
    target.prepare('INSERT INTO bases VALUES (?, ?, ?)').run(revision, at, bytes)
  })
}

function* copyCommits(target: DatabaseSync, log: CommitLog, until: Revision): Generator<void> {
  const add = target.prepare('INSERT INTO commits VALUES (?, ?, ?)')
  for (const rows of log.slicesAfter(0)) {
    inTransaction(target, () => {
      for (const { first, last, lines } of rows) if (last <= until) add.run(first, last, lines)
    })
    if ((rows.at(-1)?.last ?? until) >= until) return
    yield
  }
}

function copyMeta(target: DatabaseSync, meta: Meta, folded: Revision): void {
  const copy = new Meta(target)
  inTransaction(target, () => {
    copy.set('epoch', meta.get('epoch'))
    copy.set('keep', meta.get('keep'))
    copy.set('folded', folded)
  })
}
