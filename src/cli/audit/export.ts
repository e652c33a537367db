import { open, rm } from 'node:fs/promises'
import { Command } from 'commander'
import { Refusal, systemCodeOf } from '../../base/errors.ts'
import { openContext } from '../context.ts'
import { pluralText } from '../terminal/format.ts'
import { print, printJson, remark } from '../terminal/output.ts'
import { chainOfServer } from './sources.ts'

/** `roadstead audit export FILE`: the whole chain in one file, byte for byte. */
export function exportCommand(): Command {
  return new Command('export')
    .description('write the whole audit chain into one file that `audit verify --from` reads')
    .argument('<file>', 'a new file')
    .addHelpText('after', '\nExample:\n  $ roadstead audit export audit-2026-11.jsonl')
    .action(async (file: string, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const target = await open(file, 'wx', 0o600).catch((error: unknown) => {
        throw systemCodeOf(error) === 'EEXIST' ? isThere(file) : error
      })
      let records = 0
      try {
        for await (const { text } of chainOfServer(context.client)) {
          await target.write(`${text}\n`)
          records++
        }
        await target.sync()
      } catch (error) {
        await rm(file, { force: true })
        throw error
      } finally {
        await target.close()
      }
      if (context.json) return printJson({ file, records })
      print(`${file}: ${pluralText(records, 'record')}`)
      remark(`check it anywhere: roadstead audit verify --from ${file} --checkpoints FOLDER`)
    })
}

function isThere(file: string): Refusal {
  return new Refusal('file-exists', `${file} is there already`, {
    status: 409,
    hint: 'give the export a name of its own: an old one is never written over',
  })
}
