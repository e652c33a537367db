import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { dataFolderName } from './api/settings.ts'
import { showProgress } from './backup.ts'
import { bytesText, timeText } from './terminal/format.ts'
import { print, printJson } from './terminal/output.ts'

/** `roadstead restore FILE --data DIR`: a control plane from a backup, on an empty machine. */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('put a backup into an empty data folder; `roadstead up` then goes on from it')
    .argument('<file>', 'what `roadstead backup` wrote')
    .option('--data <folder>', 'a folder that is empty, or not there yet', dataFolderName)
    .addHelpText('after', examples)
    .action(async (file: string, options: { data: string }, command: Command) => {
      const [{ restoreBackup }, { openSqliteStore }] = await Promise.all([
        import('../drivers/backups/restore.ts'),
        import('../store/sqlite/sqlite-store.ts'),
      ])
      const { revision, at, entries } = await restoreBackup({
        file,
        data: options.data,
        checkStore: async (store) => {
          const opened = await openSqliteStore({ file: store, clock: systemClock, log: silentLog })
          await opened.close()
        },
        onProgress: (bytes, of) => showProgress(`${bytesText(bytes)} of ${bytesText(of)}`),
      })
      const { data } = options
      const { json } = command.optsWithGlobals<{ json?: boolean }>()
      if (json === true) return printJson({ data, revision, at, files: entries.length })
      const when = timeText(at, systemClock.now())
      print(`${data}: as it was at revision ${revision} (${when}), ${entries.length} files`)
      print(`next: roadstead up --data ${data}`)
    })
}

const examples = `
Every byte is checked before anything is put in place; a backup that was cut or changed is refused
whole. Instances that still run are adopted by their agents; the others are started again.

Example:
  $ roadstead restore roadstead-2026-11-21.tar --data /srv/roadstead
  $ roadstead up --data /srv/roadstead`
