import type { Entry, Snapshot } from '../../store/port.ts'
import type { JobSpec } from '../apps/model.ts'
import { appAt, appKind, currentRelease } from '../apps/records.ts'
import type { Instance } from '../instances/model.ts'
import { instanceById } from '../instances/records.ts'
import { nodeKey } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import { isOver } from '../rollouts/model.ts'
import { rolloutById } from '../rollouts/records.ts'
import { appCellOf, type AppCell } from '../tenants/model.ts'
import { jobName, jobStateKey, type JobRun, type JobState } from './model.ts'
import type { RunSeen } from './plan-run.ts'
import type { JobView } from './plan.ts'
import { jobRunKind, jobsOf, jobStateKind, openRunsOf, runsOf } from './records.ts'

/** A job in a cell with the records that its actions are guarded by. */
export interface ObservedJob extends JobView {
  readonly at: AppCell
  /** The release whose job it is; empty for a rollout's own. */
  readonly releaseId: string
  readonly stateEntry: Entry<JobState> | undefined
  /** All kept runs, by id. */
  readonly entries: ReadonlyMap<string, Entry<JobRun>>
}

/** Copies what the plan for one job (`environment/tenant/app/job`) needs. */
export function observeJob(key: string, snapshot: Snapshot): ObservedJob | undefined {
  const at = appCellOf(key)
  const job = key.slice(key.lastIndexOf('/') + 1)
  const stateEntry = snapshot.get(jobStateKind, jobStateKey(at, job))
  const spec = specOf(snapshot, at, job)
  const runs = runsOf(snapshot, at, job)
  if (spec === undefined && stateEntry === undefined && runs.length === 0) return undefined
  const open = openRunsOf(snapshot, at, job)
  const openIds = new Set(open.map(({ value }) => value.id))
  const app = appAt(snapshot, at)?.value
  return {
    at,
    job,
    spec: spec ?? null,
    releaseId: app?.releaseId ?? '',
    state: stateEntry?.value ?? null,
    stateEntry,
    entries: new Map(runs.map((entry) => [entry.value.id, entry])),
    open: open.map(({ value }) => runSeen(snapshot, value)),
    over: runs.map(({ value }) => value.id).filter((id) => !openIds.has(id)),
  }
}

/** Every job that exists, or of which something is left. */
export function* jobNames(snapshot: Snapshot, only?: AppCell): Iterable<string> {
  const names = new Set<string>()
  const apps =
    only === undefined ? [...snapshot.list(appKind)].map(({ value }) => value.at) : [only]
  for (const at of apps) {
    for (const { name } of jobsOf(snapshot, at)) names.add(jobName(at, name))
    const app = `${at.environment}/${at.tenant}/${at.app}`
    for (const kind of [jobRunKind, jobStateKind] as const) {
      for (const { value } of snapshot.find<JobRun | JobState>(kind as never, 'app', app)) {
        names.add(jobName(value.at, value.job))
      }
    }
  }
  if (only === undefined) {
    for (const { value } of snapshot.list(jobRunKind)) names.add(jobName(value.at, value.job))
  }
  yield* names
}

function specOf(snapshot: Snapshot, at: AppCell, job: string): JobSpec | undefined {
  return jobsOf(snapshot, at).find((spec) => spec.name === job)
}

function runSeen(snapshot: Snapshot, run: JobRun): RunSeen {
  const last = run.attempts.at(-1)
  const instance =
    last === undefined || last.endedAt !== null
      ? undefined
      : instanceById(snapshot, last.instanceId)?.value
  return {
    run,
    appGone: isAppGone(snapshot, run),
    unwanted: isUnwanted(snapshot, run),
    instance: instance ?? null,
    observed: instance && snapshot.observations.instance(instance.id),
    nodeLost: instance !== undefined && isNodeLost(snapshot, instance),
  }
}

/** An image is built before the first release of its app is made, so there may be no app yet. */
function isAppGone(snapshot: Snapshot, { at, spec }: JobRun): boolean {
  const app = appAt(snapshot, at)?.value
  return app === undefined ? spec.build === undefined : app.destroying
}

/** A rollout's run lives as long as the rollout waits for it. */
function isUnwanted(snapshot: Snapshot, run: JobRun): boolean {
  if (run.rolloutId === null) return false
  const rollout = rolloutById(snapshot, run.at, run.rolloutId)?.value
  if (rollout === undefined || rollout.runId !== run.id) return true
  // A contract follows when its rollout is over.
  return isOver(rollout.state) && run.purpose !== 'migration'
}

function isNodeLost(snapshot: Snapshot, { placement }: Instance): boolean {
  if (placement === null) return false
  const node = snapshot.get(nodeKind, nodeKey(placement.nodeId))?.value
  return node === undefined || node.lost !== undefined
}

/** The release that a cell runs, for a run that starts now. */
export function releaseOf(snapshot: Snapshot, at: AppCell) {
  const app = appAt(snapshot, at)?.value
  return app === undefined ? undefined : currentRelease(snapshot, app)
}
