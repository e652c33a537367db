import { percentile } from '../../base/histogram.ts'
import type { TrafficView } from '../../wire/api.ts'
import type { LedgerWindow } from '../rollouts/model.ts'
import { addCounters, countersBetween, windowOf, zeroCounters } from '../rollouts/plan-ledger.ts'
import { failedOf, type Counters, type CounterSeries, type IngressReport } from './model.ts'

/**
 * What came in at the online pools second by second, for rates and for the minute before a
 * rollout. It is an observation: it begins anew with the server.
 */

/** Seconds kept: the minute before a rollout, and what its reports may be late. */
const secondsKept = 75

/** Rates are over this many whole seconds. */
const rateSeconds = 10

interface Second {
  /** Wall seconds since 1970. */
  at: number
  readonly backends: Map<string, Counters>
}

interface Ingress {
  readonly incarnation: string
  /** Whether its counts were heard from their very beginning: a new series begins at zero then. */
  readonly isWhole: boolean
  readonly totals: Map<string, Counters>
}

/** Counts by second and backend, in a ring. */
export class TrafficHistory {
  readonly #ring: Second[] = []
  readonly #ingresses = new Map<string, Ingress>()

  /** Takes in a report that was not old, `now` in wall ms. */
  hear(ingressId: string, report: IngressReport, now: number): void {
    const ingress = this.#ingressOf(ingressId, report)
    const second = this.#secondAt(now)
    for (const series of report.series) {
      if (series.pool === 'online' && series.instanceId === null) {
        note(second, ingress, series)
      }
    }
  }

  /** The sum of some backends since `from` (wall ms); null where nothing was counted. */
  windowSince(backendIds: readonly string[], from: number, now: number): LedgerWindow | null {
    const sum = this.#sum(backendIds, from, now)
    return sum === undefined ? null : windowOf(sum, from, now)
  }

  /** The rates of one backend over the last ten seconds; null where nothing was ever counted. */
  rates(backendId: string, now: number): TrafficView | null {
    const total = this.#total(backendId)
    if (total === undefined) return null
    const until = Math.floor(now / 1_000) * 1_000
    const sum = this.#sum([backendId], until - rateSeconds * 1_000, until - 1) ?? zeroCounters()
    return {
      requestsPerSecond: sum.sent / rateSeconds,
      failedPerSecond: failedOf(sum) / rateSeconds,
      appErrorsPerSecond: sum.appErrors / rateSeconds,
      p50Ms: percentile(sum.latency, 0.5),
      p99Ms: percentile(sum.latency, 0.99),
      sentTotal: total.sent,
      failedTotal: total.failed,
    }
  }

  #sum(backendIds: readonly string[], from: number, until: number): Counters | undefined {
    let sum: Counters | undefined
    for (const second of this.#ring) {
      if (second === undefined || second.at * 1_000 < from - 999 || second.at * 1_000 > until) {
        continue
      }
      for (const backendId of backendIds) {
        const counters = second.backends.get(backendId)
        if (counters === undefined) continue
        sum ??= zeroCounters()
        addCounters(sum, counters)
      }
    }
    return sum
  }

  #total(backendId: string): { sent: number; failed: number } | undefined {
    let total: { sent: number; failed: number } | undefined
    for (const { totals } of this.#ingresses.values()) {
      const counters = totals.get(backendId)
      if (counters === undefined) continue
      total ??= { sent: 0, failed: 0 }
      total.sent += counters.sent
      total.failed += failedOf(counters)
    }
    return total
  }

  #ingressOf(ingressId: string, report: IngressReport): Ingress {
    const known = this.#ingresses.get(ingressId)
    if (known?.incarnation === report.incarnation) return known
    const { incarnation, sequence } = report
    // One that was known before, or that reports for the first time, has been heard from its start.
    const isWhole = known !== undefined || sequence <= 1
    const ingress = { incarnation, isWhole, totals: new Map<string, Counters>() }
    this.#ingresses.set(ingressId, ingress)
    return ingress
  }

  #secondAt(now: number): Second {
    const at = Math.floor(now / 1_000)
    const index = at % secondsKept
    const known = this.#ring[index]
    if (known?.at === at) return known
    const second = { at, backends: new Map<string, Counters>() }
    this.#ring[index] = second
    return second
  }
}

function copyOf(counters: Counters): Counters {
  return { ...counters, failed: { ...counters.failed }, latency: [...counters.latency] }
}

/** Adds what came in since the series was heard last. */
function note(second: Second, ingress: Ingress, { backendId, counters }: CounterSeries): void {
  const before = ingress.totals.get(backendId)
  ingress.totals.set(backendId, counters)
  if (before === undefined && !ingress.isWhole) return
  const more = countersBetween(counters, before)
  const sum = second.backends.get(backendId)
  if (sum !== undefined) addCounters(sum, more)
  // Copied: what is reported is frozen history, what is summed here is changed in place.
  else second.backends.set(backendId, copyOf(more))
}
