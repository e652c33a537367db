import type { Kind } from '../../store/port.ts'
import { backupKey, BackupRecord } from './model.ts'

export const backupKind: Kind<BackupRecord> = {
  name: 'backup',
  version: 1,
  schema: BackupRecord,
  keyOf: ({ id }) => backupKey(id),
  upgraders: {},
  indexes: {},
}
