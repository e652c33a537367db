import { checkTransition } from '../../base/state-table.ts'
import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { currentRelease, appAt } from '../apps/records.ts'
import type { JobSpec } from '../apps/model.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import { isRunOver, jobName, JobRun, jobRunKey, JobState, jobStateKey, runTable } from './model.ts'

export const jobRunKind: Kind<JobRun> = {
  name: 'job-run',
  version: 1,
  schema: JobRun,
  keyOf: (run) => jobRunKey(run.at, run.id),
  upgraders: {},
  indexes: {
    id: (run) => run.id,
    app: (run) => appCellName(run.at),
    job: (run) => jobName(run.at, run.job),
    /** Those that are not over, by job: the one under way, and those that wait. */
    open: (run) => (isRunOver(run.state) ? undefined : jobName(run.at, run.job)),
    /** The run of an instance: of its last attempt. */
    instance: (run) => run.attempts.at(-1)?.instanceId,
  },
  checkChange: (before, after) => checkTransition(runTable, before?.state, after.state),
}

export const jobStateKind: Kind<JobState> = {
  name: 'job-state',
  version: 1,
  schema: JobState,
  keyOf: (state) => jobStateKey(state.at, state.job),
  upgraders: {},
  indexes: { app: (state) => appCellName(state.at) },
}

/** A run by its id, whichever cell it is in. */
export function runById(snapshot: Snapshot, id: string): Entry<JobRun> | undefined {
  for (const entry of snapshot.find(jobRunKind, 'id', id)) return entry
  return undefined
}

/** The run that an instance is the last attempt of. */
export function runOfInstance(snapshot: Snapshot, instanceId: string): Entry<JobRun> | undefined {
  for (const entry of snapshot.find(jobRunKind, 'instance', instanceId)) return entry
  return undefined
}

/**
 * The run of an instance that may be an earlier attempt of it: one that has ended while nobody heard
 * it is told to its node, and by it, until its record says so.
 */
export function runOfAttempt(
  snapshot: Snapshot,
  { id, at }: { readonly id: string; readonly at: AppCell },
): Entry<JobRun> | undefined {
  const last = runOfInstance(snapshot, id)
  if (last !== undefined) return last
  for (const entry of snapshot.find(jobRunKind, 'app', appCellName(at))) {
    if (entry.value.attempts.some((attempt) => attempt.instanceId === id)) return entry
  }
  return undefined
}

/** All kept runs of a job in a cell, oldest first. */
export function runsOf(snapshot: Snapshot, at: AppCell, job: string): Entry<JobRun>[] {
  return inOrder(snapshot.find(jobRunKind, 'job', jobName(at, job)))
}

/** Runs of a job that are not over, oldest first. */
export function openRunsOf(snapshot: Snapshot, at: AppCell, job: string): Entry<JobRun>[] {
  return inOrder(snapshot.find(jobRunKind, 'open', jobName(at, job)))
}

/** The instances that a job's runs wait for, by the service that they stand under. */
export function openAttempts(snapshot: Snapshot, at: AppCell, service: string): Set<string> {
  const own = service.slice(1)
  const job = own === 'test' || own === 'migrate' || own === 'build' ? service : own
  const attempts = openRunsOf(snapshot, at, job).map(({ value }) => value.attempts.at(-1))
  return new Set(attempts.flatMap((one) => (one?.endedAt === null ? [one.instanceId] : [])))
}

/** The jobs of the release that a cell runs. */
export function jobsOf(snapshot: Snapshot, at: AppCell): readonly JobSpec[] {
  const app = appAt(snapshot, at)?.value
  if (app === undefined || app.destroying) return []
  return currentRelease(snapshot, app)?.jobs ?? []
}

function inOrder(entries: Iterable<Entry<JobRun>>): Entry<JobRun>[] {
  return [...entries].toSorted((a, b) => a.createdRevision - b.createdRevision)
}
