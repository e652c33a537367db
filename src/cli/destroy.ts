import { Command, InvalidArgumentError } from 'commander'
import { messageOf, Refusal } from '../base/errors.ts'
import type { AppView } from '../wire/api.ts'
import { openContext } from './context.ts'
import { Exit, exitCodes } from './terminal/failure.ts'
import { pluralText } from './terminal/format.ts'
import { print, printJson, remark } from './terminal/output.ts'

interface DestroyOptions {
  readonly yes?: boolean | number
  readonly detach?: boolean
}

/** `roadstead destroy APP`: its instances end, its releases and records go; kept for 7 days. */
export function destroyCommand(): Command {
  return new Command('destroy')
    .description('end an app and forget all of it in this cell; asks first')
    .argument('<app>')
    .option(
      '-y, --yes [instances]',
      'do not ask; with many instances or volumes, the number of instances',
      countOf,
    )
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
  const isAsked = options.yes === undefined
  if (isAsked) await confirm(app)
  const confirmed = typeof options.yes === 'number' ? options.yes : undefined
  const written = await context.client.destroy(app.at, confirmed).catch(async (error: unknown) => {
    const many = isAsked ? manyOf(error) : undefined
    if (many === undefined) throw error
    await confirmCount(many, messageOf(error))
    return context.client.destroy(app.at, many)
  })
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
  const services = pluralText(app.services.length, 'service')
  const loss = `This ends ${services} of ${app.at.app} in ${cell}; undestroy brings it back.`
  await askFor(app.at.app, `${loss} Type the app's name:`)
}

/** How many instances the server wants to hear of; undefined for any other error. */
function manyOf(error: unknown): number | undefined {
  if (!(error instanceof Refusal) || error.code !== 'confirmation-needed') return undefined
  const instances = error.details?.['instances']
  return typeof instances === 'number' ? instances : undefined
}

function confirmCount(instances: number, loss: string): Promise<void> {
  return askFor(String(instances), `${loss}. Type the number of instances:`)
}

async function askFor(wanted: string, message: string): Promise<void> {
  const { isCancel, text } = await import('@clack/prompts')
  const answer = await text({ message, placeholder: wanted, output: process.stderr })
  if (!isCancel(answer) && answer === wanted) return
  remark('nothing was destroyed')
  throw new Exit(isCancel(answer) ? exitCodes.interrupted : exitCodes.refused)
}

function countOf(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a number of instances.')
}
