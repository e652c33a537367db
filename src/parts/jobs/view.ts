import type { Snapshot } from '../../store/port.ts'
import type { JobView } from '../../wire/jobs.ts'
import type { JobSpec } from '../apps/model.ts'
import type { AppCell } from '../tenants/model.ts'
import { jobStateKey } from './model.ts'
import { slotAfter } from './plan-slots.ts'
import { jobStateKind, runsOf } from './records.ts'

/** A job as people see it: when it runs next, and how it went. */
export function viewOfJob(snapshot: Snapshot, at: AppCell, spec: JobSpec, now: number): JobView {
  const state = snapshot.get(jobStateKind, jobStateKey(at, spec.name))?.value
  return {
    at,
    spec,
    nextAt: spec.schedule === null ? null : slotAfter(spec.schedule, now),
    lastSuccessAt: state?.lastSuccessAt ?? null,
    lateSince: state?.lateSince ?? null,
    lastRun: runsOf(snapshot, at, spec.name).at(-1)?.value ?? null,
  }
}
