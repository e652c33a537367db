import type { Clock, Timer } from '../base/clock.ts'
import { Refusal, messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { ObservedInstance } from '../parts/instances/model.ts'
import { reportEveryMs } from '../wire/agent-protocol.ts'
import { foreignInstanceOf, type ServerClient } from './server-client.ts'

export interface ReporterOptions {
  readonly client: Pick<ServerClient, 'report'>
  readonly clock: Clock
  readonly log: Log
  readonly incarnation: string
  readonly portsTaken: () => readonly number[]
  /** All that the node knows of. */
  readonly instances: () => readonly ObservedInstance[]
  /** The server does not know this node. */
  readonly onUnknown: () => void
}

/** Changes within this time go in one report. */
const coalesceMs = 10
/** A report's instances at the most; the rest goes in the next one. */
const instancesMax = 10_000

/**
 * Tells the server what the node observes: every 2 s, and at once when an instance changed. After a
 * start, and when the server asks, all of it; otherwise what changed since the last acknowledged
 * report.
 */
export class Reporter {
  readonly #options: ReporterOptions
  readonly #told = new Map<string, ObservedInstance>()
  /** Left by an agent of another node on the same data: the server will not hear of them. */
  readonly #foreign = new Set<string>()
  #sequence = 0
  #isFull = true
  #isPaused = true
  #failures = 0
  #wake: () => void = () => {}

  constructor(options: ReporterOptions) {
    this.#options = options
  }

  /** Something changed. While the server does not answer, the next turn is soon enough. */
  poke(): void {
    if (this.#failures === 0) this.#wake()
  }

  /** The server knows this node from now on, and nothing of what it runs. */
  begin(): void {
    this.#isFull = true
    this.#isPaused = false
    this.#wake()
  }

  /** Forgets an instance that is no longer reported. */
  forget(instanceId: string): void {
    this.#told.delete(instanceId)
    this.#foreign.delete(instanceId)
  }

  /** Whether the server has acknowledged exactly this, or does not want to know. */
  hasTold(observed: ObservedInstance): boolean {
    return (
      this.#foreign.has(observed.instanceId) || this.#told.get(observed.instanceId) === observed
    )
  }

  /** Reports until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    while (!signal.aborted) {
      const poked = this.#nextTurn(signal)
      if (!this.#isPaused) await this.reportOnce(signal)
      await poked
      if (!signal.aborted) await clock.sleep(coalesceMs, signal).catch(() => {})
    }
  }

  /** Sends one report; a failure is noted, and what it told is told again. */
  async reportOnce(signal: AbortSignal): Promise<void> {
    const { client, log, incarnation } = this.#options
    const full = this.#isFull
    const known = this.#options.instances().filter((one) => !this.#foreign.has(one.instanceId))
    const instances = (
      full ? known : known.filter((one) => this.#told.get(one.instanceId) !== one)
    ).slice(0, instancesMax)
    const portsTaken = [...this.#options.portsTaken()]
    const sequence = ++this.#sequence
    try {
      const report = { incarnation, sequence, portsTaken, full, instances: [...instances] }
      const answer = await client.report(report, signal)
      this.#isFull = answer.full
      this.#failures = 0
    } catch (error) {
      if (!signal.aborted) this.#noteFailure(error, log)
      return
    }
    if (full) this.#told.clear()
    for (const one of instances) this.#told.set(one.instanceId, one)
  }

  #noteFailure(error: unknown, log: Log): void {
    this.#isFull = true
    if (this.#failures++ === 0) log.warn('report not taken', { error: messageOf(error) })
    const foreign = foreignInstanceOf(error)
    if (foreign !== undefined) this.#foreign.add(foreign)
    if (!(error instanceof Refusal) || error.status !== 404) return
    this.#isPaused = true
    this.#options.onUnknown()
  }

  /** Resolves at the next poke, or when the next report is due. */
  #nextTurn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined
      const done = (): void => {
        timer?.cancel()
        signal.removeEventListener('abort', done)
        this.#wake = () => {}
        resolve()
      }
      timer = this.#options.clock.after(reportEveryMs - coalesceMs, done)
      signal.addEventListener('abort', done, { once: true })
      this.#wake = done
    })
  }
}
