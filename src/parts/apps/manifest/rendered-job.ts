import type { JobSpec } from '../model.ts'
import { argumentsOf } from './check-command.ts'
import { jobDefaults } from './defaults.ts'
import type { Job } from './schema-operation.ts'
import { durationOf } from './units.ts'

/** A job as a cell runs it; nothing of it is missing. */
export type RenderedJob = JobSpec

/** A job, its defaults filled in, in the units of the model. */
export function jobOf(name: string, job: Job): RenderedJob {
  const { service, run, shell, at: cron, late } = job
  const { timezone, overlap, timeout, retries } = { ...jobDefaults, ...job }
  return {
    name,
    service,
    run: argumentsOf(run, shell) ?? [],
    schedule: cron === undefined ? null : { cron: cron.trim(), timezone },
    overlap: overlap as JobSpec['overlap'],
    timeoutMs: durationOf(timeout),
    retries,
    lateAfterMs: late === undefined ? null : durationOf(late),
  }
}
