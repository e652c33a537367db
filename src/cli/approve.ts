import { Command } from 'commander'
import { openContext } from './context.ts'
import { print, printJson } from './terminal/output.ts'

/** Rollouts in which an id is looked for; the server's own bound. */
const searchedMax = 200

/** `roadstead approve ROLLOUT`: the word of another person, where a gate asks for it. */
export function approveCommand(): Command {
  return new Command('approve')
    .description('approve a rollout that waits at a gate of platform.yaml')
    .argument('<id>', 'a beginning of its id is enough')
    .option('--reject', 'take it back instead, so that it never begins')
    .addHelpText('after', closing)
    .action(async (id: string, options: { readonly reject?: boolean }, command: Command) => {
      const context = await openContext(command)
      const { client } = context
      const { resolveRollout } = await import('./api/names.ts')
      const { at, id: whole } = resolveRollout(id, await client.rollouts(searchedMax))
      if (options.reject === true) {
        const written = await client.cancelRollout(at, whole)
        return context.json ? printJson(written) : print(`${whole} is taken back`)
      }
      const answer = await client.approveRollout(at, whole)
      if (context.json) return printJson(answer)
      const { approvedBy, waitsFor } = answer
      print(`${whole} is approved by ${approvedBy.join(', ')}`)
      print(waitsFor === null ? 'no gate holds it any more' : `it still ${waitsFor}`)
    })
}

const closing = `
You need the role that the gate names (roadstead tokens create NAME --may releaser), and where it
says notAuthor you may be none of those who brought the release this far.

Examples:
  $ roadstead approve ro-7k3
  $ roadstead approve ro-7k3 --reject`
