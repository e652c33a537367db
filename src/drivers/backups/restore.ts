/** Puts a backup in place: all of it, and checked, or nothing. */
import { mkdir, open, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Fault, messageOf, Refusal, systemCodeOf } from '../../base/errors.ts'
import type { BackupEntry, BackupManifest } from '../../parts/backups/model.ts'
import { readArchive, type ArchiveReceiver } from './archive.ts'

export interface RestoreOptions {
  /** The backup. */
  readonly file: string
  /** The data folder: it does not exist yet, or is empty. */
  readonly data: string
  /** Opens the store that was unpacked, so that one that cannot be used is never put in place. */
  readonly checkStore: (file: string) => Promise<void>
  /** Tells how many bytes of how many are unpacked. */
  readonly onProgress?: (bytes: number, of: number) => void
}

/**
 * Restores into `<data>.restoring`, and renames that when every byte was right. Refusals
 * `data-folder-not-empty` (409), `backup-invalid` (422), `backup-newer`, `store-newer` (409).
 */
export async function restoreBackup(options: RestoreOptions): Promise<BackupManifest> {
  const data = resolve(options.data)
  await checkEmpty(data)
  const staging = `${data}.restoring`
  try {
    await rm(staging, { recursive: true, force: true })
    await mkdir(staging, { recursive: true, mode: 0o700 })
    const manifest = await readArchive(options.file, receiverInto(staging, options.onProgress))
    await options.checkStore(join(staging, 'server/state.db'))
    const { revision, at, madeAt } = manifest
    // The server's first start says in its log that this happened.
    await writeSynced(join(staging, 'server/restored.json'), { revision, at, madeAt })
    await rmdir(data).catch(ignoreAbsent)
    await rename(staging, data)
    await syncFolder(dirname(data))
    return manifest
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    throw errorOf(error, options.file)
  }
}

/** Reads a backup and keeps nothing: whether it could be restored, as far as its bytes go. */
export function checkBackup(file: string): Promise<BackupManifest> {
  return readArchive(file, {
    begin: async (manifest) => checkPaths(manifest),
    take: async () => {},
  }).catch((error: unknown) => {
    throw errorOf(error, file)
  })
}

async function checkEmpty(data: string): Promise<void> {
  const found = await readdir(data).catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  })
  if (found.length === 0) return
  throw new Refusal('data-folder-not-empty', `${data} is not empty`, {
    status: 409,
    hint: 'restore into a new folder with --data, and move the old one away yourself',
  })
}

function receiverInto(staging: string, onProgress: RestoreOptions['onProgress']): ArchiveReceiver {
  let bytes = 0
  let total = 0
  return {
    async begin(manifest) {
      checkPaths(manifest)
      total = manifest.entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    },
    async take({ path }, content) {
      const place = join(staging, path)
      await mkdir(dirname(place), { recursive: true, mode: 0o700 })
      const file = await open(place, 'wx', 0o600)
      try {
        for await (const chunk of content) {
          await file.writeFile(chunk)
          bytes += chunk.length
          onProgress?.(bytes, total)
        }
        await file.sync()
      } finally {
        await file.close()
      }
    },
  }
}

/** No entry leaves the folder, comes twice, or lies where another is a file; the store is there. */
function checkPaths({ entries }: BackupManifest): void {
  const paths = new Set<string>()
  for (const { path } of entries) {
    const isPlain = path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
    if (!isPlain || paths.has(path)) throw unusable(`it holds ${JSON.stringify(path)}`)
    paths.add(path)
  }
  const holds = (entry: Pick<BackupEntry, 'path'>): boolean => entry.path === 'server/state.db'
  if (!entries.some(holds)) throw unusable('it holds no store')
}

function unusable(why: string): Refusal {
  return new Refusal('backup-invalid', `this is not a backup that can be trusted: ${why}`, {
    status: 422,
    hint: 'nothing was restored; take another copy of the file, or an older backup',
  })
}

async function writeSynced(path: string, data: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(data)}\n`, { mode: 0o600, flush: true })
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function ignoreAbsent(error: unknown): void {
  if (systemCodeOf(error) !== 'ENOENT') throw error
}

function errorOf(error: unknown, file: string): unknown {
  const code = systemCodeOf(error)
  if (error instanceof Refusal || error instanceof Fault || code === undefined) return error
  if (code === 'ENOENT' || code === 'EISDIR' || code === 'EACCES') {
    return new Refusal('backup-unreadable', `${file} cannot be read: ${messageOf(error)}`, {
      hint: 'name the file that `roadstead backup` wrote',
    })
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Fault('disk-full', 'the disk has no room for what is in the backup', {
      cause: error,
    })
  }
  return new Fault('restore-failed', `the backup could not be restored: ${messageOf(error)}`, {
    cause: error,
    retry: 'never',
  })
}
