import { Command } from 'commander'
import type { Release } from '../parts/apps/model.ts'
import { openContext } from './context.ts'
import { timeText } from './terminal/format.ts'
import { printJson, printTable, toned } from './terminal/output.ts'

/** `roadstead releases [APP]`: what can be gone back to. */
export function releasesCommand(): Command {
  return new Command('releases')
    .description('print the releases of an app that are kept, newest first')
    .argument('[app]', 'may be left out where there is one app')
    .addHelpText('after', '\nExample:\n  $ roadstead releases shop')
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const { resolveApp } = await import('./api/names.ts')
      const app = resolveApp(name, await context.client.apps(), context.cell)
      const releases = await context.client.releases(app.at)
      if (context.json) return printJson(releases)
      const now = context.clock.now()
      await printTable(
        releases,
        [
          { title: 'RELEASE', align: 'right', of: ({ number }) => String(number) },
          { title: 'VERSION', of: ({ version }) => version || '-' },
          { title: '', of: ({ id }) => (id === app.releaseId ? toned('online', 'well') : '') },
          { title: 'MADE', of: ({ createdAt }) => timeText(createdAt, now) },
          { title: 'BY', of: ({ createdBy }) => createdBy },
          { title: 'FROM', of: sourceText },
          { title: 'SERVICES', of: ({ services }) => services.map((each) => each.name).join(', ') },
        ],
        'no releases yet',
      )
    })
}

/** `qa/cz 7`: where it was promoted from, and its number there. */
function sourceText({ promotedFrom: from }: Release): string {
  return from === undefined ? '-' : `${from.environment}/${from.tenant} ${from.number}`
}
