import { Command, InvalidArgumentError } from 'commander'
import { openContext } from './context.ts'
import { pluralText } from './terminal/format.ts'
import { print, printJson } from './terminal/output.ts'

/** Instances of one service at the most; the server refuses more too. */
const instancesMax = 1_000

/** `roadstead scale SERVICE N`: how many instances a service has. */
export function scaleCommand(): Command {
  return new Command('scale')
    .description('set how many instances of a service there are')
    .argument('<service>', 'app/service, or service where one app has it')
    .argument('<instances>', `how many, 0 to ${instancesMax}`, countOf)
    .option('-d, --detach', 'do not wait until they are ready')
    .addHelpText('after', '\nExample:\n  $ roadstead scale shop/storefront 4')
    .action(run)
}

async function run(
  name: string,
  wanted: number,
  options: { readonly detach?: boolean },
  command: Command,
): Promise<void> {
  const context = await openContext(command)
  const [{ resolveService }, { waitUntilSettled }] = await Promise.all([
    import('./api/names.ts'),
    import('./settling.ts'),
  ])
  const { app, service } = resolveService(name, await context.client.apps(), context.cell)
  const written = await context.client.scale(app.at, service.name, wanted)
  if (context.json) return printJson(written)
  const full = `${app.at.app}/${service.name}`
  const change = `${full}: ${service.wanted} to ${pluralText(wanted, 'instance')}`
  if (options.detach === true) return print(`${change}, asked for`)
  if (service.stopped) {
    return print(`${change} once it is started: roadstead start ${full}`)
  }
  const serviceIn = (services: typeof app.services): (typeof app.services)[number] | undefined =>
    services.find((candidate) => candidate.name === service.name)
  await waitUntilSettled(context, app.at, {
    doing: `scaling ${change}`,
    isDone: (seen) => {
      const now = serviceIn(seen?.services ?? [])
      return now !== undefined && now.ready === now.wanted && now.draining === 0
    },
    progress: (seen) => `${serviceIn(seen.services)?.ready ?? 0} ready`,
    done: `${full} has ${pluralText(wanted, 'instance')}`,
  })
}

function countOf(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count <= instancesMax) return count
  throw new InvalidArgumentError(`It must be a whole number from 0 to ${instancesMax}.`)
}
