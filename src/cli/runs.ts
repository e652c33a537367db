import { Command, InvalidArgumentError } from 'commander'
import type { RunView } from '../wire/jobs.ts'
import { openContext, type Context } from './context.ts'
import { ageText, durationText, timeText } from './terminal/format.ts'
import { print, printFields, printJson, printTable, toned } from './terminal/output.ts'
import { runTones } from './terminal/run-lines.ts'

/** Runs in one list at the most; the server's own bound. */
const listedMax = 200

/** `roadstead runs [ID]`: how jobs went, the tests of releases included. */
export function runsCommand(): Command {
  return new Command('runs')
    .addCommand(cancelCommand())
    .description(
      'print the runs of jobs and of release tests, newest first, or one with its output',
    )
    .argument('[run]', 'one run only (a beginning of its id is enough); or `cancel ID`')
    .option('-n, --limit <count>', 'how many', countOf, 20)
    .addHelpText('after', '\nExamples:\n  $ roadstead runs -n 5\n  $ roadstead runs run-7k3')
    .action(async (id: string | undefined, options: { limit: number }, command: Command) => {
      const context = await openContext(command)
      if (id !== undefined) return showOne(context, id)
      const runs = await context.client.runs(options.limit)
      if (context.json) return printJson(runs)
      await printRuns(runs, context.clock.now())
    })
}

/** `roadstead runs cancel ID`: what is not over is ended. */
function cancelCommand(): Command {
  return new Command('cancel')
    .description('take back a run that is not over; an attempt under way is ended')
    .argument('<run>', 'a beginning of its id is enough')
    .addHelpText('after', '\nExample:\n  $ roadstead runs cancel run-7k3')
    .action(async (id: string, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const run = await resolve(context, id)
      const written = await context.client.cancelRun(run.id)
      if (context.json) return printJson(written)
      print(`${run.id} is taken back`)
    })
}

async function resolve({ client }: Context, id: string): Promise<RunView> {
  const { resolveRun } = await import('./api/names.ts')
  return resolveRun(id, await client.runs(listedMax))
}

async function showOne(context: Context, id: string): Promise<void> {
  const details = await context.client.run((await resolve(context, id)).id)
  if (context.json) return printJson(details)
  const { run, output } = details
  const now = context.clock.now()
  printFields([
    ['run', run.id],
    ['job', `${run.at.app}/${run.job} in ${run.at.environment}/${run.at.tenant}`],
    ['state', `${toned(run.state, runTones[run.state])}: ${run.because}`],
    [
      'why',
      run.slot === null
        ? `${run.purpose}, by ${run.createdBy}`
        : `its time was ${timeText(run.slot, now)}`,
    ],
    ['took', tookText(run, now)],
  ])
  run.attempts.forEach(({ instanceId, because, startedAt }, index) => {
    const how = because === '' ? 'under way' : because
    print(`attempt ${index + 1}  ${timeText(startedAt, now)}  ${instanceId}  ${how}`)
  })
  if (output.length > 0) print()
  for (const { text } of output) print(text)
}

async function printRuns(runs: readonly RunView[], now: number): Promise<void> {
  await printTable(
    runs,
    [
      { title: 'RUN', of: ({ id }) => id },
      { title: 'JOB', of: ({ at, job }) => `${at.app}/${job}` },
      { title: 'CELL', of: ({ at }) => `${at.environment}/${at.tenant}` },
      { title: 'PURPOSE', of: ({ purpose }) => purpose },
      { title: 'STATE', of: ({ state }) => toned(state, runTones[state]) },
      { title: 'TOOK', align: 'right', of: (run) => tookText(run, now) },
      { title: 'TRIES', align: 'right', of: ({ attempts }) => String(attempts.length) },
      { title: 'AGE', align: 'right', of: ({ createdAt }) => ageText(createdAt, now) },
      { title: 'BECAUSE', of: ({ because }) => because },
    ],
    'nothing has run yet',
  )
}

function tookText({ startedAt, endedAt }: RunView, now: number): string {
  return startedAt === null ? '-' : durationText((endedAt ?? now) - startedAt)
}

function countOf(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= listedMax) return count
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${listedMax}.`)
}
