/** Opens the store's file: whose it is, which layout it has, whether it is whole. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { guard, StoreFileError } from './store-file-error.ts'

/** `RDST`, in SQLite's header: tells our files from other people's. */
const applicationId = 0x52_44_53_54
/** The layout of the tables below; a file of a higher one is refused. */
export const formatVersion = 2

/** The layout of 0.1.0. `commits` is the log, `records` its fold up to the revision `folded`. */
const firstTables = `
  CREATE TABLE commits (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, lines TEXT NOT NULL);
  CREATE TABLE records (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, schema INTEGER NOT NULL,
    revision INTEGER NOT NULL, created INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO meta VALUES ('epoch', 0), ('folded', 0);
`

interface FormatStep {
  /** The version of the program that this layout came with. */
  readonly since: string
  readonly sql: string
}

/** What makes the layout n of the layout n - 1, by n. */
const formatSteps: Readonly<Record<number, FormatStep>> = {
  2: {
    since: '0.2.0',
    // A base is there when its row is: pages without one were left by a death and are removed.
    sql: `
      CREATE TABLE bases (revision INTEGER PRIMARY KEY, at REAL NOT NULL, bytes INTEGER NOT NULL);
      CREATE TABLE base_pages (revision INTEGER NOT NULL, page INTEGER NOT NULL,
        records BLOB NOT NULL, PRIMARY KEY (revision, page));
      INSERT INTO meta VALUES ('keep', 0);
    `,
  },
}

/**
 * Held in EXCLUSIVE mode: no second server can open the file, a killed one leaves no lock behind,
 * and the index of the WAL lies in memory. The WAL is reused, never truncated (a growing file costs
 * twice the fsync); 16 MB of it between checkpoints make the fsync of the main file rare.
 */
const settings = `
  PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -8000; PRAGMA cache_spill = OFF;
`

/**
 * Opens the file, or creates it; a file that is refused has not been written to. One of an older
 * layout is copied to `FILE.before-VERSION` first: renamed to FILE, it is the way back.
 */
export function openDatabase(file: string, bytesMax: number): DatabaseSync {
  return guard(() => {
    // Made here so that nobody else may read it: it holds the hashes of tokens.
    closeSync(openSync(file, 'a', 0o600))
    const database = new DatabaseSync(file)
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE')
      const isNew = pragma(database, 'page_count') === 0
      if (!isNew) checkFile(database, file)
      database.exec(settings)
      if (isNew) makeTables(database)
      else upgrade(database, file)
      const pagesMax = Math.floor(bytesMax / Number(pragma(database, 'page_size')))
      database.exec(`PRAGMA max_page_count = ${pagesMax}`)
      return database
    } catch (error) {
      database.close()
      throw error
    }
  })
}

/** Makes an empty store in an empty database. */
export function makeTables(database: DatabaseSync): void {
  const steps = Object.values(formatSteps).map(({ sql }) => sql)
  database.exec(
    `BEGIN EXCLUSIVE; ${firstTables} ${steps.join('')}
     PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${formatVersion}; COMMIT`,
  )
}

/** Prepared once: each commit begins and ends with them. */
const bounds = new WeakMap<DatabaseSync, { begin: StatementSync; commit: StatementSync }>()

function boundsOf(database: DatabaseSync): { begin: StatementSync; commit: StatementSync } {
  const known = bounds.get(database)
  if (known !== undefined) return known
  const [begin, commit] = [database.prepare('BEGIN IMMEDIATE'), database.prepare('COMMIT')]
  const made = { begin, commit }
  bounds.set(database, made)
  return made
}

/** Writes all or nothing; throws StoreFileError. */
export function inTransaction(database: DatabaseSync, write: () => void): void {
  const { begin, commit } = boundsOf(database)
  guard(() => {
    begin.run()
    try {
      write()
      commit.run()
    } catch (error) {
      rollback(database)
      throw error
    }
  })
}

/** Ends the transaction under way, if there is one. */
export function rollback(database: DatabaseSync): void {
  // SQLite has rolled back by itself after some errors; a second time is one more error.
  if (database.isTransaction) database.exec('ROLLBACK')
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

function upgrade(database: DatabaseSync, file: string): void {
  for (let from = Number(pragma(database, 'user_version')); from < formatVersion; from++) {
    const step = formatSteps[from + 1]
    if (step === undefined) throw new Error(`no way from format ${from}`)
    keepCopy(database, `${file}.before-${step.since}`)
    database.exec(`BEGIN EXCLUSIVE; ${step.sql} PRAGMA user_version = ${from + 1}; COMMIT`)
  }
}

/** A whole copy under its name, or none; one that is there already was made before a crash. */
function keepCopy(database: DatabaseSync, target: string): void {
  if (existsSync(target)) return
  const part = `${target}.part`
  rmSync(part, { force: true })
  // SQLite fills an empty file that is there: this one is nobody else's to read.
  closeSync(openSync(part, 'wx', 0o600))
  database.prepare('VACUUM INTO ?').run(part)
  syncFile(part)
  renameSync(part, target)
}

/** Makes a file that is written durable. */
export function syncFile(path: string): void {
  const handle = openSync(path, 'r+')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function pragma(database: DatabaseSync, name: string): SQLOutputValue | undefined {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}
