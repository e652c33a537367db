import { Command } from 'commander'
import { openContext } from './context.ts'
import { ageText } from './terminal/format.ts'
import { printJson, printTable, toned } from './terminal/output.ts'

/** `roadstead plans`: what the control loops decided last, each with its sentence. */
export function plansCommand(): Command {
  return new Command('plans')
    .description('print what the control loops decided last, and why')
    .argument('[key]', 'those whose key holds this, such as an app')
    .addHelpText('after', '\nExample:\n  $ roadstead plans shop/storefront')
    .action(async (key: string | undefined, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const all = await context.client.plans()
      const plans = key === undefined ? all : all.filter((plan) => plan.key.includes(key))
      if (context.json) return printJson(plans)
      const now = context.clock.now()
      await printTable(
        plans,
        [
          { title: 'LOOP', of: ({ controller }) => controller },
          { title: 'KEY', of: (plan) => plan.key },
          { title: 'AGE', align: 'right', of: ({ at }) => ageText(at, now) },
          { title: 'ACTIONS', align: 'right', of: ({ actions }) => String(actions) },
          {
            title: 'BECAUSE',
            of: ({ because, error }) => (error === null ? because : toned(error, 'wrong')),
          },
        ],
        'nothing was planned yet',
      )
    })
}
