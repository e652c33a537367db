import { Command } from 'commander'
import { openContext } from './context.ts'
import { timeText } from './terminal/format.ts'
import { printJson, printTable } from './terminal/output.ts'

/** `roadstead volumes`: which data stands where. */
export function volumesCommand(): Command {
  return new Command('volumes')
    .description('print the volumes of all apps: whose, on which node, and whether it is heard')
    .addHelpText('after', '\nExample:\n  $ roadstead volumes')
    .action(run)
}

async function run(_options: object, command: Command): Promise<void> {
  const { client, json, clock } = await openContext(command)
  const volumes = await client.volumes()
  if (json) return printJson(volumes)
  const now = clock.now()
  await printTable(
    volumes,
    [
      { title: 'VOLUME', of: ({ name }) => name },
      { title: 'SERVICE', of: ({ at, service }) => `${at.app}/${service}` },
      { title: 'CELL', of: ({ at }) => `${at.environment}/${at.tenant}` },
      { title: 'NODE', of: ({ nodeId }) => nodeId },
      { title: 'STATE', of: ({ state }) => state },
      { title: 'SINCE', of: ({ createdAt }) => timeText(createdAt, now) },
      { title: 'ID', of: ({ id }) => id },
    ],
    'no app keeps a volume',
  )
}
