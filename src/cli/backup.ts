import { Command } from 'commander'
import { openContext, type Context } from './context.ts'
import { bytesText, timeText } from './terminal/format.ts'
import { print, printJson, remark } from './terminal/output.ts'

/** `roadstead backup FILE`: the whole control plane in one file. */
export function backupCommand(): Command {
  return new Command('backup')
    .description('write the whole control plane into one file: store, artifacts, audit')
    .argument('<file>', 'a new file; it holds secrets’ hashes, keep it safe')
    .addHelpText('after', examples)
    .action(async (file: string, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const manifest = await makeBackup(context, file)
      const { revision, at, entries } = manifest
      if (context.json) return printJson({ file, revision, at, files: entries.length })
      const when = timeText(at, context.clock.now())
      print(`${file}: all up to revision ${revision} (${when}), ${entries.length} files, checked`)
      remark(`on an empty machine: roadstead restore ${file} --data FOLDER`)
    })
}

const examples = `
The server goes on meanwhile. Logs of instances are not in a backup, nor are tokens: a restored
server makes new ones in <data>/tokens/; tokens made by hand go on being good.

Example:
  $ roadstead backup roadstead-2026-11-21.tar`

/** Writes FILE.part and renames it when every byte of it was read back and was right. */
async function makeBackup(context: Context, file: string) {
  const [{ receiveFile }, { checkBackup }] = await Promise.all([
    import('./api/receive-file.ts'),
    import('../drivers/backups/restore.ts'),
  ])
  const { transport } = context.client
  const { signal } = context
  const response = await transport.send({ method: 'GET', path: '/v1/backup', signal })
  return receiveFile(response, file, {
    signal,
    check: checkBackup,
    onProgress: (bytes, of) => showProgress(`${bytesText(bytes)} of ${bytesText(of)}`),
  })
}

/** One line that is written over, on a terminal only. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}
