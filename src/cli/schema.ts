import { Command } from 'commander'
import type { SchemaView } from '../wire/schema.ts'
import { openContext } from './context.ts'
import { ageText } from './terminal/format.ts'
import { print, printJson, printTable } from './terminal/output.ts'

/** `roadstead schema APP`: which releases have changed the schema that each service works on. */
export function schemaCommand(): Command {
  return new Command('schema')
    .addCommand(undoCommand())
    .description('print what migrations have done to the schemas of an app')
    .argument('<app>', 'the app; or `undo APP SERVICE`')
    .addHelpText('after', '\nExample:\n  $ roadstead schema webshop')
    .action(async (name: string, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const { client, cell } = context
      const { resolveApp } = await import('./api/names.ts')
      const stages = await client.schema(resolveApp(name, await client.apps(), cell).at)
      if (context.json) return printJson(stages)
      const now = context.clock.now()
      const text = (by: SchemaView['contractedBy']): string =>
        by === null ? '-' : `release ${by.number}, ${ageText(by.at, now)} ago`
      await printTable(
        stages,
        [
          { title: 'SERVICE', of: ({ service }) => service },
          { title: 'EXPANDED BY', of: ({ expandedBy }) => text(expandedBy) },
          { title: 'CONTRACTED BY', of: ({ contractedBy }) => text(contractedBy) },
          {
            title: 'UNDO',
            of: ({ undo }) => (undo === null ? '-' : `${undo.runId} ${undo.state}`),
          },
        ],
        'no migration has run here',
      )
    })
}

/** `roadstead schema undo APP SERVICE`: the only way that an expand is ever taken back. */
function undoCommand(): Command {
  return new Command('undo')
    .description('run the `migrate.undo` of the release that expanded the schema last')
    .argument('<app>', 'the app')
    .argument('<service>', 'the service whose schema it is')
    .addHelpText(
      'after',
      '\nExample:\n  $ roadstead revert webshop && roadstead schema undo webshop api',
    )
    .action(async (name: string, service: string, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const { client, cell } = context
      const { resolveApp } = await import('./api/names.ts')
      const answer = await client.undoSchema(
        resolveApp(name, await client.apps(), cell).at,
        service,
      )
      if (context.json) return printJson(answer)
      print(`${answer.runId} takes it back; \`roadstead runs ${answer.runId}\` shows its output`)
    })
}
