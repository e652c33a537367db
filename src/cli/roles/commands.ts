import { Command } from 'commander'

const loaders: Readonly<Record<string, () => Promise<Command>>> = {
  server: async () => (await import('../server.ts')).serverCommand(),
  agent: async () => (await import('../agent.ts')).agentCommand(),
  ingress: async () => (await import('../ingress.ts')).ingressCommand(),
}

/** They start servers instead of speaking to one: their options, `--help` too, are their own. */
export const roleNames: ReadonlySet<string> = new Set(Object.keys(loaders))

/** The command of a role itself, with its options. */
export async function loadRole(name: string): Promise<Command> {
  const load = loaders[name]
  if (load === undefined) throw new TypeError(`${name} is no role`)
  return load()
}

/** The three roles as commands; each loads its own code only when it runs. */
export function roleCommands(): Command[] {
  return [
    roleCommand('server', 'run the server: the API, the console, and all decisions'),
    roleCommand('agent', 'run the agent: the instances of this node'),
    roleCommand('ingress', 'run the ingress: the requests of this node'),
  ]
}

/** A command that hands its whole command line on to the role's own. */
function roleCommand(name: string, summary: string): Command {
  return new Command(name)
    .description(summary)
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .argument('[options...]')
    .usage('[options]')
    .action(async (parameters: string[]) => {
      const command = await loadRole(name)
      await command.exitOverride().parseAsync(parameters, { from: 'user' })
    })
}
