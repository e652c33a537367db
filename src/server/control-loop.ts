import { nothingLost, type Bound } from '../base/bounds.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { Controller, Plan } from '../base/control-loop.ts'
import { Fault, messageOf, Refusal } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { backoffMs, type Backoff } from '../base/retry.ts'
import type { Change, Snapshot } from '../store/port.ts'
import type { PlanView } from '../wire/api.ts'

/** A controller whatever its view and actions are: the loop only carries them from hand to hand. */
export type AnyController = Controller<Change, Snapshot, unknown, unknown>

/**
 * The loop that runs one controller: observe, plan, apply, one pass per key at a time.
 *
 * One pass per key at a time, and its commits are visible before the next: it sees its own decisions
 * (rule 3 of docs/reference/rules.md).
 *
 * A key that is woken during its own pass is passed over again afterwards; wake-ups are never
 * counted, so a thousand of them cost one pass. A key that fails waits by itself: the others go on.
 */
export interface ControlLoopOptions {
  readonly controller: AnyController
  readonly snapshot: Snapshot
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Aborts what is being applied when the server stops. */
  readonly signal: AbortSignal
  readonly onPlan: (plan: PlanView) => void
}

/** Passes may hold the event loop this long together, in ms; half of what is promised. */
const batchMs = 5

/** One pass longer than this is worth a line in the log, in ms. */
const slowPassMs = 10

/** Keys whose actions are under way at once: they share the store's fsyncs. */
const concurrentMax = 64

/** Keys waiting at the most; beyond it they are all forgotten and listed anew. */
const dirtyMax = 100_000

/**
 * What is left of a plan after this time is planned anew, in ms: the world has moved on while a slow
 * store took its first actions.
 */
const planValidMs = 1_000

/** A wake-up asked for now or in the past comes after this time, in ms: never a busy loop. */
const wakeMinMs = 10

/** A refused stale plan is made anew almost at once; a Fault of the world gets longer and longer. */
const retryBackoff: Backoff = { firstMs: 10, maxMs: 30_000, factor: 3 }

/** Failures in a row after which a warning becomes an error in the log. */
const loudAfter = 5

export class ControlLoop {
  readonly #options: ControlLoopOptions
  /** Keys to pass over, in the order in which they were woken. */
  readonly #dirty = new Set<string>()
  readonly #running = new Map<string, Promise<void>>()
  readonly #timers = new Map<string, Timer>()
  readonly #failures = new Map<string, number>()
  #isScheduled = false
  #isStopped = false

  constructor(options: ControlLoopOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.controller.name
  }

  /** Passes since the start, and those that failed. */
  readonly counts = { passes: 0, failures: 0 }

  bounds(): Bound[] {
    return [
      {
        name: `server.${this.#options.controller.name}-keys-waiting`,
        says: 'keys that wait for a pass; beyond it all are listed anew, and none is lost',
        unit: 'items',
        overflow: 'drops-oldest',
        limit: dirtyMax,
        used: () => this.#dirty.size,
        lost: nothingLost,
      },
    ]
  }

  /** Wakes the keys that a change concerns. */
  notice(change: Change): void {
    const { controller, snapshot } = this.#options
    try {
      for (const key of controller.keysOf(change, snapshot)) this.#wake(key)
    } catch (error) {
      // The next resync finds what this change would have woken.
      this.#options.log.error('a change could not be read', stackOf(error))
    }
  }

  /** Wakes every key that exists. */
  resync(): void {
    const { controller, snapshot } = this.#options
    try {
      for (const key of controller.allKeys(snapshot)) this.#dirty.add(key)
    } catch (error) {
      this.#options.log.error('the keys could not be listed', stackOf(error))
    }
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#dirty.clear()
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    await Promise.allSettled(this.#running.values())
  }

  #wake(key: string): void {
    if (this.#dirty.size >= dirtyMax && !this.#dirty.has(key)) {
      this.#dirty.clear()
      this.#options.log.warn('too many keys wait; all are listed anew', { keys: dirtyMax })
      this.resync()
      return
    }
    this.#dirty.add(key)
    this.#schedule()
  }

  /** The changes of one commit come in one go: the passes begin after the last of them. */
  #schedule(): void {
    if (this.#isScheduled || this.#isStopped) return
    this.#isScheduled = true
    queueMicrotask(() => this.#batch())
  }

  #batch(): void {
    this.#isScheduled = false
    const { clock } = this.#options
    const began = clock.monotonic()
    for (const key of this.#dirty) {
      if (this.#isStopped || this.#running.size >= concurrentMax) return
      if (this.#running.has(key)) continue
      this.#dirty.delete(key)
      this.#pass(key)
      if (clock.monotonic() - began < batchMs) continue
      this.#isScheduled = true
      clock.after(0, () => this.#batch())
      return
    }
  }

  /** Observes and plans at once; applies in its own time. */
  #pass(key: string): void {
    this.counts.passes++
    const { controller, snapshot, clock } = this.#options
    this.#cancelTimer(key)
    const began = clock.monotonic()
    let plan: Plan<unknown>
    try {
      const view = controller.observe(key, snapshot)
      if (view === undefined) return void this.#failures.delete(key)
      plan = controller.plan(view, clock.now())
    } catch (error) {
      this.#fail(key, 'could not be planned', 0, error)
      return
    }
    const tookMs = clock.monotonic() - began
    if (tookMs > slowPassMs) this.#options.log.warn('a pass held the loop', { key, tookMs })
    if (plan.actions.length === 0) this.#settle(key, plan)
    else this.#run(key, plan)
  }

  #run(key: string, plan: Plan<unknown>): void {
    const { because, actions } = plan
    this.#options.log.info('plan', { key, because, actions: actions.length })
    this.#running.set(key, this.#applyAll(key, plan))
  }

  async #applyAll(key: string, plan: Plan<unknown>): Promise<void> {
    await this.#apply(key, plan)
    this.#running.delete(key)
    if (this.#dirty.size > 0) this.#schedule()
  }

  async #apply(key: string, plan: Plan<unknown>): Promise<void> {
    const { controller, signal, clock } = this.#options
    const plannedAt = clock.monotonic()
    try {
      for (const [index, action] of plan.actions.entries()) {
        if (signal.aborted) return
        if (index > 0 && clock.monotonic() - plannedAt > planValidMs) {
          this.#dirty.add(key)
          break
        }
        await controller.apply(action, signal)
      }
    } catch (error) {
      if (!signal.aborted) this.#fail(key, plan.because, plan.actions.length, error)
      return
    }
    this.#settle(key, plan)
  }

  #settle(key: string, plan: Plan<unknown>): void {
    this.#failures.delete(key)
    this.#tell(key, plan.because, plan.actions.length, null)
    if (plan.wakeAt !== undefined) this.#wakeIn(key, plan.wakeAt - this.#options.clock.now())
  }

  /** Whatever it was: this key is passed over again later, and from the beginning. */
  #fail(key: string, because: string, actions: number, error: unknown): void {
    this.counts.failures++
    const attempt = (this.#failures.get(key) ?? 0) + 1
    this.#failures.set(key, attempt)
    const waitMs = backoffMs(retryBackoff, attempt, this.#options.random)
    this.#tell(key, because, actions, messageOf(error))
    this.#logFailure(key, attempt, waitMs, error)
    this.#wakeIn(key, waitMs)
  }

  #logFailure(key: string, attempt: number, waitMs: number, error: unknown): void {
    const { log } = this.#options
    const isExpected = error instanceof Refusal || error instanceof Fault
    const fields = { key, attempt, waitMs, ...(isExpected ? codeOf(error) : stackOf(error)) }
    if (!isExpected || attempt > loudAfter) log.error('pass failed', fields)
    else if (error instanceof Fault || attempt > 1) log.warn('pass failed', fields)
    else log.debug('a stale plan was refused', fields)
  }

  #tell(key: string, because: string, actions: number, error: string | null): void {
    const { controller, clock, onPlan } = this.#options
    onPlan({ controller: controller.name, key, at: clock.now(), because, actions, error })
  }

  #wakeIn(key: string, ms: number): void {
    if (this.#isStopped) return
    this.#cancelTimer(key)
    const timer = this.#options.clock.after(Math.max(wakeMinMs, ms), () => {
      this.#timers.delete(key)
      this.#wake(key)
    })
    this.#timers.set(key, timer)
  }

  #cancelTimer(key: string): void {
    this.#timers.get(key)?.cancel()
    this.#timers.delete(key)
  }
}

function codeOf(error: Refusal | Fault): { code: string; error: string } {
  return { code: error.code, error: error.message }
}

function stackOf(error: unknown): { stack: string } {
  return { stack: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}
