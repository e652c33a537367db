import type { Plan } from '../../base/control-loop.ts'
import { ingressLostAfterMs } from '../ingress/model.ts'
import { reportIntervalMs } from '../nodes/model.ts'
import type { Instance, ObservedInstance } from './model.ts'

/**
 * Makes the instances of one service in one cell what its release, or the rollout under way, wants
 * of them: creates, promotes, drains, stops, and lets go.
 *
 * Two promises are kept here whatever a rollout asks: nothing goes online that its agent does not
 * call ready (S4), and no step takes the ready online instances below what is wanted online (S3d).
 */

/** An instance with what is observed of it. */
export interface InstanceSeen {
  readonly instance: Instance
  /** Revision of its record: a table applied at or after it no longer (or already) has it. */
  readonly revision: number
  readonly observed: ObservedInstance | undefined
  /** Its node's; empty while it has none. */
  readonly zone?: string
  /** The nodes controller has given its node up. */
  readonly nodeLost: boolean
  /** Wall ms of the last report of its node; missing before the first. */
  readonly heardAt?: number
  /**
   * Of a singleton on a lost node: ms until its lease, and so its process, has surely ended;
   * Infinity when only a person can say so. Missing for what is no singleton.
   */
  readonly leaseLeftMs?: number
  /** Time it gets to end its requests under way. */
  readonly drainMs: number
}

/** What an ingress said last. */
export interface IngressSeen {
  /** Wall ms; one that has been silent for `ingressLostAfterMs` is not waited for. */
  readonly heardAt: number
  readonly appliedRevision: number
  /** Requests under way per instance that is in no pool any more. */
  readonly leaving: Readonly<Record<string, number>>
}

/** What the service should look like now. */
export interface Wanted {
  readonly target: { readonly releaseId: string; readonly specDigest: string } | null
  readonly successors: number
  readonly online: number
  readonly predecessors: number
  /**
   * How many customers are promised, whatever a rollout has come to: the lower count of what runs
   * and of what is to run; 0 for a singleton.
   */
  readonly promised: number
  readonly singleton: boolean
  /** Fresh instances of the earlier release that a rollout compares with; missing: none. */
  readonly baseline?: {
    readonly rolloutId: string
    readonly releaseId: string
    readonly specDigest: string
    readonly count: number
  }
}

export interface ServiceInstancesView {
  readonly service: string
  readonly wanted: Wanted
  /** Every instance that has not ended. */
  readonly instances: readonly InstanceSeen[]
  /** Ids of ended ones, oldest first. */
  readonly ended: readonly string[]
  readonly ingresses: readonly IngressSeen[]
}

/** Everything that the instances controller may ever do. */
export type InstanceAction =
  | { readonly type: 'create'; readonly of?: 'baseline'; readonly because: string }
  | { readonly type: 'promote'; readonly id: string; readonly because: string }
  | { readonly type: 'drain'; readonly id: string; readonly because: string }
  | { readonly type: 'stop'; readonly id: string; readonly because: string }
  | { readonly type: 'end'; readonly id: string; readonly because: string }
  | { readonly type: 'forget'; readonly id: string }

/** Ended instances kept per service, for people who ask what happened. */
const endedKept = 10

/**
 * What a node said this long ago vouches for no other instance's end, in ms: its next two reports are
 * missing.
 */
const newsMs = 3 * reportIntervalMs

/**
 * A drain that begins so far ahead was noted by a clock that was wrong, in ms: it would last for as
 * long as that clock was off, so it begins anew.
 */
const clockStepMs = 5_000

/** Creations in one pass: a thousand instances come in steps that keep each commit small. */
const createdAtOnceMax = 50

export function planInstances(view: ServiceInstancesView, now: number): Plan<InstanceAction> {
  const pass = new Pass(view, now)
  pass.letGo()
  pass.giveUp()
  pass.finishDrains()
  pass.trimSuccessors()
  pass.createSuccessors()
  pass.keepBaseline()
  pass.promote()
  pass.releasePredecessors()
  pass.forget()
  return pass.plan()
}

/**
 * One pass over one service: at most one operation per instance, each seen by the next step (rule 3
 * of docs/reference/rules.md).
 */
class Pass {
  readonly #view: ServiceInstancesView
  readonly #now: number
  readonly #actions: InstanceAction[] = []
  readonly #touched = new Set<string>()
  readonly #sentences: string[] = []
  #wakeAt: number | undefined

  constructor(view: ServiceInstancesView, now: number) {
    this.#view = view
    this.#now = now
  }

  /** Those told to stop whose agent says they are gone are over. */
  letGo(): void {
    for (const seen of this.#view.instances) {
      const { instance, observed } = seen
      if (instance.desired !== 'stopped' || instance.state !== 'placed') continue
      if (observed?.state === 'exited') this.#act('end', seen, exitSentence(observed))
      // Nothing of it runs, and it will never say that it exited.
      else if (observed?.state === 'refused') this.#act('end', seen, observed.because)
      else if (seen.nodeLost) this.#endLost(seen)
    }
  }

  /** A singleton is over only when its lease is: until then it may run on, unseen (S1). */
  #endLost(seen: InstanceSeen): void {
    const { leaseLeftMs = 0 } = seen
    if (leaseLeftMs <= 0) return this.#act('end', seen, 'its node is lost')
    const nodeId = seen.instance.placement?.nodeId ?? '?'
    if (leaseLeftMs === Infinity) {
      const how = `once it is off, run \`roadstead nodes give-up ${nodeId}\``
      this.#sentences.push(`a singleton without a lease may run on lost node ${nodeId}: ${how}`)
      return
    }
    this.#sentences.push(`waits for the lease of ${seen.instance.id} on lost node ${nodeId} to end`)
    this.#wake(this.#now + leaseLeftMs)
  }

  /** Those whose node refuses them or is lost are given up; others will be created. */
  giveUp(): void {
    for (const seen of this.#running()) {
      const { observed, instance } = seen
      if (observed?.state === 'refused') this.#act('stop', seen, observed.because)
      else if (seen.nodeLost) {
        this.#act('stop', seen, `node ${instance.placement?.nodeId ?? '?'} is lost`)
      }
    }
  }

  /** Drained ones stop as soon as no ingress has a request of theirs, or when their time is up. */
  finishDrains(): void {
    for (const seen of this.#running()) {
      const { instance } = seen
      if (instance.pool !== 'draining') continue
      const since = instance.drainingSince ?? this.#now
      const until = since + seen.drainMs
      if (this.#isIdle(seen)) this.#act('stop', seen, 'drained: no request is under way')
      else if (since > this.#now + clockStepMs) this.#act('drain', seen, 'the clock was set back')
      else if (until <= this.#now) this.#act('stop', seen, 'its drain time ran out')
      else this.#wake(until)
    }
  }

  /** Too many successors: the least useful go first. */
  trimSuccessors(): void {
    const surplus = this.#successors().length - this.#view.wanted.successors
    if (surplus <= 0) return
    const victims = this.#successors().toSorted(leastUsefulFirst).slice(0, surplus)
    this.#takeSpare(victims, () => 'fewer instances are wanted')
  }

  createSuccessors(): void {
    const { wanted, instances } = this.#view
    if (wanted.target === null) return
    const missing = wanted.successors - this.#successors().length
    if (missing <= 0) return
    // Not even one that this very pass ends: its commit may be refused, and then it runs on (S1).
    if (wanted.singleton && instances.length > 0) {
      this.#sentences.push('a singleton waits until the one before it has ended')
      return
    }
    const most = wanted.singleton ? 1 : createdAtOnceMax
    for (let count = 0; count < Math.min(missing, most); count++) {
      this.#actions.push({ type: 'create', because: `${wanted.successors} wanted` })
    }
  }

  /** Fresh instances of the old version, online as soon as they are ready: they serve as the others do. */
  keepBaseline(): void {
    const { baseline } = this.#view.wanted
    if (baseline === undefined) return
    const fresh = this.#running().filter((seen) => this.#isBaseline(seen))
    for (const seen of fresh) {
      if (seen.instance.pool !== 'maintenance' || !isReady(seen)) continue
      this.#act('promote', seen, 'ready to be compared with')
    }
    const most = Math.min(baseline.count, fresh.length + createdAtOnceMax)
    for (let count = fresh.length; count < most; count++) {
      const because = `${baseline.count} wanted to compare with`
      this.#actions.push({ type: 'create', of: 'baseline', because })
    }
  }

  /** Ready successors leave the maintenance pool, oldest first, as many as may be online. */
  promote(): void {
    const successors = this.#successors()
    const online = successors.filter((seen) => seen.instance.pool === 'online').length
    const candidates = successors
      .filter((seen) => seen.instance.pool === 'maintenance' && isReady(seen))
      .toSorted(oldestFirst)
    for (const seen of candidates.slice(0, Math.max(0, this.#view.wanted.online - online))) {
      this.#act('promote', seen, 'ready in the maintenance pool')
    }
  }

  /**
   * Predecessors beyond the number that may stay: never below what is wanted online and ready, so
   * that no pool is emptied while an instance is healthy (rule 7 of docs/reference/rules.md).
   */
  releasePredecessors(): void {
    const { wanted } = this.#view
    const others = this.#running().filter(
      (seen) => !this.#isSuccessor(seen) && !this.#isBaseline(seen),
    )
    for (const seen of others) {
      if (seen.instance.pool === 'maintenance') this.#take(seen, 'its release is not wanted here')
    }
    const online = others.filter((seen) => seen.instance.pool === 'online')
    const victims = online
      .toSorted(zoneByZone(online))
      .slice(0, Math.max(0, online.length - wanted.predecessors))
    this.#takeSpare(victims, (victim) => whyReplaced(victim) ?? 'a newer release takes its place')
  }

  forget(): void {
    const { ended } = this.#view
    for (const id of ended.slice(0, Math.max(0, ended.length - endedKept))) {
      this.#actions.push({ type: 'forget', id })
    }
  }

  plan(): Plan<InstanceAction> {
    const told = this.#actions.filter((action) => action.type !== 'forget')
    const sentences = new Set([...this.#sentences, ...told.map(describe)])
    const because = sentences.size > 0 ? [...sentences].join('; ') : this.#state()
    return { actions: this.#actions, because, wakeAt: this.#wakeAt }
  }

  /** Instances that are wanted to run and that this pass has not touched. */
  #running(): InstanceSeen[] {
    return this.#view.instances.filter(
      (seen) => seen.instance.desired === 'running' && !this.#touched.has(seen.instance.id),
    )
  }

  #successors(): InstanceSeen[] {
    return this.#running().filter(
      (seen) => this.#isSuccessor(seen) && seen.instance.pool !== 'draining',
    )
  }

  #isSuccessor(seen: InstanceSeen): boolean {
    if (whyReplaced(seen) !== undefined) return false
    return seen.instance.specDigest === this.#view.wanted.target?.specDigest
  }

  /** One to compare with, while a rollout compares. */
  #isBaseline({ instance, observed }: InstanceSeen): boolean {
    const { baseline } = this.#view.wanted
    if (baseline === undefined || observed?.altered === true) return false
    if (instance.baselineOf !== baseline.rolloutId || instance.pool === 'draining') return false
    return instance.specDigest === baseline.specDigest
  }

  #readyOnline(): InstanceSeen[] {
    return this.#running().filter((seen) => seen.instance.pool === 'online' && isReady(seen))
  }

  /**
   * Takes instances out of service, but none that may serve customers unless more are ready than are
   * wanted online, or promised where a rollout wants fewer than that (S3d): it began while instances
   * were missing, or somebody has scaled up since. A node that has fallen silent vouches for nothing:
   * its instances may be gone already. Successors too: where a rollout comes back to what still runs,
   * they are what customers meet before it wants any.
   */
  #takeSpare(victims: readonly InstanceSeen[], why: (victim: InstanceSeen) => string): void {
    const { wanted } = this.#view
    const staying = Math.max(wanted.online + wanted.predecessors, wanted.promised)
    const silent = this.#readyOnline().filter((seen) => this.#isSilent(seen)).length
    let spare = this.#readyOnline().length - silent - staying
    for (const victim of victims) {
      // One that may run only once makes room first, in a rollout and where one could not revert.
      const makesRoom = wanted.singleton && !this.#isSuccessor(victim)
      const mayWait = staying > 0 && !makesRoom
      if (mayServe(victim) && spare <= 0 && mayWait) {
        if (silent > 0) this.#waitForNews(silent)
        continue
      }
      if (victim.instance.pool === 'online' && isReady(victim)) spare--
      this.#take(victim, why(victim))
    }
  }

  #isSilent({ heardAt = -Infinity }: InstanceSeen): boolean {
    return this.#now - heardAt > newsMs
  }

  /** A report that says nothing new wakes nobody: the pass looks again by itself. */
  #waitForNews(silent: number): void {
    this.#sentences.push(`waits for news of ${silent} online ones, whose nodes are silent`)
    this.#wake(this.#now + reportIntervalMs)
  }

  /** Takes an instance out of service: by draining when customers may be with it. */
  #take(seen: InstanceSeen, because: string): void {
    const { pool, needsPort, state } = seen.instance
    const drains = pool === 'online' && needsPort && state === 'placed'
    this.#act(drains ? 'drain' : 'stop', seen, because)
  }

  /** No request can reach it any more, and none is under way, as far as every ingress says. */
  #isIdle(seen: InstanceSeen): boolean {
    const ingresses = this.#view.ingresses.filter(
      (ingress) => this.#now - ingress.heardAt <= ingressLostAfterMs,
    )
    return (
      ingresses.length > 0 &&
      ingresses.every(
        (ingress) =>
          ingress.appliedRevision >= seen.revision &&
          (ingress.leaving[seen.instance.id] ?? 0) === 0,
      )
    )
  }

  #act(type: 'promote' | 'drain' | 'stop' | 'end', seen: InstanceSeen, because: string): void {
    this.#touched.add(seen.instance.id)
    this.#actions.push({ type, id: seen.instance.id, because })
  }

  #wake(at: number): void {
    this.#wakeAt = Math.min(this.#wakeAt ?? at, at)
  }

  #state(): string {
    const { wanted } = this.#view
    return `${this.#readyOnline().length} of ${wanted.online + wanted.predecessors} online and ready`
  }
}

/** Whether its agent says that it can serve. */
export function isReady(seen: Pick<InstanceSeen, 'observed' | 'nodeLost'>): boolean {
  return seen.observed?.state === 'ready' && !seen.nodeLost
}

/**
 * Whether customers may be with it: it is online, and nothing says that it fails them. A server that
 * has just begun has not heard of most instances yet.
 */
function mayServe(seen: InstanceSeen): boolean {
  const { instance, observed, nodeLost } = seen
  const isUnheard = observed === undefined && !nodeLost
  return instance.pool === 'online' && (isUnheard || isReady(seen))
}

/** Why another of the same release takes its place; undefined: none does. */
function whyReplaced({ instance, observed }: InstanceSeen): string | undefined {
  if (observed?.altered === true) return 'its artifact was altered by hand'
  const { replaceAsked } = instance
  return replaceAsked === undefined ? undefined : `${replaceAsked.by} wants another in its place`
}

/** Without a place, not ready, not heard of, out of customers' sight, then the youngest. */
function leastUsefulFirst(a: InstanceSeen, b: InstanceSeen): number {
  return usefulness(a) - usefulness(b) || oldestFirst(b, a)
}

/**
 * Those that are of no use first, then a zone after the other, the one with the fewest left first:
 * a zone that was begun is finished (rule 10 of docs/reference/rules.md).
 */
function zoneByZone(online: readonly InstanceSeen[]): (a: InstanceSeen, b: InstanceSeen) => number {
  const left = new Map<string, number>()
  for (const { zone = '' } of online) left.set(zone, (left.get(zone) ?? 0) + 1)
  const place = ({ zone = '' }: InstanceSeen): string =>
    `${String(left.get(zone)).padStart(6, '0')} ${zone}`
  return (a, b) => usefulness(a) - usefulness(b) || compare(place(a), place(b)) || oldestFirst(b, a)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function usefulness(seen: InstanceSeen): number {
  if (seen.instance.state === 'pending') return 0
  if (!isReady(seen)) return mayServe(seen) ? 2 : 1
  return seen.instance.pool === 'online' ? 4 : 3
}

function oldestFirst(a: InstanceSeen, b: InstanceSeen): number {
  const byTime = a.instance.createdAt - b.instance.createdAt
  return byTime !== 0 ? byTime : a.instance.id < b.instance.id ? -1 : 1
}

function exitSentence(observed: ObservedInstance): string {
  const { lastExit } = observed
  if (lastExit === null) return observed.because
  if (lastExit.signal !== null) return `ended by ${lastExit.signal}`
  return `exited with code ${lastExit.code ?? 'unknown'}`
}

function describe(action: InstanceAction): string {
  if (action.type === 'create') return `create: ${action.because}`
  if (action.type === 'forget') return 'forget'
  return `${action.type} ${action.id}: ${action.because}`
}
