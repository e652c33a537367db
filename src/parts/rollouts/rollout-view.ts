import type { Entry, Snapshot } from '../../store/port.ts'
import { seriesKey } from '../../store/observations.ts'
import { putBack, specDigest, wantedCount, type App, type Release } from '../apps/model.ts'
import { appAt, currentRelease, releaseAt, serviceOf } from '../apps/records.ts'
import { listenerKey } from '../discovery/model.ts'
import { listenerKind } from '../discovery/records.ts'
import { serviceName, type Instance, type ObservedInstance } from '../instances/model.ts'
import { instanceKind, instancesOf, zoneOf } from '../instances/records.ts'
import { jobRunKey } from '../jobs/model.ts'
import { jobRunKind } from '../jobs/records.ts'
import { causeOf } from '../../wire/agent-protocol.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import { gateAt } from '../tenants/records.ts'
import {
  isFollowed,
  isOver,
  type LedgerWindow,
  type Rollout,
  type SchemaStage,
  type ServiceTarget,
} from './model.ts'
import type { IngressCounts } from './plan-ledger.ts'
import type { RunSeen } from './plan-progress.ts'
import type { BaselineSeen, ServiceChange, ServiceSeen, SuccessorSeen } from './plan-targets.ts'
import type { RolloutView } from './plan-actions.ts'
import { activeRollout, openRollouts, rolloutKind, schemaStagesOf } from './records.ts'

/** Answers what an app's traffic was in the last minute; null where nothing was counted. */
export type LastMinute = (backendIds: readonly string[]) => LedgerWindow | null

/** The starts of a process after which a successor counts as unable to get ready. */
const runsMax = 2

/** A rollout's view with the records that its actions are guarded by. */
export interface ObservedRollout extends RolloutView {
  readonly entry: Entry<Rollout>
  readonly appEntry: Entry<App>
  readonly schemaStages: readonly Entry<SchemaStage>[]
}

/** The rollouts of one app and cell that have something left to do, oldest first. */
export function rolloutsAt(snapshot: Snapshot, at: AppCell): Entry<Rollout>[] {
  return [...snapshot.find(rolloutKind, 'unsettled', appCellName(at))].toSorted(
    (a, b) => a.createdRevision - b.createdRevision,
  )
}

/** Copies what the plan for one rollout needs; undefined when its app or release is gone. */
export function observeRollout(
  snapshot: Snapshot,
  entry: Entry<Rollout>,
  lastMinute: LastMinute,
): ObservedRollout | undefined {
  const { value: rollout } = entry
  const appEntry = appAt(snapshot, rollout.at)
  const release = releaseAt(snapshot, rollout.at, rollout.releaseId)
  if (appEntry === undefined || release === undefined) return undefined
  const app = appEntry.value
  const from = fromRelease(snapshot, app, rollout)
  const open = openRollouts(snapshot, rollout.at)
  const index = open.findIndex((other) => other.key === entry.key)
  const isQueued = rollout.state === 'queued'
  const superseder = open.slice(index + 1).find((other) => other.value.supersede)
  const ahead = isQueued && index > 0 ? open[index - 1] : undefined
  const backends = backendIds(rollout.at, release, from)
  // What was done by hand is part of what a revert comes back to.
  const counted = rollout.state === 'reverting' ? app : putBack(app, rollout.putsBack)
  return {
    entry,
    appEntry,
    schemaStages: schemaStagesOf(snapshot, app.at),
    rollout,
    app,
    release,
    from,
    gate: gateAt(snapshot, rollout.at.environment) ?? rollout.gate,
    ahead: ahead === undefined ? null : { id: ahead.value.id },
    contracting: isQueued ? contracting(snapshot, rollout) : null,
    isOvertaken: isOver(rollout.state) && isOvertaken(snapshot, app, entry),
    oldInstance: isFollowed(rollout) ? oldInstance(snapshot, release) : null,
    superseder: index >= 0 && superseder !== undefined ? superseder.value.id : null,
    listenersMissing: isQueued ? listenersMissing(snapshot, release) : [],
    services: rollout.targets.map((target) => serviceSeen(snapshot, counted, rollout, target)),
    run: runSeen(snapshot, rollout),
    counts: countsOf(snapshot, rollout),
    ingresses: [...snapshot.observations.ingresses()].map(([, ingress]) => ingress),
    since: snapshot.observations.since,
    revision: entry.revision,
    lastMinute: isQueued && ahead === undefined ? lastMinute(backends) : null,
  }
}

/** A rollout that is over and whose contract is under way: nothing may begin beside it. */
function contracting(snapshot: Snapshot, { at }: Rollout): string | null {
  for (const { value } of snapshot.find(rolloutKind, 'unsettled', appCellName(at))) {
    if (isOver(value.state) && value.runId !== null) return value.id
  }
  return null
}

/** Whether the cell has gone on to another release, or is about to. */
function isOvertaken(snapshot: Snapshot, app: App, { value, createdRevision }: Entry<Rollout>) {
  if (app.releaseId !== value.releaseId) return true
  const active = activeRollout(snapshot, app.at)
  return active !== undefined && active.createdRevision > createdRevision
}

/** An instance that still runs something else than this release, or null. */
function oldInstance(snapshot: Snapshot, release: Release): string | null {
  for (const { value } of snapshot.find(instanceKind, 'app', appCellName(release.at))) {
    if (value.state === 'ended' || value.purpose !== 'service') continue
    const spec = serviceOf(release, value.service)
    if (spec === undefined || specDigest(spec) !== value.specDigest) return value.id
  }
  return null
}

function fromRelease(snapshot: Snapshot, app: App, rollout: Rollout): Release | null {
  if (rollout.state === 'queued') return currentRelease(snapshot, app) ?? null
  if (rollout.fromReleaseId === null) return null
  return releaseAt(snapshot, app.at, rollout.fromReleaseId) ?? null
}

/** The backends whose requests the rollout answers for. */
export function backendIds(at: AppCell, ...releases: (Release | null)[]): string[] {
  const names = releases.flatMap((release) => release?.services.map((spec) => spec.name) ?? [])
  return [...new Set(names)].map((name) => serviceName(at, name))
}

function listenersMissing(snapshot: Snapshot, release: Release): string[] {
  return release.services
    .filter((spec) => !spec.worker)
    .map((spec) => spec.name)
    .filter((name) => snapshot.get(listenerKind, listenerKey(release.at, name)) === undefined)
}

function serviceSeen(
  snapshot: Snapshot,
  app: App,
  rollout: Rollout,
  target: ServiceTarget,
): ServiceSeen {
  const successors: SuccessorSeen[] = []
  let others = 0
  const othersOnline: Record<string, number> = {}
  const baseline: BaselineSeen[] = []
  for (const { value, revision } of instancesOf(snapshot, app.at, target.service)) {
    if (value.baselineOf === rollout.id) baseline.push(baselineSeen(snapshot, value, revision))
    if (value.state === 'ended') continue
    const isSuccessor =
      value.specDigest === target.target?.specDigest &&
      value.desired === 'running' &&
      value.pool !== 'draining'
    if (!isSuccessor) {
      others++
      const zone = value.pool === 'online' ? zoneOf(snapshot, value) : undefined
      if (zone !== undefined) othersOnline[zone] = (othersOnline[zone] ?? 0) + 1
    } else successors.push(successorSeen(value, revision, snapshot))
  }
  const change = changeOf(snapshot, app, target)
  return { change, target, successors, others, othersOnline, baseline }
}

function baselineSeen(snapshot: Snapshot, instance: Instance, revision: number): BaselineSeen {
  const isServing = instance.pool === 'online' && instance.desired === 'running'
  const isReady = snapshot.observations.instance(instance.id)?.state === 'ready'
  return { instanceId: instance.id, online: isServing && isReady, revision }
}

function changeOf(snapshot: Snapshot, app: App, target: ServiceTarget): ServiceChange {
  const { service } = target
  if (target.target === null) return { service, target: null, count: 0, singleton: false }
  const spec = serviceOf(releaseAt(snapshot, app.at, target.target.releaseId), service)
  const count = spec === undefined ? 0 : wantedCount(app, spec)
  return { service, target: target.target, count, singleton: spec?.singleton ?? false }
}

function successorSeen(instance: Instance, revision: number, snapshot: Snapshot): SuccessorSeen {
  const observed = snapshot.observations.instance(instance.id)
  const other = otherArchive(instance, observed, snapshot)
  return {
    instanceId: instance.id,
    ready: observed?.state === 'ready' && other === null,
    pool: instance.pool,
    revision,
    failing: other ?? failingOf(instance, observed),
    isPlaced: instance.placement !== null,
    unplaced: instance.unplaced,
    waitsFor: observed === undefined ? 'its agent has not told of it' : causeOf(observed.because),
  }
}

/**
 * Rule 10 of docs/reference/rules.md: an instance counts only when its agent says that it runs the
 * archive or image which its release names. An agent of protocol 1 does not say.
 */
function otherArchive(
  instance: Instance,
  observed: ObservedInstance | undefined,
  snapshot: Snapshot,
): string | null {
  const runs = observed?.artifact
  const release = releaseAt(snapshot, instance.at, instance.releaseId)
  const wanted = serviceOf(release, instance.service)?.artifact.digest
  if (runs === undefined || wanted === undefined || runs === wanted) return null
  return `${instance.id} runs ${runs}, and not its release's ${wanted}`
}

function failingOf(instance: Instance, observed: ObservedInstance | undefined): string | null {
  if (observed?.state !== 'backing-off') return null
  if (observed.runs < runsMax && observed.hopeless !== true) return null
  return `${instance.service} does not get ready: ${causeOf(observed.because)}`
}

function runSeen(snapshot: Snapshot, { at, runId }: Rollout): RunSeen | null {
  if (runId === null) return null
  const run = snapshot.get(jobRunKind, jobRunKey(at, runId))?.value
  return run ?? { state: 'failed', because: 'its record is gone', attempts: [] }
}

/** What every ingress has counted for the app of a rollout, in all and by instance. */
export function countsOf(snapshot: Snapshot, rollout: Rollout): IngressCounts[] {
  const release = releaseAt(snapshot, rollout.at, rollout.releaseId) ?? null
  const from =
    rollout.fromReleaseId === null
      ? null
      : (releaseAt(snapshot, rollout.at, rollout.fromReleaseId) ?? null)
  const keys = backendIds(rollout.at, release, from).map((backendId) =>
    seriesKey({ backendId, pool: 'online', instanceId: null }),
  )
  for (const { value } of snapshot.find(instanceKind, 'app', appCellName(rollout.at))) {
    const backendId = serviceName(value.at, value.service)
    keys.push(seriesKey({ backendId, pool: 'online', instanceId: value.id }))
  }
  return [...snapshot.observations.ingresses()].map(([ingressId, ingress]) => ({
    ingressId,
    incarnation: ingress.incarnation,
    series: keys.map((key) => ingress.series.get(key)).filter((series) => series !== undefined),
  }))
}
