import { Command } from 'commander'
import type { JobView } from '../wire/jobs.ts'
import { openContext } from './context.ts'
import { ageText, timeText } from './terminal/format.ts'
import { printJson, printTable, toned } from './terminal/output.ts'
import { runTones } from './terminal/run-lines.ts'

/** `roadstead jobs [APP]`: what runs to its end, when it runs next, and how it went. */
export function jobsCommand(): Command {
  return new Command('jobs')
    .description('print the jobs of an app: when each runs next, and how it went last')
    .argument('[app]', 'one app only')
    .addHelpText('after', '\nExamples:\n  $ roadstead jobs\n  $ roadstead jobs webshop --json')
    .action(async (name: string | undefined, _options: unknown, command: Command) => {
      const context = await openContext(command)
      const { client, cell } = context
      const { resolveApp } = await import('./api/names.ts')
      const all = await client.apps()
      const here = all.filter(
        ({ at }) => at.environment === cell.environment && at.tenant === cell.tenant,
      )
      const apps = name === undefined ? here : [resolveApp(name, all, cell)]
      const jobs = (await Promise.all(apps.map(({ at }) => client.jobs(at)))).flat()
      if (context.json) return printJson(jobs)
      await printJobs(jobs, context.clock.now())
    })
}

async function printJobs(jobs: readonly JobView[], now: number): Promise<void> {
  await printTable(
    jobs,
    [
      { title: 'JOB', of: ({ at, spec }) => `${at.app}/${spec.name}` },
      { title: 'SCHEDULE', of: scheduleText },
      { title: 'NEXT', of: ({ nextAt }) => (nextAt === null ? '-' : timeText(nextAt, now)) },
      { title: 'LAST RUN', of: (job) => lastText(job, now) },
      { title: 'SUCCEEDED', of: ({ lastSuccessAt }) => agoText(lastSuccessAt, now) },
      { title: 'LATE', of: ({ lateSince }) => lateText(lateSince, now) },
    ],
    'no jobs here: the block `jobs` of a manifest describes them',
  )
}

function scheduleText({ spec: { schedule } }: JobView): string {
  return schedule === null ? 'when asked for' : `${schedule.cron} ${schedule.timezone}`
}

function lastText({ lastRun }: JobView, now: number): string {
  if (lastRun === null) return '-'
  const { state, createdAt } = lastRun
  return `${toned(state, runTones[state])} ${agoText(createdAt, now)}`
}

function agoText(at: number | null, now: number): string {
  return at === null ? '-' : `${ageText(at, now)} ago`
}

function lateText(since: number | null, now: number): string {
  return since === null ? toned('no', 'quiet') : toned(`for ${ageText(since, now)}`, 'wrong')
}
