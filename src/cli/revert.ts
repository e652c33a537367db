import { Command, InvalidArgumentError } from 'commander'
import { openContext } from './context.ts'
import { print, printJson } from './terminal/output.ts'

interface RevertOptions {
  readonly to?: number
  readonly detach?: boolean
}

/** `roadstead revert [APP]`: the release before comes back, or the one named. */
export function revertCommand(): Command {
  return new Command('revert')
    .description('bring back the release before, or another one')
    .argument('[app]', 'may be left out where there is one app')
    .option('--to <number>', "the release's number (roadstead releases lists them)", numberOf)
    .option('-d, --detach', 'do not follow the rollout')
    .addHelpText(
      'after',
      '\nExamples:\n  $ roadstead revert shop\n  $ roadstead revert shop --to 3',
    )
    .action(async (name: string | undefined, options: RevertOptions, command: Command) => {
      const context = await openContext(command)
      const [{ resolveApp }, { followRollout }] = await Promise.all([
        import('./api/names.ts'),
        import('./rollout-follower.ts'),
      ])
      const app = resolveApp(name, await context.client.apps(), context.cell)
      const answer = await context.client.revert(app.at, options.to)
      if (options.detach !== true) return followRollout(context, app.at, answer.rolloutId)
      if (context.json) return printJson(answer)
      print(`release ${answer.releaseNumber} comes back: roadstead rollout ${answer.rolloutId}`)
    })
}

function numberOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError("It must be a release's number, such as 3.")
}
