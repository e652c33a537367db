import { Command } from 'commander'
import { openContext } from './context.ts'
import { print, printJson } from './terminal/output.ts'

/** `roadstead replace INSTANCE`: a new one in its place; customers are served all the while. */
export function replaceCommand(): Command {
  return new Command('replace')
    .description('put a new instance in the place of one that is not to go on as it is')
    .argument('<instance>', 'a beginning of its id is enough')
    .addHelpText('after', closing)
    .action(async (id: string, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const { resolveInstance } = await import('./api/names.ts')
      const instance = resolveInstance(id, await context.client.instances({ ended: false }))
      const written = await context.client.replaceInstance(instance.id)
      if (context.json) return printJson(written)
      print(`${instance.id}: another ${instance.service} takes its place`)
    })
}

const closing = `
The new one is made ready first; then the old one ends its requests and leaves. Of a service that may
run only once, the old one ends first.

Example:
  $ roadstead replace i-7k3`
