import { Command } from 'commander'
import { openContext } from './context.ts'
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
  const context = await openContext(command)
  const [{ resolveAppOrService }, { waitUntilSettled }] = await Promise.all([
    import('./api/names.ts'),
    import('./settling.ts'),
  ])
  const { app, service } = resolveAppOrService(name, await context.client.apps(), context.cell)
  const written = await context.client.start(app.at, service?.name)
  if (context.json) return printJson(written)
  const full = service === undefined ? app.at.app : `${app.at.app}/${service.name}`
  if (options.detach === true) return print(`${full}: asked to start`)
  const concerned = (services: typeof app.services): typeof app.services =>
    services.filter((candidate) => service === undefined || candidate.name === service.name)
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
