import { Command } from 'commander'
import { Refusal } from '../base/errors.ts'
import { isRunOver } from '../parts/jobs/model.ts'
import type { RunDetails, RunView } from '../wire/jobs.ts'
import { openContext, patiently, type Context } from './context.ts'
import { Exit, exitCodes } from './terminal/failure.ts'
import { print, printJson, remark } from './terminal/output.ts'
import { runEnding } from './terminal/run-lines.ts'

/** Time between two looks at a run, in ms: short enough to feel live. */
const lookEveryMs = 250

/** Exit codes that say something of their own; a job's own are passed on below it. */
const exitCodeMax = 255

/** `roadstead run APP/JOB`: runs a job once, shows what it prints, and ends as it ended. */
export function runCommand(): Command {
  return new Command('run')
    .description('run a job once, now, and follow it to its end')
    .argument('<job>', 'app/job; or the job alone, where one app has it')
    .option('-d, --detach', 'do not follow it')
    .addHelpText('after', closing)
    .action(async (name: string, options: { detach?: boolean }, command: Command) => {
      const context = await openContext(command)
      const { at, job } = await resolveJob(context, name)
      const { runId } = await context.client.runJob(at, job)
      if (options.detach === true) {
        const { run } = await context.client.run(runId)
        if (context.json) return printJson(run)
        return print(`${runId}: \`roadstead runs ${runId}\` shows how it goes`)
      }
      await followRun(context, runId)
    })
}

const closing = `
What it prints goes to standard output. Exit code: the job's own; 1 where it has none, because it
timed out, was cancelled or could not start.

Examples:
  $ roadstead run webshop/reindex
  $ roadstead run reindex --detach`

async function resolveJob(
  { client, cell }: Context,
  name: string,
): Promise<{ at: RunView['at']; job: string }> {
  const [first = '', second] = name.split('/')
  const apps = (await client.apps()).filter(
    ({ at }) => at.environment === cell.environment && at.tenant === cell.tenant,
  )
  if (second !== undefined) return { at: { ...cell, app: first }, job: second }
  const jobs = (await Promise.all(apps.map(({ at }) => client.jobs(at)))).flat()
  const found = jobs.filter(({ spec }) => spec.name === first)
  const [only] = found
  if (only !== undefined && found.length === 1) return { at: only.at, job: first }
  const all = (found.length > 1 ? found : jobs).map(({ at, spec }) => `${at.app}/${spec.name}`)
  throw new Refusal(
    found.length > 1 ? 'job-ambiguous' : 'job-unknown',
    found.length > 1 ? `several apps have a job "${first}"` : `there is no job "${first}"`,
    {
      status: 404,
      hint: all.length === 0 ? 'no app here has jobs' : `there are: ${all.join(', ')}`,
    },
  )
}

async function followRun(context: Context, runId: string): Promise<void> {
  const patient = await patiently(context)
  try {
    const { run } = await watch(patient, runId)
    if (context.json) printJson(run)
    else remark(runEnding(run))
    if (run.state === 'succeeded') return
    const code = run.attempts.at(-1)?.exitCode ?? exitCodes.refused
    throw new Exit(code > 0 && code <= exitCodeMax ? code : exitCodes.refused)
  } catch (error) {
    if (!context.signal.aborted) throw error
    remark(`the run goes on without you; to take it back: roadstead runs cancel ${runId}`)
    throw new Exit(exitCodes.interrupted)
  }
}

/** Looks until the run is over, and prints the lines that have come. */
async function watch(context: Context, runId: string): Promise<RunDetails> {
  const shown = new Shown()
  for (let last = ''; ;) {
    const details = await context.client.run(runId)
    const { state, because } = details.run
    if (!context.json) {
      shown.print(details)
      const line = `${state}: ${because}`
      if (line !== last && !isRunOver(state)) remark(line)
      last = line
    }
    if (isRunOver(state)) return settled(context, details, shown)
    await context.clock.sleep(lookEveryMs, context.signal)
  }
}

/** The last lines travel for a moment longer than the news of the end. */
async function settled(context: Context, details: RunDetails, shown: Shown): Promise<RunDetails> {
  if (context.json || details.run.attempts.length === 0) return details
  for (let look = 0; look < 4; look++) {
    await context.clock.sleep(lookEveryMs, context.signal)
    shown.print(await context.client.run(details.run.id))
  }
  return details
}

/** Prints each line of an attempt once. */
class Shown {
  #instanceId = ''
  #last = ''

  print({ output }: RunDetails): void {
    const id = output.at(-1)?.instanceId ?? ''
    if (id !== this.#instanceId) {
      this.#instanceId = id
      this.#last = ''
    }
    const keys = output.map(({ at, stream, text }) => `${at} ${stream} ${text}`)
    const from = this.#last === '' ? 0 : keys.lastIndexOf(this.#last) + 1
    for (const { text } of output.slice(from)) print(text)
    this.#last = keys.at(-1) ?? this.#last
  }
}
