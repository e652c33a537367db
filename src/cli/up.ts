import { Command, InvalidArgumentError, Option } from 'commander'
import { addDriverOptions } from './agent-driver.ts'

/** `roadstead up`: the whole cloud on this machine, in one terminal. */
export function upCommand(): Command {
  const command = new Command('up')
    .description('start the cloud on this machine: server, agent and ingress, until Ctrl-C')
    .option('--demo', 'deploy the sample shop, and drive a gentle load through it')
    .option('--no-load', 'with --demo: no load')
    .option('--data <folder>', 'where all data is kept (ROADSTEAD_DATA; ./.roadstead)')
    .option('--port <port>', 'of the API and the console (7070, or the next free one)', portOf)
    .option('--ingress-port <port>', 'of the apps (8080, or the next free one)', portOf)
    .addOption(
      new Option('--ingress <driver>', 'what carries the requests (roadstead ingress --driver)')
        .choices(['auto', 'builtin', 'haproxy'])
        .default('builtin'),
    )
  return addDriverOptions(command)
    .option('--no-builds', 'build no images here, though there may be a Docker Engine')
    .option('--no-color', 'print without colours')
    .addHelpText('after', examples)
    .action(async (options: Options) => {
      const { runUp } = await import('./up/supervisor.ts')
      await runUp(options)
    })
}

interface Options {
  readonly load: boolean
  readonly color: boolean
  readonly ingress: string
  readonly docker: string
  readonly isolation: string
  readonly builds: boolean
  readonly registryConfig?: string
}

const examples = `
A port that is given and taken is refused; 0 takes any free one.

Examples:
  $ roadstead up
  $ roadstead up --demo --no-load
  $ roadstead up --data /srv/roadstead --port 7171`

function portOf(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It must be a port, 0 to 65535.')
}
