import type { Clock } from '../../base/clock.ts'
import type { Controller, Plan } from '../../base/control-loop.ts'
import { Bug, unreachable } from '../../base/errors.ts'
import { partsOf } from '../../base/key.ts'
import type { Random } from '../../base/random.ts'
import {
  create,
  remove,
  replace,
  type Change,
  type Entry,
  type Snapshot,
  type State,
  type Write,
} from '../../store/port.ts'
import type { Release } from '../apps/model.ts'
import { instanceKind } from '../instances/records.ts'
import { jobNames, observeJob, releaseOf, type ObservedJob } from './job-view.ts'
import { jobName, type JobRun, type JobState } from './model.ts'
import { newAttempt, newRun, runSpecOf } from './new-run.ts'
import { planJob, type JobAction } from './plan.ts'
import { jobRunKind, jobStateKind, runOfInstance } from './records.ts'

interface View extends ObservedJob {
  readonly release: Release | undefined
}

interface Action {
  readonly decision: JobAction
  readonly view: View
}

/** Runs what runs to its end: at its time, once per slot, with its retries and time-outs. */
export function jobsController(options: {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
}): Controller<Change, Snapshot, View, Action> {
  return {
    name: 'jobs',
    keysOf,
    allKeys: (snapshot) => jobNames(snapshot),
    observe(key, snapshot) {
      const seen = observeJob(key, snapshot)
      return seen === undefined ? undefined : { ...seen, release: releaseOf(snapshot, seen.at) }
    },
    plan(view, now): Plan<Action> {
      const plan = planJob(view, now)
      return { ...plan, actions: plan.actions.map((decision) => ({ decision, view })) }
    },
    async apply({ decision, view }) {
      const writes = writesOf(decision, view, options)
      if (writes.length === 0) return
      await options.state.commit({
        writes,
        attribution: {
          who: 'jobs',
          what: `job.${decision.type}`,
          why: `${jobName(view.at, view.job)}: ${decision.because}`,
        },
      })
    },
  }
}

function* keysOf(change: Change, snapshot: Snapshot): Iterable<string> {
  switch (change.of) {
    case 'record':
      yield* keysOfRecord(change, snapshot)
      return
    case 'instance': {
      const run = runOfInstance(snapshot, change.instanceId)?.value
      if (run !== undefined) yield jobName(run.at, run.job)
      return
    }
    case 'node':
    case 'ingress':
      return
    default:
      unreachable(change)
  }
}

function* keysOfRecord(
  change: Extract<Change, { of: 'record' }>,
  snapshot: Snapshot,
): Iterable<string> {
  const { tenant, environment, app } = partsOf(change.key)
  const at = { tenant, environment, app }
  if (change.kind === 'job-run' || change.kind === 'job-state') {
    const { job } = (change.after ?? change.before) as JobRun | JobState
    yield jobName(at, job)
  } else if (change.kind === 'app' || change.kind === 'rollout') {
    yield* jobNames(snapshot, at)
  } else if (change.kind === 'instance') {
    const [, , , , id = ''] = change.key.split('/')
    const run = runOfInstance(snapshot, id)?.value
    if (run !== undefined) yield jobName(run.at, run.job)
  } else if (change.kind === 'node') {
    const [, , , , nodeId = ''] = change.key.split('/')
    for (const { value } of snapshot.find(instanceKind, 'node', nodeId)) {
      const run = value.purpose === 'job' ? runOfInstance(snapshot, value.id)?.value : undefined
      if (run !== undefined) yield jobName(run.at, run.job)
    }
  }
}

interface Making {
  readonly clock: Clock
  readonly random: Random
}

function writesOf(decision: JobAction, view: View, making: Making): Write[] {
  switch (decision.type) {
    case 'begin': {
      const { decidedUntil = 0, begunAt = 0 } = decision.state
      const { at, job } = view
      const begun = { at, job, begunAt, decidedUntil, lastSuccessAt: null, lateSince: null }
      return [create<JobState>(jobStateKind, begun)]
    }
    case 'start-slot':
      return startOf(decision.slot, view, making)
    case 'pass-slots':
      return stateChange(view, { decidedUntil: decision.decidedUntil })
    case 'late':
    case 'on-time':
      return stateChange(view, { lateSince: decision.since })
    case 'forget-state':
      return view.stateEntry === undefined ? [] : [remove(view.stateEntry)]
    case 'forget':
      return [remove(runEntry(view, decision.runId))]
    case 'attempt':
      return attemptOf(decision.runId, view, making)
    case 'note':
      return noteOf(decision.runId, decision.changes, view)
    default:
      return unreachable(decision)
  }
}

/** The run and the schedule's progress in one commit: of two that decide the same, one fails. */
function startOf(slot: number, view: View, making: Making): Write[] {
  const { spec, release, at } = view
  const runSpec = spec === null || release === undefined ? undefined : runSpecOf(release, spec)
  const progress = stateChange(view, { decidedUntil: slot })
  if (runSpec === undefined) return progress
  const run = newRun(
    { at, job: view.job, purpose: 'cron', slot, releaseId: view.releaseId, spec: runSpec },
    'jobs',
    making,
  )
  return [create(jobRunKind, run), ...progress]
}

function attemptOf(runId: string, view: View, making: Making): Write[] {
  const entry = runEntry(view, runId)
  const { value: run } = entry
  const instance = newAttempt(run, making)
  const now = making.clock.now()
  const attempt = {
    instanceId: instance.id,
    startedAt: now,
    endedAt: null,
    exitCode: null,
    because: '',
  }
  return [
    create(instanceKind, instance),
    replace<JobRun>(jobRunKind, entry, {
      ...run,
      state: 'running',
      because: instance.because,
      attempts: [...run.attempts, attempt],
      retryAt: null,
      startedAt: run.startedAt ?? now,
    }),
  ]
}

function noteOf(runId: string, changes: Partial<JobRun>, view: View): Write[] {
  const entry = runEntry(view, runId)
  const run = { ...entry.value, ...changes }
  const noted = replace<JobRun>(jobRunKind, entry, run)
  if (run.state !== 'succeeded') return [noted]
  return [noted, ...stateChange(view, { lastSuccessAt: run.endedAt, lateSince: null })]
}

function stateChange(view: View, changes: Partial<JobState>): Write[] {
  const { stateEntry } = view
  if (stateEntry === undefined) return []
  return [replace<JobState>(jobStateKind, stateEntry, { ...stateEntry.value, ...changes })]
}

function runEntry(view: View, runId: string): Entry<JobRun> {
  const entry = view.entries.get(runId)
  if (entry === undefined) throw new Bug(`the plan names ${runId}, which is no run of ${view.job}`)
  return entry
}
