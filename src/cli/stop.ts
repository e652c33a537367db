import { Command } from 'commander'
import { openContext } from './context.ts'
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
  const context = await openContext(command)
  const [{ resolveAppOrService }, { waitUntilSettled }] = await Promise.all([
    import('./api/names.ts'),
    import('./settling.ts'),
  ])
  const { app, service } = resolveAppOrService(name, await context.client.apps(), context.cell)
  const written = await context.client.stop(app.at, service?.name)
  if (context.json) return printJson(written)
  const full = service === undefined ? app.at.app : `${app.at.app}/${service.name}`
  if (options.detach === true) return print(`${full}: asked to stop`)
  const left = (services: typeof app.services): number =>
    services
      .filter((candidate) => service === undefined || candidate.name === service.name)
      .reduce((sum, { ready, draining, maintenance }) => sum + ready + draining + maintenance, 0)
  await waitUntilSettled(context, app.at, {
    doing: `stopping ${full}`,
    isDone: (seen) => left(seen?.services ?? []) === 0,
    progress: (seen) => `${pluralText(left(seen.services), 'instance')} left`,
    done: `${full} is stopped; roadstead start ${full} brings it back`,
  })
}
