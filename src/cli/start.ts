import { Command } from 'commander'
import { openNamedServices } from './named-services.ts'
import { print, printJson } from './terminal/output.ts'

/** `roadstead start [SERVICE]`: what was stopped runs again. */
export function startCommand(): Command {
  return new Command('start')
    .description('start a service, or a whole app, that was stopped')
    .argument('[service]', 'app/service, service, or a whole app')
    .option('-d, --detach', 'do not wait until its instances are ready')
    .addHelpText('after', '\nExample:\n  $ roadstead start shop/mailer')
    .action(run)
}

async function run(
  name: string | undefined,
  options: { readonly detach?: boolean },
  command: Command,
): Promise<void> {
  const { context, app, service, full, concerned } = await openNamedServices(command, name)
  const written = await context.client.start(app.at, service)
  if (context.json) return printJson(written)
  if (options.detach === true) return print(`${full}: asked to start`)
  const { waitUntilSettled } = await import('./settling.ts')
  await waitUntilSettled(context, app.at, {
    doing: `starting ${full}`,
    isDone: (seen) =>
      concerned(seen?.services ?? []).every(
        ({ stopped, ready, wanted }) => !stopped && ready >= wanted,
      ),
    progress: (seen) => {
      const services = concerned(seen.services)
      const sum = (of: 'ready' | 'wanted'): number =>
        services.reduce((total, candidate) => total + candidate[of], 0)
      return `${sum('ready')} of ${sum('wanted')} ready`
    },
    done: `${full} runs`,
  })
}
