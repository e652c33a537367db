import Type, { type Static } from 'typebox'
import { keyOf, type Key } from '../../base/key.ts'

/** What a file of a backup is, before its bytes. */
export const BackupEntry = Type.Object({
  /** Where it belongs below the data folder: `server/state.db`. */
  path: Type.String({ pattern: '^server/[A-Za-z0-9._/:-]{1,200}$' }),
  sizeBytes: Type.Integer({ minimum: 0 }),
  digest: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
})
export type BackupEntry = Static<typeof BackupEntry>

/** The first file of a backup: what is in it, and of when. */
export const BackupManifest = Type.Object({
  /** The layout of the archive; a newer one is refused. */
  format: Type.Integer({ minimum: 1 }),
  /** The program that made it; an older one may be unable to read the store. */
  version: Type.String({ maxLength: 40 }),
  /** The newest commit that is in it, and when that was made. */
  revision: Type.Integer({ minimum: 0 }),
  at: Type.Number(),
  /** When the backup was made, wall ms. */
  madeAt: Type.Number(),
  entries: Type.Array(BackupEntry, { maxItems: 200_000 }),
})
export type BackupManifest = Static<typeof BackupManifest>

/** The layout of archives that this program writes. */
export const backupFormat = 1

/** The newest backup, or the one that this store was restored from. */
export const BackupRecord = Type.Object({
  id: Type.Enum(['newest', 'restored']),
  /** Who made or restored it. */
  by: Type.String(),
  /** When, wall ms. */
  at: Type.Number(),
  /** The newest commit that is in it. */
  revision: Type.Integer(),
  sizeBytes: Type.Integer(),
})
export type BackupRecord = Static<typeof BackupRecord>

export function backupKey(id: BackupRecord['id']): Key {
  return keyOf({ kind: 'backup', name: id })
}
