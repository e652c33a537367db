import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { create, replace, type State } from '../../store/port.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import type { BackupDriver, PreparedBackup } from './driver.ts'
import { backupKey, type BackupRecord } from './model.ts'
import { backupKind } from './records.ts'

export interface BackupRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly backups: BackupDriver
}

/** The whole control plane as one archive. */
export function backupRoutes(options: BackupRoutesOptions): RouteDefinition[] {
  let isRunning = false
  return [
    route({
      method: 'GET',
      path: '/v1/backup',
      rule: { roles: ['operator'] },
      summary: 'The whole control plane as one archive: store, artifacts, audit. One at a time.',
      tag: 'backups',
      answers: { 200: Type.String({ format: 'binary' }) },
      async handle({ caller, signal }) {
        if (isRunning) throw busy()
        isRunning = true
        try {
          const prepared = await options.backups.prepare(signal)
          await record(prepared, caller?.name ?? '', options)
          const content = prepared.content()
          content.once('close', () => (isRunning = false))
          const headers = {
            'content-type': 'application/x-tar',
            'content-length': String(prepared.sizeBytes),
          }
          return { headers, body: content }
        } catch (error) {
          isRunning = false
          throw error
        }
      },
    }),
  ]
}

/** Who takes everything away is known before the first byte of it is sent. */
async function record(
  prepared: PreparedBackup,
  by: string,
  { state, clock }: BackupRoutesOptions,
): Promise<void> {
  const { moment, sizeBytes } = prepared
  const { revision } = moment
  const value: BackupRecord = { id: 'newest', by, at: clock.now(), revision, sizeBytes }
  const before = state.snapshot.get(backupKind, backupKey('newest'))
  const write =
    before === undefined ? create(backupKind, value) : replace(backupKind, before, value)
  const why = `a backup of revision ${revision}, ${sizeBytes} bytes`
  try {
    await state.commit({ writes: [write], attribution: { who: by, what: 'backup.make', why } })
  } catch (error) {
    await prepared.discard()
    throw error
  }
}

function busy(): Refusal {
  return new Refusal('backup-running', 'a backup is being made already', {
    status: 409,
    hint: 'wait until it has ended: each of them reads all that there is',
  })
}
