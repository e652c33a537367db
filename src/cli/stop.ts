import { Command } from 'commander'
import { openNamedServices } from './named-services.ts'
import { pluralText } from './terminal/format.ts'
import { print, printJson } from './terminal/output.ts'

/** `roadstead stop [SERVICE]`: no instances until `start`; settings and releases stay. */
export function stopCommand(): Command {
  return new Command('stop')
    .description('stop a service, or a whole app, until it is started again')
    .argument('[service]', 'app/service, service, or a whole app')
    .option('-d, --detach', 'do not wait until its instances have ended')
    .addHelpText('after', '\nExamples:\n  $ roadstead stop shop/mailer\n  $ roadstead stop shop')
    .action(run)
}

async function run(
  name: string | undefined,
  options: { readonly detach?: boolean },
  command: Command,
): Promise<void> {
  const { context, app, service, full, concerned } = await openNamedServices(command, name)
  const written = await context.client.stop(app.at, service)
  if (context.json) return printJson(written)
  if (options.detach === true) return print(`${full}: asked to stop`)
  const left = (services: typeof app.services): number =>
    concerned(services).reduce(
      (sum, { ready, draining, maintenance }) => sum + ready + draining + maintenance,
      0,
    )
  const { waitUntilSettled } = await import('./settling.ts')
  await waitUntilSettled(context, app.at, {
    doing: `stopping ${full}`,
    isDone: (seen) => left(seen?.services ?? []) === 0,
    progress: (seen) => `${pluralText(left(seen.services), 'instance')} left`,
    done: `${full} is stopped; roadstead start ${full} brings it back`,
  })
}
