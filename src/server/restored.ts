import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { systemCodeOf } from '../base/errors.ts'
import { backupKey, type BackupRecord } from '../parts/backups/model.ts'
import { backupKind } from '../parts/backups/records.ts'
import { singletonEpochKind } from '../parts/instances/records.ts'
import { create, operationsMax, replace, type State, type Write } from '../store/port.ts'

/**
 * Epochs that a singleton skips after a restore: more than it can have been given between the
 * backup and the loss, so that a storage that has seen an epoch never sees it again.
 */
const epochsSkipped = 1_000_000

/** At the first start after a restore: the log says so, and no epoch is given twice. */
export async function noteRestore(state: State, folder: string, clock: Clock): Promise<void> {
  const marker = join(folder, 'restored.json')
  const restored = await read(marker)
  if (restored === undefined) return
  const { snapshot } = state
  const epochs = [...snapshot.list(singletonEpochKind)].map((entry): Write => {
    const { value } = entry
    return replace(singletonEpochKind, entry, { ...value, epoch: value.epoch + epochsSkipped })
  })
  const who = 'server'
  const what = 'backup.restore'
  const time = new Date(restored.madeAt).toISOString()
  const why = `restored from the backup of ${time}, revision ${restored.revision}`
  for (let from = 0; from < epochs.length; from += operationsMax) {
    const writes = epochs.slice(from, from + operationsMax)
    await state.commit({ writes, attribution: { who, what, why } })
  }
  const value: BackupRecord = {
    id: 'restored',
    by: who,
    at: clock.now(),
    revision: restored.revision,
    sizeBytes: 0,
  }
  const before = snapshot.get(backupKind, backupKey('restored'))
  const write =
    before === undefined ? create(backupKind, value) : replace(backupKind, before, value)
  await state.commit({ writes: [write], attribution: { who, what, why } })
  await rm(marker, { force: true })
}

async function read(marker: string): Promise<{ revision: number; madeAt: number } | undefined> {
  try {
    return JSON.parse(await readFile(marker, 'utf8')) as { revision: number; madeAt: number }
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
