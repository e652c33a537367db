import Type, { type Static } from 'typebox'
import { JobSpec } from '../parts/apps/model.ts'
import { ArtifactRef } from '../parts/artifacts/model.ts'
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

/** Within a build's context: never absolute, never out of it. */
const contextPath = Type.String({
  pattern: '^(?!/)(?!.*(^|/)\\.\\.(/|$))[^\\\\\\0~][^\\\\\\0]{0,255}$',
})

/** What an image is to be built from; `context` is an archive that the server holds. */
export const BuildRequest = Type.Object({
  /** The service that it is for, as people know it. */
  service: Type.String({ minLength: 1, maxLength: 40 }),
  /** Where it goes, with its registry and without a tag: the tag is the hash of all of this. */
  image: Type.String({ minLength: 1, maxLength: 384 }),
  context: ArtifactRef,
  dockerfile: contextPath,
  /** The stage that becomes the image; null: the last one. */
  target: Type.Union([Type.String({ minLength: 1, maxLength: 128 }), Type.Null()]),
  args: Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$' }), Type.String(), {
    additionalProperties: false,
    maxProperties: 200,
  }),
  /** Cores that are set aside on its node. */
  cpu: Type.Number({ minimum: 0.01, maximum: 256 }),
  /** Of each of its steps. */
  memoryBytes: Type.Integer({ minimum: 16 * 1_048_576, maximum: 2 ** 42 }),
  timeoutMs: Type.Integer({ minimum: 10_000, maximum: 21_600_000 }),
})
export type BuildRequest = Static<typeof BuildRequest>

/** The image, if it was built before; the run that builds it otherwise. */
export const BuildAnswer = Type.Object({
  /** With its tag. */
  image: Type.String(),
  /** Null: it is not there yet. */
  digest: Type.Union([Type.String(), Type.Null()]),
  /** GET /v1/runs/{id} tells how it goes; null: nothing has to be built. */
  runId: Type.Union([Type.String(), Type.Null()]),
  /** Sentences for whoever asks; missing: none. */
  notes: Type.Optional(Type.Array(Type.String())),
})
export type BuildAnswer = Static<typeof BuildAnswer>
