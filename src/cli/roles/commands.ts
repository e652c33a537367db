import { Command } from 'commander'

/** The three roles as commands; each loads its own code only when it runs. */
export function roleCommands(): Command[] {
  return [
    roleCommand('server', 'run the server: the API, the console, and all decisions', async () => {
      const { serverCommand } = await import('../server.ts')
      return serverCommand()
    }),
    roleCommand('agent', 'run the agent: the instances of this node', async () => {
      const { agentCommand } = await import('../agent.ts')
      return agentCommand()
    }),
    roleCommand('ingress', 'run the ingress: the requests of this node', async () => {
      const { ingressCommand } = await import('../ingress.ts')
      return ingressCommand()
    }),
  ]
}

/** A command that hands its whole command line on to the one that `load` brings. */
function roleCommand(name: string, summary: string, load: () => Promise<Command>): Command {
  return new Command(name)
    .description(summary)
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .argument('[options...]')
    .usage('[options]')
    .action(async (parameters: string[]) => {
      const command = await load()
      await command.exitOverride().parseAsync(parameters, { from: 'user' })
    })
}
