import Type, { type Static } from 'typebox'
import { JobSpec } from '../parts/apps/model.ts'
import { JobRun } from '../parts/jobs/model.ts'
import { AppCell } from '../parts/tenants/model.ts'
import { LogLineView } from './api.ts'

/** One run of a job, as a list shows it. */
export const RunView = JobRun
export type RunView = Static<typeof RunView>

/** The end of what a run printed; all of it is in the logs, while they are kept. */
export const RunDetails = Type.Object({
  run: RunView,
  /** Of its last attempt, oldest line first. */
  output: Type.Array(LogLineView),
})
export type RunDetails = Static<typeof RunDetails>

/** A job of the release that a cell runs. */
export const JobView = Type.Object({
  at: AppCell,
  spec: JobSpec,
  /** Wall ms of its next time; null: it has no schedule. */
  nextAt: Type.Union([Type.Number(), Type.Null()]),
  lastSuccessAt: Type.Union([Type.Number(), Type.Null()]),
  /** Since when it is late; null: it is not. */
  lateSince: Type.Union([Type.Number(), Type.Null()]),
  /** The newest run, under way or over. */
  lastRun: Type.Union([RunView, Type.Null()]),
})
export type JobView = Static<typeof JobView>

/** The answer to "run it now". */
export const RunAnswer = Type.Object({ runId: Type.String(), revision: Type.Integer() })
export type RunAnswer = Static<typeof RunAnswer>
