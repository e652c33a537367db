/**
 * Makes backups of the server's folder while the server works. What changes is copied first: the
 * audit chain before the store, so that the store holds every commit that is not sealed in it;
 * artifacts never change, and are read where they lie.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { Fault, messageOf, systemCodeOf } from '../../base/errors.ts'
import type { BackupDriver, PreparedBackup } from '../../parts/backups/driver.ts'
import { backupFormat, type BackupEntry, type BackupManifest } from '../../parts/backups/model.ts'
import type { Moment } from '../../store/port.ts'
import { archiveBytes, printArchive } from './archive.ts'

export interface BackupMakerOptions {
  /** `<data>/server`. */
  readonly folder: string
  /** Copies the store into a file that is not there yet. */
  readonly copyStore: (file: string) => Promise<Moment>
  readonly version: string
  readonly clock: Clock
}

/** Where copies lie while a backup is made; nothing of it outlives the server's next start. */
const stagingName = 'backup-under-way'
const artifacts = 'artifacts/sha256'

/** Not part of a backup: the store itself (it is copied), logs, what only this start needs. */
const leftOut = [
  /^state\.db/,
  /^logs(?:\/|$)/,
  /^artifacts\/incoming(?:\/|$)/,
  /^restored\.json$/,
  // Whoever holds a backup must not be able to sign checkpoints: a restored server makes a new key.
  /^audit-key\.pem/,
  new RegExp(`^${stagingName}(?:/|$)`),
]

/** Opens the making of backups; removes what one that was broken off has left. */
export async function openBackupMaker(options: BackupMakerOptions): Promise<BackupDriver> {
  const staging = join(options.folder, stagingName)
  await rm(staging, { recursive: true, force: true })
  return { prepare: (signal) => prepare(options, staging, signal) }
}

async function prepare(
  { folder, copyStore, version, clock }: BackupMakerOptions,
  staging: string,
  signal: AbortSignal,
): Promise<PreparedBackup> {
  const discard = (): Promise<void> => rm(staging, { recursive: true, force: true })
  try {
    await discard()
    await mkdir(staging, { mode: 0o700 })
    const files = await filesOf(folder)
    const blobs = files.filter((path) => path.startsWith(`${artifacts}/`))
    const entries: BackupEntry[] = []
    for (const path of files.filter((other) => !blobs.includes(other))) {
      signal.throwIfAborted()
      await copy(join(folder, path), join(staging, path))
      entries.push(await entryOf(staging, path))
    }
    const moment = await copyStore(join(staging, 'state.db'))
    entries.push(await entryOf(staging, 'state.db'))
    for (const path of blobs) entries.push(await blobEntryOf(folder, path))
    signal.throwIfAborted()
    const { revision, at } = moment
    const madeAt = clock.now()
    const manifest: BackupManifest = {
      format: backupFormat,
      version,
      revision,
      at,
      madeAt,
      entries,
    }
    const sizeBytes = archiveBytes(manifest)
    return { moment, sizeBytes, discard, content: () => contentOf(manifest, folder, staging) }
  } catch (error) {
    await discard()
    throw faultOf(error)
  }
}

function contentOf(manifest: BackupManifest, folder: string, staging: string): Readable {
  const content = Readable.from(
    printArchive(manifest, ({ path }) => {
      const place = path.slice('server/'.length)
      return createReadStream(join(place.startsWith(`${artifacts}/`) ? folder : staging, place))
    }),
    { objectMode: false },
  )
  content.once('close', () => void rm(staging, { recursive: true, force: true }).catch(() => {}))
  return content
}

/** All files below a folder that belong into a backup, in order of their paths. */
async function filesOf(folder: string): Promise<string[]> {
  const found: string[] = []
  const walk = async (place: string): Promise<void> => {
    for (const entry of await readdir(join(folder, place), { withFileTypes: true })) {
      const path = place === '' ? entry.name : `${place}/${entry.name}`
      if (leftOut.some((pattern) => pattern.test(path))) continue
      if (entry.isDirectory()) await walk(path)
      else if (entry.isFile()) found.push(path)
    }
  }
  await walk('')
  return found.toSorted()
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 })
  await copyFile(from, to)
}

async function entryOf(root: string, path: string): Promise<BackupEntry> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of createReadStream(join(root, path)) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    sizeBytes += chunk.length
  }
  return { path: `server/${path}`, sizeBytes, digest: `sha256:${hash.digest('hex')}` }
}

/** An artifact's name is its digest; whether its bytes still are is seen when they are read. */
async function blobEntryOf(folder: string, path: string): Promise<BackupEntry> {
  const { size } = await stat(join(folder, path))
  const digest = `sha256:${path.slice(artifacts.length).replaceAll('/', '')}`
  return { path: `server/${path}`, sizeBytes: size, digest }
}

function faultOf(error: unknown): unknown {
  const code = systemCodeOf(error)
  if (error instanceof Fault || code === undefined) return error
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Fault('disk-full', 'the disk has no room for the copy that a backup needs', {
      cause: error,
    })
  }
  return new Fault('backup-failed', `the backup could not be made: ${messageOf(error)}`, {
    cause: error,
  })
}
