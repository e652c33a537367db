import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { IngressDriver } from '../parts/ingress/driver.ts'
import type { Counters, CounterSeries, IngressReport } from '../parts/ingress/model.ts'
import { reportEveryMs } from '../wire/ingress-protocol.ts'
import type { ServerLink } from './server-link.ts'

export interface ReporterOptions {
  readonly link: Pick<ServerLink, 'report'>
  readonly driver: Pick<IngressDriver, 'observe'>
  readonly incarnation: string
  /** The revision of the table in use. */
  readonly appliedRevision: () => number
  /** Its version and digest; undefined before anything was told by this server. */
  readonly table: () => IngressReport['table']
  /** The server says that this is not what it told. */
  readonly onTableAgain: () => void
  readonly clock: Clock
  readonly log: Log
}

/**
 * Tells the server what was counted, each second and at once when asked to. Counts are cumulative and
 * a series is told again until a report with it was acknowledged, so no lost report loses a request.
 * At most one report is on its way; what becomes urgent meanwhile goes out right after it.
 */
export class Reporter {
  readonly #options: ReporterOptions
  /** Of each series, its changes as they were in the last acknowledged report. */
  #acknowledged = new Map<string, number>()
  #sequence = 0
  #isUrgent = false
  #isAway = false
  #wake: (() => void) | undefined

  constructor(options: ReporterOptions) {
    this.#options = options
  }

  /** Reports as soon as the report under way, if any, is answered; not to a server that is away. */
  hurry(): void {
    this.#isUrgent = true
    if (!this.#isAway) this.#wake?.()
  }

  /** Reports until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#wake?.(), { once: true })
    while (!signal.aborted) {
      this.#isUrgent = false
      await this.reportOnce()
      await this.#pause(signal)
    }
  }

  /** Makes one report and sends it; never rejects. */
  async reportOnce(): Promise<void> {
    const { link, log } = this.#options
    try {
      const { report, changes } = await this.#makeReport()
      const answer = await link.report(report)
      if (answer.tableAgain === true) this.#options.onTableAgain()
      if (answer.full) this.#acknowledged.clear()
      else for (const [key, value] of changes) this.#acknowledged.set(key, value)
      if (this.#isAway) log.info('the server takes reports again')
      this.#isAway = false
    } catch (error) {
      if (!this.#isAway) log.warn('a report was not taken', { because: messageOf(error) })
      this.#isAway = true
    }
  }

  /** The series that changed, and what to remember once they are acknowledged. */
  async #makeReport(): Promise<{ report: IngressReport; changes: Map<string, number> }> {
    const { driver, incarnation } = this.#options
    // Before looking: a table that is applied in between is told with the next report.
    const appliedRevision = this.#options.appliedRevision()
    const table = this.#options.table()
    const { series: all, leaving, troubles } = await driver.observe()
    const changes = new Map<string, number>()
    const series: CounterSeries[] = []
    const known = new Set<string>()
    for (const one of all) {
      const key = `${one.backendId} ${one.pool} ${one.instanceId ?? ''}`
      known.add(key)
      const changed = changesOf(one.counters)
      if (this.#acknowledged.get(key) === changed) continue
      changes.set(key, changed)
      series.push(one)
    }
    for (const key of this.#acknowledged.keys()) {
      if (!known.has(key)) this.#acknowledged.delete(key)
    }
    const sequence = this.#sequence++
    const report = {
      incarnation,
      sequence,
      appliedRevision,
      leaving,
      series,
      ...(table === undefined ? {} : { table }),
      troubles: [...troubles],
    }
    return { report, changes }
  }

  /** Waits for the next second, or for something urgent. */
  async #pause(signal: AbortSignal): Promise<void> {
    if (this.#isUrgent && !this.#isAway) return
    if (signal.aborted) return
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(reportEveryMs, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
    this.#wake = undefined
  }
}

/** Counts only rise, so their sum changes whenever one of them does. */
function changesOf(counters: Counters): number {
  const { sent, answered, failed, retried, clientAborted, appErrors } = counters
  const failures = failed.noServer + failed.refused + failed.reset + failed.timedOut + failed.cut
  return sent + answered + failures + retried + clientAborted + appErrors
}
