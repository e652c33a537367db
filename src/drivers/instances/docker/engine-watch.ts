import type { Clock } from '../../../base/clock.ts'
import type { Container, Containers } from './containers.ts'
import type { Engine } from './engine.ts'
import { labels } from './labels.ts'

/**
 * Looks at the engine's containers every few seconds, and at once when it tells of an end. An
 * event is a hint: what counts is the list. Also knows whether the engine answers at all.
 */

/** Time between two looks, in ms; an end is told by an event, within a few ms. */
const lookEveryMs = 2_000

/** An engine that has not answered for so long offers nothing, in ms. */
const absentAfterMs = 15_000

/** After a stream of events has ended, in ms. */
const followAgainMs = 1_000

export interface WatchOptions {
  readonly engine: Engine
  readonly containers: Containers
  readonly clock: Clock
  readonly owner: string
  /** All containers of ours, as they were at a monotonic moment or later. */
  readonly onLook: (containers: readonly Container[], askedAt: number) => Promise<void>
  readonly signal: AbortSignal
}

export class EngineWatch {
  readonly #options: WatchOptions
  #answeredAt: number | undefined
  #looking: Promise<boolean> | undefined
  #isLookDue = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** Whether it has answered lately. */
  get isThere(): boolean {
    const now = this.#options.clock.monotonic()
    return this.#answeredAt !== undefined && now - this.#answeredAt < absentAfterMs
  }

  run(): void {
    void this.#repeat(lookEveryMs, () => this.look())
    void this.#repeat(followAgainMs, () => this.#follow())
  }

  /** Looks once; looks that are asked for meanwhile are one look after it. False: no answer. */
  look(): Promise<boolean> {
    if (this.#looking !== undefined) {
      this.#isLookDue = true
      return this.#looking
    }
    this.#looking = this.#lookOnce().finally(() => {
      this.#looking = undefined
      if (this.#isLookDue) void this.look()
      this.#isLookDue = false
    })
    return this.#looking
  }

  async #lookOnce(): Promise<boolean> {
    const { containers, clock, onLook } = this.#options
    const askedAt = clock.monotonic()
    try {
      const found = await containers.list()
      this.#answeredAt = clock.monotonic()
      await onLook(found, askedAt)
      return true
    } catch {
      // It does not answer, or went away in the middle: the next look tells.
      return false
    }
  }

  /** Each line of the stream is the end of a container of ours. */
  async #follow(): Promise<void> {
    const { engine, owner, signal } = this.#options
    const filters = { type: ['container'], event: ['die'], label: [`${labels.owner}=${owner}`] }
    const query = { filters: JSON.stringify(filters) }
    const events = await engine.stream({ method: 'GET', path: '/events', query }, signal)
    for await (const _event of events) void this.look()
  }

  async #repeat(everyMs: number, work: () => Promise<unknown>): Promise<void> {
    const { clock, signal } = this.#options
    while (!signal.aborted) {
      await work().catch(() => undefined)
      await clock.sleep(everyMs, signal).catch(() => {})
    }
  }
}
