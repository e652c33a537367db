import { Command } from 'commander'
import { Refusal } from '../base/errors.ts'
import type { AppView } from '../wire/api.ts'
import { openContext } from './context.ts'
import { Exit, exitCodes } from './terminal/failure.ts'
import { pluralText } from './terminal/format.ts'
import { print, printJson, remark } from './terminal/output.ts'

interface DestroyOptions {
  readonly yes?: boolean
  readonly detach?: boolean
}

/** `roadstead destroy APP`: its instances end, its releases and records go. There is no way back. */
export function destroyCommand(): Command {
  return new Command('destroy')
    .description('end an app and forget all of it in this cell; asks first')
    .argument('<app>')
    .option('-y, --yes', 'do not ask')
    .option('-d, --detach', 'do not wait until it is gone')
    .addHelpText('after', '\nExample:\n  $ roadstead destroy shop --cell dev/cz')
    .action(run)
}

async function run(name: string, options: DestroyOptions, command: Command): Promise<void> {
  const context = await openContext(command)
  const [{ resolveApp }, { waitUntilSettled }] = await Promise.all([
    import('./api/names.ts'),
    import('./settling.ts'),
  ])
  const app = resolveApp(name, await context.client.apps(), context.cell)
  if (options.yes !== true) await confirm(app)
  const written = await context.client.destroy(app.at)
  if (context.json) return printJson(written)
  if (options.detach === true) return print(`${app.at.app}: asked to go`)
  const left = (services: typeof app.services): number =>
    services.reduce(
      (sum, { ready, draining, maintenance }) => sum + ready + draining + maintenance,
      0,
    )
  await waitUntilSettled(context, app.at, {
    doing: `destroying ${app.at.app}`,
    isDone: (seen) => seen === undefined,
    progress: (seen) => `${pluralText(left(seen.services), 'instance')} left`,
    done: `${app.at.app} is gone from ${app.at.environment}/${app.at.tenant}`,
  })
}

/** Asks a person; where nobody can be asked it refuses. */
async function confirm(app: AppView): Promise<void> {
  const cell = `${app.at.environment}/${app.at.tenant}`
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new Refusal('confirmation-needed', `destroying ${app.at.app} in ${cell} asks first`, {
      hint: 'say --yes where nobody can be asked',
    })
  }
  const { isCancel, text } = await import('@clack/prompts')
  const services = pluralText(app.services.length, 'service')
  const loss = `This ends ${services} of ${app.at.app} in ${cell} and forgets its releases.`
  const answer = await text({
    message: `${loss} Type the app's name:`,
    placeholder: app.at.app,
    output: process.stderr,
  })
  if (!isCancel(answer) && answer === app.at.app) return
  remark('nothing was destroyed')
  throw new Exit(isCancel(answer) ? exitCodes.interrupted : exitCodes.refused)
}
