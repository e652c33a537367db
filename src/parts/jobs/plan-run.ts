import type { Plan } from '../../base/control-loop.ts'
import { unreachable } from '../../base/errors.ts'
import { causeOf } from '../../wire/agent-protocol.ts'
import type { Instance, ObservedInstance } from '../instances/model.ts'
import type { JobRun, RunAttempt } from './model.ts'
import { buildEnd } from './plan-build.ts'

/** Decides how one run goes on: when it starts, what an attempt's end means, when it is over. */

/** A run that is not over, with the instance of its attempt under way. */
export interface RunSeen {
  readonly run: JobRun
  /** The job's app is being destroyed. */
  readonly appGone: boolean
  /** The rollout that made it goes on without it. */
  readonly unwanted: boolean
  /** Null while no attempt is under way, or when its record is gone. */
  readonly instance: Pick<Instance, 'state' | 'unplaced' | 'ended'> | null
  readonly observed: ObservedInstance | undefined
  readonly nodeLost: boolean
}

export type RunAction =
  /** Make an instance, and note it as the run's next attempt. */
  | { readonly type: 'attempt'; readonly runId: string; readonly because: string }
  /** Note how far it has come. */
  | {
      readonly type: 'note'
      readonly runId: string
      readonly changes: Partial<JobRun>
      readonly because: string
    }

/** Waits before the second attempt and the longest, in ms: a job that fails is not in a hurry. */
const retryWait = { firstMs: 5_000, maxMs: 5 * 60_000 } as const

/** An attempt without an answer from its agent is given up this long after its time-out, in ms. */
const unheardGraceMs = 60_000

/** The wait before the attempt that follows `failed` failed ones, in ms. */
export function retryWaitMs(failed: number): number {
  return Math.min(retryWait.maxMs, retryWait.firstMs * 2 ** (failed - 1))
}

export function planRun(
  seen: RunSeen,
  { open }: { readonly open: readonly RunSeen[] },
  now: number,
): Plan<RunAction> {
  const { run } = seen
  const stopped = stopReason(seen)
  if (stopped !== null) return over(seen, now, 'cancelled', stopped)
  switch (run.state) {
    case 'waiting':
      return planWaiting(seen, open, now)
    case 'running':
      return planRunning(seen, now)
    case 'succeeded':
    case 'failed':
    case 'timed-out':
    case 'cancelled':
    case 'skipped':
      return { actions: [], because: run.because }
    default:
      return unreachable(run.state)
  }
}

function stopReason({ run, appGone, unwanted }: RunSeen): string | null {
  if (run.cancelledBy !== null) return `cancelled by ${run.cancelledBy}`
  if (appGone) return 'its app is being destroyed'
  return unwanted ? 'its rollout has gone on' : null
}

/** The overlap rule: only an older run of the same job stands in the way. */
function planWaiting(seen: RunSeen, open: readonly RunSeen[], now: number): Plan<RunAction> {
  const { run } = seen
  const older = open.slice(0, open.indexOf(seen)).at(-1)?.run
  if (older !== undefined && run.spec.overlap === 'skip') {
    return over(seen, now, 'skipped', `${older.id} was still under way`)
  }
  if (older !== undefined && run.spec.overlap === 'queue') {
    return { actions: [], because: `${run.id} waits for ${older.id}` }
  }
  return attempt(run, 'its first attempt starts')
}

function planRunning(seen: RunSeen, now: number): Plan<RunAction> {
  const { run, instance, observed } = seen
  const last = run.attempts.at(-1)
  if (last === undefined || last.endedAt !== null) return planBetween(run, now)
  if (observed?.state === 'exited') {
    const exitCode = observed.lastExit?.code ?? null
    if (exitCode === 0 && observed.timedOut !== true)
      return over(seen, now, 'succeeded', 'exit code 0')
    const isTimedOut = observed.timedOut === true
    if (run.spec.build !== undefined && exitCode !== null && !isTimedOut) {
      const { how, isHopeless } = buildEnd(exitCode)
      return failed(seen, now, how, exitCode, false, isHopeless)
    }
    const how = exitCode === null || isTimedOut ? observed.because : `exit code ${exitCode}`
    // A build that hangs would hang again.
    const isHopeless = isTimedOut && run.spec.build !== undefined
    return failed(seen, now, how, exitCode, isTimedOut, isHopeless)
  }
  if (observed?.state === 'backing-off' && (observed.runs > 0 || observed.hopeless === true)) {
    const why = `it cannot run: ${causeOf(observed.because)}`
    return failed(seen, now, why, null, false, observed.hopeless === true)
  }
  if (instance === null || instance.state === 'ended') {
    return failed(seen, now, instance?.ended?.because ?? 'its record is gone', null, false)
  }
  if (seen.nodeLost) return failed(seen, now, 'its node is lost', null, false)
  return planUnheard(seen, last, now)
}

/** Its agent watches the time-out; who has no agent, or none that answers, is watched here. */
function planUnheard(
  { run, instance, observed }: RunSeen,
  last: RunAttempt,
  now: number,
): Plan<RunAction> {
  const isPlaced = instance?.state === 'placed'
  const giveUpAt = last.startedAt + run.spec.timeoutMs + (isPlaced ? unheardGraceMs : 0)
  if (now < giveUpAt) {
    const because =
      observed?.because ?? (isPlaced ? 'its agent has not told of it' : 'it waits for a place')
    return { actions: [], because: `${run.id}: ${because}`, wakeAt: giveUpAt }
  }
  const why = isPlaced
    ? 'its agent has not told how it ended'
    : `it found no place in time: ${instance?.unplaced?.because ?? 'none was decided'}`
  return note(run, now, { state: 'timed-out', because: why, endedAt: now, exitCode: null }, why)
}

function planBetween(run: JobRun, now: number): Plan<RunAction> {
  const at = run.retryAt ?? now
  if (now < at) return { actions: [], because: `${run.id} tries again`, wakeAt: at }
  return attempt(run, `attempt ${run.attempts.length + 1} of ${run.spec.retries + 1} starts`)
}

function failed(
  { run }: RunSeen,
  now: number,
  how: string,
  exitCode: number | null,
  timedOut: boolean,
  isHopeless = false,
): Plan<RunAction> {
  const attempts = run.attempts.length
  if (attempts <= run.spec.retries && !isHopeless) {
    const retryAt = now + retryWaitMs(attempts)
    const because = `attempt ${attempts} of ${run.spec.retries + 1} failed: ${how}`
    return note(run, now, { because, retryAt, exitCode }, because)
  }
  const state = timedOut ? 'timed-out' : 'failed'
  return note(run, now, { state, because: how, endedAt: now, exitCode }, how)
}

function over(
  { run }: RunSeen,
  now: number,
  state: 'succeeded' | 'cancelled' | 'skipped',
  because: string,
): Plan<RunAction> {
  const exitCode = state === 'succeeded' ? 0 : null
  return note(run, now, { state, because, endedAt: now, exitCode }, because)
}

function attempt(run: JobRun, because: string): Plan<RunAction> {
  return { actions: [{ type: 'attempt', runId: run.id, because }], because }
}

/** Notes the end of the attempt under way along with what it means for the run. */
function note(
  run: JobRun,
  now: number,
  changes: Partial<JobRun> & { readonly exitCode: number | null },
  because: string,
): Plan<RunAction> {
  const { exitCode, ...rest } = changes
  const attempts = run.attempts.map((one, index) =>
    index === run.attempts.length - 1 && one.endedAt === null
      ? { ...one, endedAt: now, exitCode, because }
      : one,
  )
  const noted = { retryAt: null, ...rest, attempts }
  return { actions: [{ type: 'note', runId: run.id, changes: noted, because }], because }
}
