import { Command } from 'commander'
import type { Cell } from '../parts/tenants/model.ts'
import type { ApiClient } from './api/client.ts'
import { isNameKind, namesOf } from './api/names-of.ts'
import { contextOf, settingsIn } from './context.ts'
import { print } from './terminal/output.ts'

/** A person waits for the answer with a finger on the key; without one there are just no names. */
const answerMsMax = 1_500

/**
 * `roadstead completion-names KIND LINE`: the names that fit, one a line, for completion scripts.
 * It asks the server that the line names, and says nothing at all where that fails.
 */
export function completionNamesCommand(): Command {
  return new Command('completion-names')
    .argument('<kind>')
    .argument('<line>', 'the command line so far')
    .action(async (kind: string, line: string) => {
      if (!isNameKind(kind)) return
      const { cell, ...rest } = optionsIn(line)
      // The cell may be what is being typed.
      const options = kind === 'cells' || cell === undefined ? rest : { ...rest, cell }
      const context = await contextOf(settingsIn(options), 0)
      const late = context.clock.sleep(answerMsMax).then((): string[] => [])
      const names = ask(context.client, context.cell, kind).catch((): string[] => [])
      for (const name of await Promise.race([names, late])) print(name)
      // Not a request under way nor the timer is waited for.
      process.exit(0)
    })
}

/** What a shell completes is evaluated by it: only what can be nothing but a name goes there. */
async function ask(
  client: ApiClient,
  cell: Cell,
  kind: Parameters<typeof namesOf>[2],
): Promise<string[]> {
  const names = await namesOf(client, cell, kind)
  return [...new Set(names)].filter((name) => /^[\w./-]{1,120}$/.test(name)).toSorted()
}

/** The options of the line that say which server is meant, and what of it. */
function optionsIn(line: string): Readonly<Record<string, string>> {
  const words = line.split(/[\s=]+/)
  const valueOf = (option: string): string | undefined => words[words.indexOf(option) + 1 || -1]
  const options = {
    server: valueOf('--server'),
    tokenFile: valueOf('--token-file'),
    cell: valueOf('--cell'),
  }
  return Object.fromEntries(
    Object.entries(options).filter((entry): entry is [string, string] => Boolean(entry[1])),
  )
}
