import { unreachable } from '../base/errors.ts'
import type { Exit } from '../parts/instances/driver.ts'
import type { ObservedState } from '../parts/instances/model.ts'
import { causeOf, startsAgain } from '../wire/agent-protocol.ts'
import type { AssignedInstance } from '../wire/agent.ts'
import type { Occupant, Room } from './room.ts'
import { checkResultsMax, streakOf, type CheckResult, type Streak } from './check-results.ts'
import { durationText, exitText } from './sentences.ts'

/**
 * Decides the next step of one instance: pure, one state at a time, along `observedTable`.
 *
 * The runner asks again after each step and each event until nothing is left to do, so that a crash
 * anywhere needs no recovery code: what is planned depends on what is so, not on what happened.
 * All times are monotonic ms, but those inside an Exit.
 */

/** All that the agent may ever do to an instance. */
export type InstanceAction =
  /** Fetch and unpack its artifact; quick when it is here already. */
  | { readonly do: 'pull' }
  /** Start its process. */
  | { readonly do: 'start' }
  /** Ask once whether it can serve; several may be under way. */
  | { readonly do: 'probe' }
  /** Send the warm-up's requests. */
  | { readonly do: 'warm-up' }
  /** SIGTERM to its process group. */
  | { readonly do: 'terminate' }
  /** SIGKILL to whatever is left of its process tree. */
  | { readonly do: 'end' }

/** What is so of one instance. */
export interface InstanceView {
  readonly assigned: AssignedInstance
  /** What is wanted of it now; once `stopped`, for ever. */
  readonly wanted: 'running' | 'stopped'
  readonly state: ObservedState
  readonly because: string
  /** Since when it is in this state. */
  readonly stateSince: number
  /** Since when this agent knows of it. */
  readonly acceptedAt: number
  /** The pull, start or end under way; there is one at most. */
  readonly busy: 'pull' | 'start' | 'end' | null
  readonly artifact: ArtifactView
  readonly process: ProcessView
  /** Of this run. */
  readonly checks: readonly CheckResult[]
  readonly probesUnderWay: number
  readonly lastProbeAt: number | null
  readonly warmUp: 'due' | 'under-way' | 'done'
  /** When this run became ready first; null before. */
  readonly readyAt: number | null
  readonly terminatedAt: number | null
  /** Failed starts and deaths in a row. */
  readonly failures: number
  /** While backing off: when to start again. */
  readonly retryAt: number
  /** Whether it fits beside what runs on this machine; asked while it is pulling. */
  readonly room: Room
  /** Of a singleton: when its lease ends; null while it has none. */
  readonly leaseUntil: number | null
}

export type ArtifactView =
  | { readonly is: 'needed' }
  /** `without`: why something is missing beside it; missing: nothing is. */
  | { readonly is: 'here'; readonly without?: string }
  | Failed

export type ProcessView =
  | { readonly is: 'none' }
  | { readonly is: 'running'; readonly startedAt: number }
  /** `swept`: nothing of its tree is left. */
  | {
      readonly is: 'ended'
      readonly exit: Exit
      readonly ranMs: number | null
      readonly swept: boolean
    }
  | (Failed & { readonly portTaken: boolean })

interface Failed {
  readonly is: 'failed'
  readonly because: string
}

/** One step: the state to be in from now on, and what to do. */
export interface Step {
  readonly state: ObservedState
  /** One sentence for people on how it came into this state. */
  readonly because: string
  readonly action: InstanceAction | null
  readonly failures: number
  readonly retryAt: number
  /** When to ask again even if nothing happens; null: only when something does. */
  readonly wakeAt: number | null
  /** Of a job: this is what ends it. */
  readonly timedOut?: boolean
}

/** While an instance starts it is asked this often at least, so that a quick start shows. */
const startingProbeEveryMs = 100
/** The same for checks that start a process of their own: each costs a start. */
const startingExecEveryMs = 500
/** Checks under way at a time: a hung one does not hide that the next one passes. */
const probesUnderWayMax = 4
/** Room is looked for this often while it is waited for. */
const roomPollMs = 250
/** A worker without a check is ready when it has run this long: a wrong command dies sooner. */
const uncheckedReadyMs = 1_000
/** After this long ready, earlier failures are forgotten. */
const failuresForgottenMs = 60_000
/** Waits before the second restart in a row and the longest; the first restart is at once. */
const restartWait = { firstMs: 1_000, maxMs: 30_000 } as const

/** Plans the next step of one instance. */
export function planInstance(view: InstanceView, now: number): Step {
  const step = withLease(view, planLeaseOver(view, now) ?? planState(view, now))
  const isExclusive = step.action !== null && exclusive.has(step.action.do)
  // Its end is an event, and what is still to be done then is planned then.
  return isExclusive && view.busy !== null ? { ...step, action: null } : step
}

/** One of these at a time; the others may go along with it. */
const exclusive: ReadonlySet<InstanceAction['do']> = new Set(['pull', 'start', 'end'])

/** Whoever runs under a lease is looked at again when it ends. */
function withLease(view: InstanceView, step: Step): Step {
  if (view.process.is !== 'running' || view.leaseUntil === null) return step
  if (step.state !== view.state || step.action !== null || !mayServe.has(step.state)) return step
  return { ...step, wakeAt: Math.min(step.wakeAt ?? Infinity, view.leaseUntil) }
}

/** The states in which its process runs and is wanted. */
const mayServe: ReadonlySet<ObservedState> = new Set(['starting', 'warming', 'ready', 'unhealthy'])

/**
 * A singleton whose lease has run out ends, and starts again under the next one. Its watchdog would
 * end it, and may have been quicker: what is decided here adds the reason.
 */
function planLeaseOver(view: InstanceView, now: number): Step | undefined {
  const { assigned, leaseUntil, process } = view
  if (assigned.singleton === undefined || leaseUntil === null || now < leaseUntil) return undefined
  if (view.wanted === 'stopped' || view.busy !== null || !mayServe.has(view.state)) return undefined
  if (process.is !== 'running' && process.is !== 'ended') return undefined
  const why = `its lease of ${durationText(assigned.singleton.leaseMs)} ran out`
  return { ...fail(view, now, why), action: { do: 'end' } }
}

function planState(view: InstanceView, now: number): Step {
  switch (view.state) {
    case 'pulling':
      return planPulling(view, now)
    case 'starting':
      return planStarting(view, now)
    case 'warming':
      return planWarming(view, now)
    case 'ready':
    case 'unhealthy':
      return planServing(view, now)
    case 'backing-off':
      return planBackingOff(view, now)
    case 'stopping':
      return planStopping(view, now)
    case 'exited':
    case 'refused':
      return stay(view)
    default:
      return unreachable(view.state)
  }
}

function planPulling(view: InstanceView, now: number): Step {
  if (view.wanted === 'stopped') return move(view, 'exited', 'stopped before it had started')
  const lateAt = testLateAt(view)
  if (now >= lateAt) return { ...move(view, 'exited', lateText(view)), timedOut: true }
  if (view.busy !== null) return stay(view, { wakeAt: lateAt })
  if (!isGone(view)) return stay(view, { action: 'end' })
  if (view.artifact.is === 'failed') return fail(view, now, view.artifact.because)
  if (view.artifact.is === 'needed') return stay(view, { action: 'pull' })
  const crowded = planCrowded(view, now)
  if (crowded !== undefined) return crowded
  if (view.assigned.singleton !== undefined && now >= (view.leaseUntil ?? 0)) {
    return { ...stay(view), because: 'a singleton waits until the server has given it its lease' }
  }
  return move(view, 'starting', `its artifact is here${missingText(view)}`, 'start')
}

/** Only what runs for good is refused for want of room: another node takes it. */
function planCrowded(view: InstanceView, now: number): Step | undefined {
  if (view.room === 'enough') return undefined
  if (view.room === 'none' && view.assigned.purpose === 'service') {
    return move(view, 'refused', 'there is no room for it beside what runs on this node')
  }
  const because = 'waits for room: what ends on this node has not ended yet'
  return { ...stay(view, { wakeAt: now + roomPollMs }), because }
}

function planStarting(view: InstanceView, now: number): Step {
  if (view.busy === 'start') return stay(view)
  const { process } = view
  if (process.is === 'failed') return planUnstartable(view, now, process)
  const ended = planEnded(view, now)
  if (ended !== undefined) return ended
  if (view.assigned.purpose !== 'service') return move(view, 'ready', 'the job runs')
  const { probe, passes } = view.assigned.health
  if (probe.kind === 'none') return planUnchecked(view, now)
  const streak = streakOf(view.checks)
  if (streak?.ok === true && streak.length >= countable(passes))
    return planPassed(view, streak.because)
  const late = planLateStart(view, now, streak?.because ?? 'no check has been answered')
  // Whose last check passed is on its way: the next ones decide.
  if (late !== undefined && streak?.ok !== true && isFresh(view, now)) return late
  const step = probing(
    view,
    now,
    startingEveryMs(view),
    late === undefined ? deadlineOf(view) : undefined,
  )
  // Whoever asks why it is not ready yet wants to hear what the last check said.
  return streak?.ok === false ? { ...step, because: `not ready yet: ${streak.because}` } : step
}

function planUnstartable(
  view: InstanceView,
  now: number,
  failure: { readonly because: string; readonly portTaken: boolean },
): Step {
  if (view.wanted === 'stopped') return move(view, 'exited', `stopped; ${failure.because}`)
  if (failure.portTaken) return move(view, 'refused', failure.because)
  if (view.assigned.purpose !== 'service') return move(view, 'exited', failure.because)
  return fail(view, now, failure.because)
}

function planUnchecked(view: InstanceView, now: number): Step {
  const readyAt = startedAt(view) + uncheckedReadyMs
  if (now < readyAt) return stay(view, { wakeAt: readyAt })
  return planPassed(view, `has run for ${durationText(uncheckedReadyMs)}`)
}

function planPassed(view: InstanceView, because: string): Step {
  const { warmup } = view.assigned
  if (warmup === null) return move(view, 'ready', `${because}${missingText(view)}`)
  return move(view, 'warming', because, 'warm-up')
}

/** That it serves without something is said for as long as it does. */
function missingText({ artifact }: InstanceView): string {
  return artifact.is === 'here' && artifact.without !== undefined ? `, ${artifact.without}` : ''
}

function planWarming(view: InstanceView, now: number): Step {
  const ended = planEnded(view, now)
  if (ended !== undefined) return ended
  if (view.warmUp === 'done') return move(view, 'ready', `warmed up${missingText(view)}`)
  const late = planLateStart(view, now, 'its warm-up was not over')
  if (late !== undefined) return late
  // Due only after the agent was restarted in the middle of a warm-up.
  return stay(view, {
    action: view.warmUp === 'due' ? 'warm-up' : null,
    wakeAt: deadlineOf(view),
  })
}

function planServing(view: InstanceView, now: number): Step {
  const ended = planEnded(view, now)
  if (ended !== undefined) return ended
  if (view.assigned.purpose !== 'service') return planRunningTest(view, now)
  const { health } = view.assigned
  if (health.probe.kind === 'none') return stay(view)
  const streak = streakOf(view.checks)
  if (view.state === 'ready') {
    if (streak?.ok === false && streak.length >= countable(health.fails)) {
      return move(view, 'unhealthy', `${streak.length} checks in a row failed: ${streak.because}`)
    }
    return probing(view, now, health.everyMs)
  }
  if (streak?.ok === true && streak.length >= countable(health.passes)) {
    return move(view, 'ready', streak.because)
  }
  return planUnhealthy(view, now, streak)
}

/** What stays unhealthy for as long as a start may take is started anew. */
function planUnhealthy(view: InstanceView, now: number, streak: Streak | undefined): Step {
  const { everyMs, startDeadlineMs } = view.assigned.health
  if (streak === undefined || streak.ok) return probing(view, now, everyMs)
  const hopelessAt = view.stateSince + startDeadlineMs
  if (now < hopelessAt) return probing(view, now, everyMs, hopelessAt)
  if (!isFresh(view, now)) return probing(view, now, everyMs)
  const why = `its checks failed for ${durationText(startDeadlineMs)}: ${streak.because}`
  return { ...fail(view, now, why), action: { do: 'end' } }
}

function planRunningTest(view: InstanceView, now: number): Step {
  const { timeoutMs } = view.assigned
  if (timeoutMs === null) return stay(view)
  const lateAt = startedAt(view) + timeoutMs
  if (now < lateAt) return stay(view, { wakeAt: lateAt })
  const why = `timed out after ${durationText(timeoutMs)}`
  return { ...move(view, 'stopping', why, 'end'), timedOut: true }
}

/** The step of an instance whose process has ended or shall end; undefined: it runs and shall. */
function planEnded(view: InstanceView, now: number): Step | undefined {
  const { process } = view
  if (process.is === 'running') {
    if (view.wanted === 'running') return undefined
    return move(view, 'stopping', 'told to stop: SIGTERM sent', 'terminate')
  }
  const because = process.is === 'ended' ? endedText(process) : 'its start was cut short'
  const action = isGone(view) ? null : 'end'
  if (view.wanted === 'stopped') {
    return move(view, 'stopping', because, action)
  }
  if (view.assigned.purpose === 'service') return fail(view, now, because, action)
  return isGone(view) ? move(view, 'exited', because) : stay(view, { action })
}

function planBackingOff(view: InstanceView, now: number): Step {
  if (view.busy !== null) return stay(view)
  if (!isGone(view)) return stay(view, { action: 'end' })
  if (view.wanted === 'stopped') {
    return move(view, 'exited', `stopped; ${causeOf(view.because)}`)
  }
  const lateAt = testLateAt(view)
  if (now >= lateAt) return { ...move(view, 'exited', lateText(view)), timedOut: true }
  if (now < view.retryAt) return stay(view, { wakeAt: Math.min(view.retryAt, lateAt) })
  return move(view, 'pulling', `starts again: ${causeOf(view.because)}`)
}

function planStopping(view: InstanceView, now: number): Step {
  const { process } = view
  if (view.busy !== null) return stay(view)
  if (process.is === 'running') {
    if (view.terminatedAt === null) return stay(view, { action: 'terminate' })
    const killAt = view.terminatedAt + view.assigned.stop.graceMs
    return now < killAt ? stay(view, { wakeAt: killAt }) : stay(view, { action: 'end' })
  }
  if (!isGone(view)) return stay(view, { action: 'end' })
  // Only a test that ran out of time stops while it is wanted: that is what is to be told.
  if (view.wanted === 'running') return move(view, 'exited', view.because)
  return move(view, 'exited', process.is === 'ended' ? `stopped: ${endedText(process)}` : 'stopped')
}

/**
 * Every start has its deadline, in a rollout or not (rule 4 of docs/reference/rules.md): what hangs
 * while it boots is ended and started anew.
 */
function planLateStart(view: InstanceView, now: number, last: string): Step | undefined {
  if (now < deadlineOf(view)) return undefined
  const limit = durationText(view.assigned.health.startDeadlineMs)
  const why = `was not ready ${limit} after its start: ${last}`
  return { ...fail(view, now, why), action: { do: 'end' } }
}

function probing(view: InstanceView, now: number, everyMs: number, alsoAt?: number): Step {
  const dueAt = view.lastProbeAt === null ? now : view.lastProbeAt + everyMs
  const most = view.assigned.health.probe.kind === 'exec' ? 1 : probesUnderWayMax
  const mayAsk = view.probesUnderWay < most
  if (now >= dueAt && mayAsk) return stay(view, { action: 'probe' })
  const wakeAt = Math.min(mayAsk ? dueAt : Infinity, alsoAt ?? Infinity)
  return stay(view, { wakeAt })
}

/** What a check says holds a while longer than the time to the next one, in ms. */
const freshMs = 1_000

/**
 * Whether the last check still says how it is now. An agent that stood still finds deadlines long
 * past on its return, and nobody has asked since: it asks once more before it ends anything.
 */
function isFresh(view: InstanceView, now: number): boolean {
  const newest = view.checks.at(-1)
  const { everyMs, timeoutMs } = view.assigned.health
  return newest !== undefined && now - newest.askedAt <= everyMs + timeoutMs + freshMs
}

/** No more results in a row are asked for than are kept. */
function countable(inARow: number): number {
  return Math.min(inARow, checkResultsMax)
}

function startingEveryMs(view: InstanceView): number {
  const { probe, everyMs } = view.assigned.health
  const most = probe.kind === 'exec' ? startingExecEveryMs : startingProbeEveryMs
  return Math.min(everyMs, most)
}

/** Into `backing-off`, with the wait that the failures in a row have earned. */
function fail(
  view: InstanceView,
  now: number,
  why: string,
  action: InstanceAction['do'] | null = null,
): Step {
  const forgotten = view.readyAt !== null && now - view.readyAt >= failuresForgottenMs
  const failures = (forgotten ? 0 : view.failures) + 1
  const waitMs = restartWaitMs(failures)
  const then = waitMs === 0 ? 'at once' : `in ${durationText(waitMs)}`
  return {
    ...move(view, 'backing-off', `${why}${startsAgain}${then}`, action),
    failures,
    retryAt: now + waitMs,
  }
}

/** The wait before the restart that follows `failures` failures in a row. */
export function restartWaitMs(failures: number): number {
  if (failures <= 1) return 0
  return Math.min(restartWait.maxMs, restartWait.firstMs * 2 ** (failures - 2))
}

function move(
  view: InstanceView,
  state: ObservedState,
  because: string,
  action: InstanceAction['do'] | null = null,
): Step {
  return { ...stay(view, { action }), state, because }
}

function stay(
  view: InstanceView,
  next: { action?: InstanceAction['do'] | null; wakeAt?: number } = {},
): Step {
  const { state, because, failures, retryAt } = view
  const action = next.action === undefined || next.action === null ? null : { do: next.action }
  const wakeAt = next.wakeAt === undefined || next.wakeAt === Infinity ? null : next.wakeAt
  return { state, because, action, failures, retryAt, wakeAt }
}

/** What it takes of the machine's room, running or about to; undefined: nothing. */
export function occupantOf(view: InstanceView): Occupant | undefined {
  if (isGone(view) && view.busy !== 'start') return undefined
  const { resources, port } = view.assigned
  return { resources, port, isWanted: view.wanted === 'running' }
}

/** Nothing of its process tree is left. */
function isGone(view: InstanceView): boolean {
  const { process } = view
  return (
    process.is === 'none' || process.is === 'failed' || (process.is === 'ended' && process.swept)
  )
}

function startedAt(view: InstanceView): number {
  return view.process.is === 'running' ? view.process.startedAt : view.acceptedAt
}

/** One that an earlier agent started may be long ready: this agent has not asked it yet. */
function deadlineOf(view: InstanceView): number {
  return Math.max(startedAt(view), view.acceptedAt) + view.assigned.health.startDeadlineMs
}

/** When a test that has not even started is given up; never for a service. */
function testLateAt(view: InstanceView): number {
  return view.acceptedAt + (view.assigned.timeoutMs ?? Infinity)
}

function lateText(view: InstanceView): string {
  const limit = durationText(view.assigned.timeoutMs ?? 0)
  return `timed out after ${limit}, before it had started: ${view.because}`
}

function endedText(process: { readonly exit: Exit; readonly ranMs: number | null }): string {
  const ran = process.ranMs === null ? '' : ` after ${durationText(process.ranMs)}`
  return `${exitText(process.exit)}${ran}`
}
