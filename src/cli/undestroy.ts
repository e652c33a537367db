import { Command } from 'commander'
import { openContext } from './context.ts'
import { print, printJson } from './terminal/output.ts'

/** `roadstead undestroy APP`: what was destroyed within 7 days comes back. */
export function undestroyCommand(): Command {
  return new Command('undestroy')
    .description('bring a destroyed app back, with the release that it ran last')
    .argument('<app>')
    .addHelpText('after', '\nExample:\n  $ roadstead undestroy shop --cell dev/cz')
    .action(async (name: string, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const answer = await context.client.undestroy({ ...context.cell, app: name })
      if (context.json) return printJson(answer)
      print(`${name} comes back with release ${answer.releaseNumber} (${answer.rolloutId})`)
      print(`roadstead rollout ${answer.rolloutId} follows it`)
    })
}
