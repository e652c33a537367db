import { specDigest, wantedCount, type App, type Release } from '../apps/model.ts'
import type { ServiceTarget } from './model.ts'

/** Which services a rollout changes, in which order, and how far a batch goes. */

/** A service that differs between what runs and what is to run. */
export interface ServiceChange {
  readonly service: string
  /** Null: the release no longer has it. */
  readonly target: { readonly releaseId: string; readonly specDigest: string } | null
  /** Instances that it is to have in the end. */
  readonly count: number
  readonly singleton: boolean
}

/**
 * The services whose spec differs between `from` and `to`, those that others need first.
 *
 * A release keeps the instances of what it does not change, so `releaseId` of a target is `to`'s.
 */
export function changesBetween(
  app: App,
  from: Release | null,
  to: Release | null,
): ServiceChange[] {
  const before = new Map((from?.services ?? []).map((spec) => [spec.name, specDigest(spec)]))
  const changes: ServiceChange[] = []
  for (const spec of inOrderOfNeeds(to)) {
    const digest = specDigest(spec)
    if (before.get(spec.name) === digest) continue
    changes.push({
      service: spec.name,
      target: { releaseId: to?.id ?? '', specDigest: digest },
      count: wantedCount(app, spec),
      singleton: spec.singleton,
    })
  }
  const kept = new Set((to?.services ?? []).map((spec) => spec.name))
  for (const name of before.keys()) {
    if (!kept.has(name)) changes.push({ service: name, target: null, count: 0, singleton: false })
  }
  return changes
}

/** Services of a release, each after all that it needs (validated: there is no cycle). */
function inOrderOfNeeds(release: Release | null): Release['services'] {
  const ordered: Release['services'] = []
  const visited = new Set<string>()
  const visit = (spec: Release['services'][number]): void => {
    if (visited.has(spec.name)) return
    visited.add(spec.name)
    for (const need of spec.needs) {
      const needed = release?.services.find((candidate) => candidate.name === need)
      if (needed !== undefined) visit(needed)
    }
    ordered.push(spec)
  }
  for (const spec of release?.services ?? []) visit(spec)
  return ordered
}

/** The share of `count` that a batch takes: at least one, at most all. */
export function portionOf(count: number, share: number, min: number): number {
  return Math.min(count, Math.max(min, 1, Math.ceil(count * share - 1e-9)))
}

/** An instance of the target's spec, wanted and not ended. */
export interface SuccessorSeen {
  readonly instanceId: string
  readonly ready: boolean
  readonly pool: 'maintenance' | 'online' | 'draining'
  /** Of its record: a routing table at or after it shows its pool. */
  readonly revision: number
  /** Why it will not get ready by itself, or null. */
  readonly failing: string | null
  readonly isPlaced: boolean
  /** Why it has no node; null while it has one, or none was looked for. */
  readonly unplaced: { readonly because: string; readonly lacksRoom?: boolean } | null
  /** What is observed of it, for people. */
  readonly waitsFor: string
}

/** What is seen of one service that the rollout changes. */
export interface ServiceSeen {
  readonly change: ServiceChange
  readonly target: ServiceTarget
  readonly successors: readonly SuccessorSeen[]
  /** Anything else that has not ended. */
  readonly others: number
  /** Those of them that customers reach, by zone. */
  readonly othersOnline: Readonly<Record<string, number>>
  /** Those that this rollout started to compare with; over or not, for their counts. */
  readonly baseline: readonly BaselineSeen[]
}

/** A fresh instance of the earlier release. */
export interface BaselineSeen {
  readonly instanceId: string
  /** In the online pool, and ready. */
  readonly online: boolean
  readonly revision: number
}

/** The same, counted. */
export interface ServiceProgress extends ServiceSeen {
  readonly ready: number
  /** In the online pool of the table that every ingress has applied. */
  readonly online: number
  /** The same of the fresh predecessors. */
  readonly baselineOnline: number
}

/** Counts a service's successors; `appliedRevision` is the oldest table that is still in use. */
export function progressOfService(seen: ServiceSeen, appliedRevision: number): ServiceProgress {
  const ready = seen.successors.filter((successor) => successor.ready)
  const online = ready.filter(
    (successor) => successor.pool === 'online' && successor.revision <= appliedRevision,
  )
  const baselineOnline = seen.baseline.filter(
    (one) => one.online && one.revision <= appliedRevision,
  ).length
  return { ...seen, ready: ready.length, online: online.length, baselineOnline }
}

/** One service on its way to `goal` successors online: what to want next, or that it is there. */
export interface Advance {
  /** Undefined: the goal is reached. */
  readonly next: ServiceTarget | undefined
  /** What it waits for, for people. */
  readonly waitsFor: string
}

/** Makes `goal` successors exist and be ready, out of customers' sight. */
export function advanceMaintenance(seen: ServiceProgress, goal: number): Advance {
  const { target } = seen
  if (target.successors < goal) return { next: { ...target, successors: goal }, waitsFor: 'start' }
  if (seen.ready >= goal) return { next: undefined, waitsFor: '' }
  return untilReady(seen, goal)
}

/** Waits until `goal` successors are ready; where they lack room, predecessors give theirs. */
function untilReady(seen: ServiceProgress, goal: number): Advance {
  const waitsFor = `${seen.ready} of ${goal} instances of ${seen.change.service} ready`
  return { next: withRoom(seen, goal), waitsFor }
}

/**
 * Where there is no room for a portion beside all that serves, it takes the room of as many
 * predecessors, once for each portion and never of the last instance that customers reach.
 */
function withRoom(
  { successors, target, othersOnline }: ServiceProgress,
  goal: number,
): ServiceTarget {
  const isUndecided = successors.some(({ isPlaced, unplaced }) => !isPlaced && unplaced === null)
  if (target.lent !== undefined || isUndecided) return target
  const homeless = successors.filter(({ unplaced }) => unplaced?.lacksRoom === true).length
  const serving = Object.values(othersOnline).reduce((sum, count) => sum + count, 0)
  const sparable = target.online + serving - 1
  const lent = Math.min(homeless, goal - target.online, serving, sparable)
  if (lent <= 0) return target
  return { ...target, predecessors: serving - lent, lent }
}

/** Brings `goal` successors online and lets as many predecessors go. */
export function advanceOnline(seen: ServiceProgress, goal: number): Advance {
  const { change, target } = seen
  const remaining = Math.max(0, change.count - goal)
  if (change.singleton && seen.others > 0 && goal > 0) {
    const waitsFor = `the singleton ${change.service} before it to end`
    return { next: { ...target, predecessors: 0 }, waitsFor }
  }
  if (target.successors < goal) return { next: { ...target, successors: goal }, waitsFor: 'start' }
  if (seen.ready < goal) return untilReady(seen, goal)
  if (target.online < goal) return { next: { ...target, online: goal }, waitsFor: 'the ingress' }
  if (seen.online < goal) {
    return { next: target, waitsFor: `${seen.online} of ${goal} of ${change.service} online` }
  }
  if (target.lent !== undefined || target.predecessors > remaining) {
    const { lent: _given, ...next } = target
    const predecessors = Math.min(target.predecessors, remaining)
    return { next: { ...next, predecessors }, waitsFor: 'drain' }
  }
  if (seen.others > remaining) {
    const waitsFor = `${seen.others - remaining} instances of ${change.service} to drain`
    return { next: target, waitsFor }
  }
  return { next: undefined, waitsFor: '' }
}

/**
 * Brings `goal` successors online beside all of the predecessors, with a share of the customers'
 * requests; where they are to be compared, as many fresh predecessors come first.
 */
export function advanceCanary(
  seen: ServiceProgress,
  goal: number,
  step: { readonly weight: number; readonly sticky: boolean; readonly isJudged: boolean },
): Advance {
  const { change, target } = seen
  if (target.successors < goal) return { next: { ...target, successors: goal }, waitsFor: 'start' }
  if (seen.ready < goal) return untilReady(seen, goal)
  if (target.split === undefined && target.online < goal) {
    const specDigest = change.target?.specDigest ?? ''
    const { weight: share, sticky, isJudged } = step
    const split = { specDigest, share, sticky, baseline: isJudged ? goal : 0 }
    return { next: { ...target, split }, waitsFor: 'the shares' }
  }
  const wanted = target.split?.baseline ?? 0
  if (seen.baselineOnline < wanted && target.online < goal) {
    const fresh = `fresh instances of the old ${change.service}`
    return { next: target, waitsFor: `${seen.baselineOnline} of ${wanted} ${fresh} online` }
  }
  if (target.online < goal) return { next: { ...target, online: goal }, waitsFor: 'the ingress' }
  if (seen.online < goal) {
    return { next: target, waitsFor: `${seen.online} of ${goal} of ${change.service} online` }
  }
  return { next: undefined, waitsFor: '' }
}

/** How many successors the batch under way ends with; the next batch's once one is complete. */
export function nextGoal(seen: ServiceProgress, batch: number): number {
  const { count } = seen.change
  const { successors, online } = seen.target
  if (online < successors) return successors
  const portion = Math.min(portionOf(count, batch, 1), zoneLimit(seen))
  return Math.min(count, online + portion)
}

/**
 * How many predecessors may go at once: those of one zone, where the service stands in several
 * (rule 10 of docs/reference/rules.md: zones are never upgraded together). The instances planner
 * takes them from the zone with the fewest left, so that one zone is finished before the next.
 */
export function zoneLimit({ othersOnline }: Pick<ServiceSeen, 'othersOnline'>): number {
  const zones = Object.values(othersOnline).filter((count) => count > 0)
  return zones.length < 2 ? Infinity : Math.min(...zones)
}
