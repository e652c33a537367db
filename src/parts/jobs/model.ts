import Type, { type Static } from 'typebox'
import { keyOf, type Key } from '../../base/key.ts'
import type { StateTable } from '../../base/state-table.ts'
import { Command, Overlap } from '../apps/model.ts'
import { Runnable } from '../artifacts/model.ts'
import { Resources } from '../nodes/model.ts'
import { AppCell, appCellName } from '../tenants/model.ts'

/** Where one run of a job stands. Writer: the jobs controller, after whoever created it. */
export const RunState = Type.Enum([
  /** Waits for the run before it (overlap: queue), or for the lock of its cell. */
  'waiting',
  /** An attempt is under way, or the wait before the next one. */
  'running',
  /** An attempt ended with exit code 0. */
  'succeeded',
  /** The last attempt that it may have ended otherwise. */
  'failed',
  /** It took longer than it may. */
  'timed-out',
  /** A person, or the end of its app or rollout, took it back. */
  'cancelled',
  /** Its time came while the run before was under way, or while nobody could start it. */
  'skipped',
])
export type RunState = Static<typeof RunState>

export const runTable: StateTable<RunState, 'jobs'> = {
  initial: 'waiting',
  transitions: [
    { from: 'waiting', to: 'running', by: 'jobs' },
    { from: 'waiting', to: 'cancelled', by: 'jobs' },
    { from: 'waiting', to: 'skipped', by: 'jobs' },
    { from: 'running', to: 'succeeded', by: 'jobs' },
    { from: 'running', to: 'failed', by: 'jobs' },
    { from: 'running', to: 'timed-out', by: 'jobs' },
    { from: 'running', to: 'cancelled', by: 'jobs' },
  ],
}

/** Runs in these states are over. */
export function isRunOver(state: RunState): boolean {
  return state !== 'waiting' && state !== 'running'
}

/** What a build is made of, beside the files of its context, and what its image is called. */
export const BuildOrder = Type.Object({
  /** The service that it is for. */
  service: Type.String(),
  /** With its registry; the tag is the hash of what it is built from. */
  image: Type.String({ minLength: 1, maxLength: 512 }),
  /** Within the context. */
  dockerfile: Type.String(),
  /** The stage that becomes the image; null: the last one. */
  target: Type.Union([Type.String(), Type.Null()]),
  args: Type.Record(Type.String(), Type.String()),
})
export type BuildOrder = Static<typeof BuildOrder>

/** What one run executes: fixed when the run is made, whatever is deployed meanwhile. */
export const RunSpec = Type.Object({
  run: Command,
  /** Whose environment and needs it gets; null: a release's test, which has its targets. */
  service: Type.Union([Type.String(), Type.Null()]),
  artifact: Runnable,
  resources: Resources,
  /** Of each attempt. */
  timeoutMs: Type.Integer({ minimum: 1 }),
  /** Attempts after the first. */
  retries: Type.Integer({ minimum: 0 }),
  overlap: Overlap,
  /** Of a build: then `artifact` is its context. */
  build: Type.Optional(BuildOrder),
})
export type RunSpec = Static<typeof RunSpec>

/** One attempt at a run: an instance that ran to its end, or was lost on the way. */
export const RunAttempt = Type.Object({
  instanceId: Type.String(),
  /** Wall ms. */
  startedAt: Type.Number(),
  endedAt: Type.Union([Type.Number(), Type.Null()]),
  /** Null while it runs, and when nobody saw its end. */
  exitCode: Type.Union([Type.Integer(), Type.Null()]),
  /** How it ended, in a sentence; empty until then. */
  because: Type.String(),
})
export type RunAttempt = Static<typeof RunAttempt>

/** One run of a job, with its attempts: kept a while for people. */
export const JobRun = Type.Object({
  id: Type.String(),
  at: AppCell,
  /** The manifest's name of the job; of what no manifest names so: `~test`, `~migrate`, `~build`. */
  job: Type.String(),
  purpose: Type.Enum([
    /** Its time had come. */
    'cron',
    /** A person asked for it. */
    'manual',
    /** A rollout's test step. */
    'test',
    /** A rollout's migration: one at a time in a cell. */
    'migration',
    /** An image that a deploy needs. */
    'build',
  ]),
  /** The instant of its schedule that it stands for, wall ms; null for what has none. */
  slot: Type.Union([Type.Number(), Type.Null()]),
  /** The rollout that waits for it. */
  rolloutId: Type.Union([Type.String(), Type.Null()]),
  /** Empty for a build: it comes before its release. */
  releaseId: Type.String(),
  spec: RunSpec,
  state: RunState,
  /** One sentence on where it stands, or how it ended. */
  because: Type.String(),
  attempts: Type.Array(RunAttempt),
  /** Wall ms at which the next attempt starts, while one has failed and another is allowed. */
  retryAt: Type.Union([Type.Number(), Type.Null()]),
  /** Who took it back; null: nobody. Writer: the cancel route, once. */
  cancelledBy: Type.Union([Type.String(), Type.Null()]),
  createdBy: Type.String(),
  createdAt: Type.Number(),
  startedAt: Type.Union([Type.Number(), Type.Null()]),
  endedAt: Type.Union([Type.Number(), Type.Null()]),
})
export type JobRun = Static<typeof JobRun>

export function jobRunKey(at: AppCell, id: string): Key {
  const { tenant, environment, app } = at
  return keyOf({ kind: 'job-run', tenant, environment, app, name: id })
}

/**
 * How far a job has come along its schedule. It is written in the same commit that makes a run of a
 * slot, so no slot starts twice, whichever server decides (S14).
 */
export const JobState = Type.Object({
  at: AppCell,
  job: Type.String(),
  /** Since when it is known, wall ms: nothing can be late that has not had its time. */
  begunAt: Type.Number(),
  /** Slots up to here are started or skipped, wall ms; never goes back. */
  decidedUntil: Type.Number(),
  /** Wall ms; null: not yet. */
  lastSuccessAt: Type.Union([Type.Number(), Type.Null()]),
  /** Since when it is late: it has not succeeded for as long as `late` allows. */
  lateSince: Type.Union([Type.Number(), Type.Null()]),
})
export type JobState = Static<typeof JobState>

export function jobStateKey(at: AppCell, job: string): Key {
  const { tenant, environment, app } = at
  return keyOf({ kind: 'job-state', tenant, environment, app, name: job })
}

/** `local/default/shop/reindex`: one job in one cell. */
export function jobName(at: AppCell, job: string): string {
  return `${appCellName(at)}/${job}`
}

/** The name that a release's tests stand under; no job can be called so. */
export const testJob = '~test'

/** How it ends, beside 0. */
export const journeyExits = {
  /** There is no Chromium on the machine, or it does not start. */
  noBrowser: 3,
  /** The first journey has failed; the code of each that follows is one more. */
  first: 11,
} as const

/** The name that a release's migrations stand under: one at a time, whatever release they are of. */
export const migrateJob = '~migrate'

/** The name that builds of images stand under. */
export const buildJob = '~build'
