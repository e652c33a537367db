import type { Clock } from '../base/clock.ts'
import { Refusal, messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { ObservedInstance } from '../parts/instances/model.ts'
import type { Finding } from '../parts/nodes/model.ts'
import { findingsMax, reportEveryMs } from '../wire/agent-protocol.ts'
import type { VolumeNews } from './volume-keeper.ts'
import { foreignInstanceOf, type ServerClient } from './server-client.ts'

export interface ReporterOptions {
  readonly client: Pick<ServerClient, 'report'>
  readonly clock: Clock
  readonly log: Log
  readonly portsTaken: () => readonly number[]
  /** All that the node knows of. */
  readonly instances: () => readonly ObservedInstance[]
  /** What was found on the node and is still to be told; `told` when it is kept. */
  readonly findings: () => readonly Finding[]
  /** What is to be told of volumes; undefined: nothing. */
  readonly volumes: () => VolumeNews | undefined
  readonly onFindingsKept: (ids: readonly string[]) => void
  /** The clock that leases go by. */
  readonly leaseNow: () => number
  /** The server has renewed these leases by a report that was sent at `sentAt`. */
  readonly onLeases: (instanceIds: readonly string[], sentAt: number) => Promise<void>
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
  /** Made anew with each registration, so that none of an earlier one's reports can be taken for it. */
  #incarnation = ''
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

  /** The server knows this node from now on, by this name, and nothing of what it runs. */
  begin(incarnation: string): void {
    this.#incarnation = incarnation
    this.#sequence = 0
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
    // One for the whole run: 600 agents in one process would add and remove thousands a second.
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    while (!signal.aborted) {
      const turn = this.#nextTurn()
      if (!this.#isPaused) await this.reportOnce(signal)
      const isPoked = (await turn) === 'poked'
      if (isPoked && !signal.aborted) await clock.sleep(coalesceMs, signal).catch(() => {})
    }
  }

  /** Sends one report; a failure is noted, and what it told is told again. */
  async reportOnce(signal: AbortSignal): Promise<void> {
    const { client, log } = this.#options
    const incarnation = this.#incarnation
    const full = this.#isFull
    const known = this.#options.instances().filter((one) => !this.#foreign.has(one.instanceId))
    const instances = (
      full ? known : known.filter((one) => this.#told.get(one.instanceId) !== one)
    ).slice(0, instancesMax)
    const portsTaken = [...this.#options.portsTaken()]
    const sequence = ++this.#sequence
    // Rule 5 of docs/reference/rules.md: a lease is counted from when it was asked for.
    const sentAt = this.#options.leaseNow()
    try {
      const findings = this.#options.findings().slice(0, findingsMax)
      const found = findings.length === 0 ? {} : { findings }
      const told = { incarnation, sequence, portsTaken, full, instances: [...instances] }
      const volumes = this.#options.volumes()
      const report = { ...told, ...found, ...(volumes === undefined ? {} : { volumes }) }
      const answer = await client.report(report, signal)
      this.#isFull = answer.full
      this.#failures = 0
      this.#options.onFindingsKept(answer.findings ?? [])
      await this.#options.onLeases(answer.leases ?? [], sentAt)
    } catch (error) {
      if (!signal.aborted && incarnation === this.#incarnation) this.#noteFailure(error, log)
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
  #nextTurn(): Promise<'poked' | 'due'> {
    return new Promise((resolve) => {
      const end = (how: 'poked' | 'due'): void => {
        timer.cancel()
        this.#wake = () => {}
        resolve(how)
      }
      const timer = this.#options.clock.after(reportEveryMs, () => end('due'))
      this.#wake = () => end('poked')
    })
  }
}
