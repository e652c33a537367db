import type { Entry, Snapshot } from '../../store/port.ts'
import { specDigest, type App, type Release } from '../apps/model.ts'
import type { CarriedView } from '../apps/plan-assets.ts'
import { currentRelease, releaseAt, releasesOf } from '../apps/records.ts'
import { artifactKey } from '../artifacts/model.ts'
import { artifactKind } from '../artifacts/records.ts'
import { serviceName } from '../instances/model.ts'
import { instanceKind } from '../instances/records.ts'
import { groupOf } from '../scheduling/model.ts'
import { tiesOf } from '../scheduling/ties-view.ts'
import { nodeViews } from '../scheduling/placement-view.ts'
import type { NodeUsage } from '../scheduling/usage.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import {
  firstPortionOf,
  type DeployDecision,
  type DeployView,
  type RolloutAhead,
} from './plan-deploy.ts'
import type { Rollout } from './model.ts'
import type { Arriving, FitQuestion, Leaving } from './plan-fit.ts'
import { openRollouts, rolloutKind } from './records.ts'

/** What a deploy is asked for with, beside what the snapshot has. */
export type DeployWish = Pick<DeployView, 'app' | 'release' | 'team' | 'keepDrift'>

/** Copies what the plan of a deploy needs. */
export function observeDeploy(snapshot: Snapshot, wish: DeployWish): DeployView {
  const current = currentRelease(snapshot, wish.app) ?? null
  return { ...wish, current, ahead: rolloutsAhead(snapshot, wish.app.at) }
}

function rolloutsAhead(snapshot: Snapshot, at: AppCell): RolloutAhead[] {
  return openRollouts(snapshot, at).flatMap(({ value: rollout }) => {
    const release = releaseAt(snapshot, at, rollout.releaseId)
    return release === undefined ? [] : [{ rollout, release }]
  })
}

/** Copies what the question needs whose assets go along with a release. */
export function observeCarried(
  snapshot: Snapshot,
  { app, release, current, ahead }: DeployView,
  isSuperseding: boolean,
  now: number,
): CarriedView {
  // What waits and is superseded never begins: no browser will know it.
  const coming = ahead.filter(({ rollout }) => rollout.startedAt !== null || !isSuperseding)
  const present = new Set([current?.id, ...coming.map((one) => one.release.id)])
  const rollouts = [...snapshot.find(rolloutKind, 'app', appCellName(app.at))]
  const met = releasesOf(snapshot, app.at).flatMap(({ value }) => {
    const seenAt = present.has(value.id) ? now : lastSeen(rollouts, value)
    return seenAt === null ? [] : [{ release: value, seenAt }]
  })
  return {
    release,
    met: met.toReversed(),
    current,
    has: (digest) => snapshot.get(artifactKind, artifactKey(digest)) !== undefined,
  }
}

/** When the last rollout that brought a release in, or took it away, was over; null: it never ran. */
function lastSeen(rollouts: readonly Entry<Rollout>[], { id }: Release): number | null {
  const ends = rollouts.flatMap(({ value: { releaseId, fromReleaseId, startedAt, endedAt } }) => {
    const isOfIt = releaseId === id || fromReleaseId === id
    return isOfIt && startedAt !== null && endedAt !== null ? [endedAt] : []
  })
  return ends.length === 0 ? null : Math.max(...ends)
}

/** Copies what the question needs whether there is room for what was decided. */
export function observeFit(
  snapshot: Snapshot,
  usage: NodeUsage,
  { app, current, release }: DeployView,
  { view }: DeployDecision,
): FitQuestion {
  const plans = new Map(view.services.map((service) => [service.name, service]))
  const going = view.services.filter((plan) => plan.change === 'removed' || plan.replaces > 0)
  return {
    placement: { nodes: nodeViews(snapshot, usage), listeningSince: snapshot.observations.since },
    release,
    arriving: release.services.flatMap((spec) =>
      arrivingOf(current, release, spec, plans.get(spec.name)).map((arriving) => ({
        ...arriving,
        ties: tiesOf(snapshot, release, spec.name),
      })),
    ),
    leaving: leavingOf(snapshot, app, new Set(going.map(({ name }) => name))),
  }
}

function arrivingOf(
  current: Release | null,
  release: Release,
  spec: Release['services'][number],
  plan: DeployDecision['view']['services'][number] | undefined,
): Arriving[] {
  if (plan === undefined || plan.change === 'unchanged') return []
  const { from, to } = plan.instances
  const old = current?.services.find((candidate) => candidate.name === spec.name)
  const stays = old !== undefined && specDigest(old) === specDigest(spec) ? from : 0
  const all = Math.max(0, to - stays)
  if (all === 0) return []
  // One that is alone stops before the next one starts: it never stands beside it.
  const first = spec.singleton && old !== undefined ? 0 : firstPortionOf(current, release, all)
  return [{ spec, first: stays > 0 ? all : first, all }]
}

function leavingOf(snapshot: Snapshot, app: App, services: ReadonlySet<string>): Leaving[] {
  const leaving: Leaving[] = []
  for (const { value } of snapshot.find(instanceKind, 'app', appCellName(app.at))) {
    if (value.state !== 'placed' || value.placement === null) continue
    if (!services.has(value.service)) continue
    const { nodeId, port } = value.placement
    const group = groupOf(serviceName(value.at, value.service), value.specDigest)
    leaving.push({ service: value.service, nodeId, port, group, resources: value.resources })
  }
  return leaving
}
