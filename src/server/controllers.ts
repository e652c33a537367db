import type { Bound } from '../base/bounds.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { State } from '../store/port.ts'
import type { PlanView } from '../wire/api.ts'
import { ControlLoop, type AnyController } from './control-loop.ts'
import { PlanHistory } from './plan-history.ts'

export type { AnyController } from './control-loop.ts'

export interface ControllerHostOptions {
  readonly state: State
  readonly controllers: readonly AnyController[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * Every key is passed over this often, in ms: a wake-up is a hint that may be lost (rule 1 of
 * docs/reference/rules.md).
 */
const resyncEveryMs = 60_000

/** Runs the control loops: each wakes by the changes that concern it, by its timers, and every 60 s. */
export class ControllerHost {
  readonly #options: ControllerHostOptions
  readonly #history: PlanHistory
  readonly #stopped = new AbortController()
  readonly #loops: ControlLoop[]
  #unsubscribe: (() => void) | undefined
  #resync: Timer | undefined

  constructor(options: ControllerHostOptions) {
    this.#options = options
    this.#history = new PlanHistory()
    this.#loops = options.controllers.map(
      (controller) =>
        new ControlLoop({
          controller,
          snapshot: options.state.snapshot,
          clock: options.clock,
          random: options.random,
          log: options.log.with({ controller: controller.name }),
          signal: this.#stopped.signal,
          onPlan: (plan) => this.#history.add(plan),
        }),
    )
  }

  start(): void {
    this.#unsubscribe = this.#options.state.subscribe((change) => {
      for (const loop of this.#loops) loop.notice(change)
    })
    this.#resyncAll()
  }

  /** Takes no more wake-ups, tells what runs to end, and waits for it. */
  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#resync?.cancel()
    this.#stopped.abort(new Error('the server is stopping'))
    await Promise.all(this.#loops.map((loop) => loop.stop()))
  }

  bounds(): Bound[] {
    return [...this.#loops.flatMap((loop) => loop.bounds()), ...this.#history.bounds()]
  }

  /** Passes and failures of each controller since the start. */
  counts(): { readonly name: string; readonly passes: number; readonly failures: number }[] {
    return this.#loops.map((loop) => ({ name: loop.name, ...loop.counts }))
  }

  /** The last plans that did something or said something new, newest first. */
  plans(): Iterable<PlanView> {
    return this.#history.newestFirst()
  }

  #resyncAll(): void {
    for (const loop of this.#loops) loop.resync()
    this.#resync = this.#options.clock.after(resyncEveryMs, () => this.#resyncAll())
  }
}
