import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { create, replace, type Entry, type State } from '../../store/port.ts'
import type { LogStore } from '../../telemetry/logs/port.ts'
import { Written } from '../../wire/api.ts'
import { JobView, RunAnswer, RunDetails, RunView } from '../../wire/jobs.ts'
import { appParams, appPath, idParam } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import type { JobSpec } from '../apps/model.ts'
import { appAt, currentRelease } from '../apps/records.ts'
import { cellName, type AppCell } from '../tenants/model.ts'
import { isRunOver, type JobRun } from './model.ts'
import { newRun, runSpecOf } from './new-run.ts'
import { jobRunKind, jobsOf, openRunsOf, runById, runsOf } from './records.ts'
import { viewOfJob } from './view.ts'

export interface JobRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
  readonly logs: Pick<LogStore, 'search'>
}

const people = { roles: ['operator', 'developer', 'viewer'] } as const
const releasers = { roles: ['operator', 'developer'] } as const
const tag = 'jobs'
const jobParams = Type.Object({ ...appParams.properties, job: appParams.properties.app })
const runParams = Type.Object({ id: idParam })
const limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 200 }))
const limitDefault = 50

/** Runs of one job that may be open at once: whoever asks again and again is refused. */
const openRunsMax = 20

/** Lines of a run's output in its answer: its end says how it went. */
const outputLines = 200

/** Jobs, when they run next, and how their runs went. */
export function jobRoutes(options: JobRoutesOptions): RouteDefinition[] {
  return [
    jobsRoute(options),
    runsOfJobRoute(options),
    startRoute(options),
    runsRoute(options),
    runRoute(options),
    cancelRoute(options),
  ]
}

function jobsRoute({ state, clock }: JobRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: `${appPath}/jobs`,
    rule: people,
    summary: 'The jobs of an app in a cell: when each runs next, and how it went last.',
    tag,
    params: appParams,
    answers: { 200: Type.Object({ items: Type.Array(JobView) }) },
    async handle({ params }) {
      const { snapshot } = state
      const jobs = jobsOf(snapshot, params)
      return { body: { items: jobs.map((job) => viewOfJob(snapshot, params, job, clock.now())) } }
    },
  })
}

function runsOfJobRoute({ state }: JobRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: `${appPath}/jobs/:job/runs`,
    rule: people,
    summary: 'The kept runs of one job, newest first.',
    tag,
    params: jobParams,
    query: Type.Object({ limit }),
    answers: { 200: Type.Object({ items: Type.Array(RunView) }) },
    async handle({ params, query }) {
      const { job, ...at } = params
      return { body: newest(runsOf(state.snapshot, at, job), query.limit) }
    },
  })
}

function startRoute({ state, clock, random }: JobRoutesOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/jobs/:job/run`,
    rule: releasers,
    summary: 'Runs a job once, now, or after the run that is under way.',
    tag,
    params: jobParams,
    answers: { 202: RunAnswer },
    async handle({ params, caller }) {
      const { job, ...at } = params
      const who = caller?.name ?? ''
      const run = newManualRun(state, at, job, who, { clock, random })
      const revision = await state.commit({
        writes: [create(jobRunKind, run)],
        attribution: {
          who,
          what: 'job.run',
          why: `${at.app}/${job} in ${cellName(at)}: ${run.id}`,
        },
      })
      return { status: 202, body: { runId: run.id, revision } }
    },
  })
}

/** It waits for a run under way, whatever the schedule's rule is: somebody wants it to run. */
function newManualRun(
  { snapshot }: State,
  at: AppCell,
  job: string,
  who: string,
  making: { readonly clock: Clock; readonly random: Random },
): JobRun {
  const jobs = jobsOf(snapshot, at)
  const spec = jobs.find(({ name }) => name === job)
  const app = appAt(snapshot, at)?.value
  const release = app === undefined ? undefined : currentRelease(snapshot, app)
  if (spec === undefined || release === undefined) throw unknownJob(at, job, jobs)
  const runSpec = runSpecOf(release, spec)
  if (runSpec === undefined) throw unknownJob(at, job, jobs)
  if (openRunsOf(snapshot, at, job).length >= openRunsMax) {
    throw new Refusal('runs-queued', `${openRunsMax} runs of ${at.app}/${job} wait already`, {
      status: 429,
      hint: 'wait for them, or take one back with `roadstead runs cancel ID`',
    })
  }
  const overlap = spec.overlap === 'allow' ? 'allow' : 'queue'
  const what = { at, job, purpose: 'manual', slot: null, releaseId: release.id } as const
  return newRun({ ...what, spec: { ...runSpec, overlap } }, who, making)
}

function unknownJob(at: AppCell, job: string, jobs: readonly JobSpec[]): Refusal {
  const names = jobs.map(({ name }) => name).join(', ')
  return new Refusal('job-unknown', `${at.app} in ${cellName(at)} has no job ${job}`, {
    status: 404,
    hint: names === '' ? 'its manifest has no block `jobs`' : `it has: ${names}`,
  })
}

function runsRoute({ state }: JobRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/runs',
    rule: people,
    summary: 'Runs of all jobs, tests included, newest first.',
    tag,
    query: Type.Object({ limit }),
    answers: { 200: Type.Object({ items: Type.Array(RunView) }) },
    async handle({ query }) {
      return { body: newest([...state.snapshot.list(jobRunKind)], query.limit) }
    },
  })
}

function runRoute({ state, logs }: JobRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/runs/:id',
    rule: people,
    summary: 'One run with its attempts, and the end of what the last of them printed.',
    tag,
    params: runParams,
    answers: { 200: RunDetails },
    async handle({ params }) {
      const run = requireRun(state, params.id).value
      const instanceId = run.attempts.at(-1)?.instanceId
      const output =
        instanceId === undefined
          ? []
          : (await logs.search({ cell: run.at, instanceId, limit: outputLines })).lines
      return { body: { run, output } }
    },
  })
}

function cancelRoute({ state }: JobRoutesOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: '/v1/runs/:id/cancel',
    rule: releasers,
    summary: 'Takes back a run that is not over; an attempt under way is ended.',
    tag,
    params: runParams,
    answers: { 202: Written },
    async handle({ params, caller }) {
      const entry = requireRun(state, params.id)
      const { value: run } = entry
      if (isRunOver(run.state)) {
        throw new Refusal('run-over', `${run.id} is over: it has ${run.state}`, {
          status: 409,
          hint: `\`roadstead run ${run.at.app}/${run.job}\` runs it again`,
        })
      }
      const who = caller?.name ?? ''
      const revision = await state.commit({
        writes: [replace<JobRun>(jobRunKind, entry, { ...run, cancelledBy: who })],
        attribution: { who, what: 'job.cancel', why: `${run.at.app}/${run.job} ${run.id}` },
      })
      return { status: 202, body: { revision } }
    },
  })
}

function requireRun(state: State, id: string): Entry<JobRun> {
  const entry = runById(state.snapshot, id)
  if (entry !== undefined) return entry
  throw new Refusal('run-unknown', `there is no run ${id}`, {
    status: 404,
    hint: '`roadstead runs` lists those that are kept',
  })
}

function newest(entries: readonly Entry<JobRun>[], most = limitDefault): { items: JobRun[] } {
  return {
    items: entries
      .toSorted((a, b) => b.createdRevision - a.createdRevision)
      .slice(0, most)
      .map(({ value }) => value),
  }
}
