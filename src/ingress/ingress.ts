import type { Clock } from '../base/clock.ts'
import type { Disk } from '../base/disk.ts'
import { Fault, messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { backoffMs, callBackoff } from '../base/retry.ts'
import type { IngressDriver, IngressSettings, OpenPorts } from '../parts/ingress/driver.ts'
import type { IngressReport } from '../parts/ingress/model.ts'
import { Reporter } from './reporter.ts'
import {
  applyDelta,
  digestOfTable,
  emptyTable,
  wholeTable,
  type RoutingTable,
} from './routing-table.ts'
import type { ServerLink } from './server-link.ts'
import { TableFile } from './table-file.ts'

export interface IngressOptions extends IngressSettings {
  /** The way to the server; closed with the ingress. */
  readonly link: ServerLink
  readonly disk: Disk
  /** Where `table.json` is kept. */
  readonly dataDir: string
  readonly driver: IngressDriver
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface RunningIngress {
  readonly publicPort: number
  readonly ports: OpenPorts
  readonly incarnation: string
  /** The revision of the table that every new request meets. */
  appliedRevision(): number
  /** Accepts nothing new, lets requests under way end for at most `graceMs`, tells the last counts. */
  close(graceMs: number): Promise<void>
}

/**
 * Starts the role that carries requests. It serves from the last table that it knew before it asks
 * the server for anything, and goes on with the last one for as long as the server is away: whether
 * a pool may become empty is for the server to decide, and silence is no decision.
 *
 * Refusal `address-taken` when the public port is another's.
 */
export async function startIngress(options: IngressOptions): Promise<RunningIngress> {
  const ingress = new Ingress(options)
  await ingress.start()
  return ingress
}

/** The last words to the server may take this long, in ms: it may be ending as well. */
const lastReportMs = 1_000

class Ingress implements RunningIngress {
  readonly incarnation: string
  ports: OpenPorts = { publicPort: 0 }
  readonly #options: IngressOptions
  readonly #link: ServerLink
  readonly #file: TableFile
  readonly #reporter: Reporter
  /** Ends the following of the table; reports go on until nothing is under way. */
  readonly #ending = new AbortController()
  readonly #ended = new AbortController()
  #table: RoutingTable = emptyTable
  #version = 0
  /** Breaks off the request for the table that is waiting. */
  #asking = new AbortController()
  #loops: Promise<unknown> = Promise.resolve()

  constructor(options: IngressOptions) {
    const { clock, log, driver, random, link, disk, dataDir } = options
    this.#options = options
    this.incarnation = Buffer.from(random.bytes(9)).toString('base64url')
    this.#link = link
    this.#file = new TableFile(dataDir, { disk, clock, log })
    this.#reporter = new Reporter({
      link,
      driver,
      incarnation: this.incarnation,
      appliedRevision: () => this.#table.revision,
      table: () => this.#told(),
      onTableAgain: () => this.#askAgain(),
      clock,
      log,
    })
  }

  get publicPort(): number {
    return this.ports.publicPort
  }

  appliedRevision(): number {
    return this.#table.revision
  }

  async start(): Promise<void> {
    const { driver, log } = this.#options
    const last = await this.#file.read()
    if (last !== undefined) {
      await driver.apply(wholeTable(last))
      this.#table = last
    }
    driver.onNews(() => this.#reporter.hurry())
    this.ports = await driver.open(this.#options)
    const { revision, backends } = this.#table
    log.info('serving', { ...this.ports, revision, backends: backends.size })
    this.#loops = Promise.all([
      this.#follow(this.#ending.signal),
      this.#reporter.run(this.#ended.signal),
    ])
  }

  async close(graceMs: number): Promise<void> {
    const { driver, clock, log } = this.#options
    this.#ending.abort()
    await driver.close(graceMs)
    this.#ended.abort()
    await Promise.race([
      this.#loops.then(() => this.#reporter.reportOnce()),
      clock.sleep(lastReportMs),
    ])
    this.#link.close()
    await this.#file.close()
    log.info('ended', { revision: this.#table.revision })
  }

  /** Takes over each change of the table, as soon as the server tells of it. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.#takeNext(signal)
        if (failures > 0) log.info('the server answers again', { revision: this.#table.revision })
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof Fault)) throw error
        failures++
        const because = messageOf(error)
        if (failures === 1) log.warn('going on with the last table', { because })
        await clock.sleep(backoffMs(callBackoff, failures, random), signal).catch(() => {})
      }
    }
  }

  /** What the server may compare with what it told; undefined before it has told anything. */
  #told(): IngressReport['table'] {
    if (this.#version === 0) return undefined
    return { version: this.#version, digest: digestOfTable(this.#table) }
  }

  /** Rule 7 of docs/reference/rules.md: a table that differs is replaced whole, and at once. */
  #askAgain(): void {
    this.#options.log.error('the table differs from what the server told: asking for all of it')
    this.#version = 0
    this.#asking.abort()
  }

  async #takeNext(signal: AbortSignal): Promise<void> {
    this.#asking = new AbortController()
    const either = AbortSignal.any([signal, this.#asking.signal])
    const asked = this.#asking.signal
    const delta = await this.#link.table(this.#version, either).catch((error: unknown) => {
      if (asked.aborted && !signal.aborted) return undefined
      throw error
    })
    if (delta === undefined || asked.aborted) return
    await this.#options.driver.apply(delta)
    this.#version = delta.version
    this.#table = applyDelta(this.#table, delta)
    this.#reporter.hurry()
    this.#file.save(this.#table)
  }
}
