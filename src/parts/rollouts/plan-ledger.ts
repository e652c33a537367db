import {
  addHistogram,
  emptyHistogram,
  percentile,
  subtractHistogram,
} from '../../base/histogram.ts'
import { failedOf, type CounterSeries, type Counters, type FailureCause } from '../ingress/model.ts'
import type { Ledger, LedgerBaseline, LedgerWindow } from './model.ts'

/**
 * Proof of zero, computed: counters of an ingress only rise, so what a rollout cost is what they
 * show now less what they showed when it began. Nothing is sampled and nothing estimated.
 */

/** An ingress's counters as they are now. */
export interface IngressCounts {
  readonly ingressId: string
  readonly incarnation: string
  readonly series: readonly CounterSeries[]
}

/** The part of a ledger that a rollout's own span fills. */
export type SpanLedger = Pick<Ledger, 'during' | 'services' | 'instances' | 'gaps'>

export function zeroCounters(): Counters {
  return {
    sent: 0,
    answered: 0,
    failed: { noServer: 0, refused: 0, reset: 0, timedOut: 0, cut: 0 },
    retried: 0,
    clientAborted: 0,
    appErrors: 0,
    latency: emptyHistogram(),
  }
}

/** What came in between two readings of one series. */
export function countersBetween(later: Counters, earlier: Counters | undefined): Counters {
  if (earlier === undefined) return later
  const less = (a: number, b: number): number => Math.max(0, a - b)
  return {
    sent: less(later.sent, earlier.sent),
    answered: less(later.answered, earlier.answered),
    failed: {
      noServer: less(later.failed.noServer, earlier.failed.noServer),
      refused: less(later.failed.refused, earlier.failed.refused),
      reset: less(later.failed.reset, earlier.failed.reset),
      timedOut: less(later.failed.timedOut, earlier.failed.timedOut),
      cut: less(later.failed.cut, earlier.failed.cut),
    },
    retried: less(later.retried, earlier.retried),
    clientAborted: less(later.clientAborted, earlier.clientAborted),
    appErrors: less(later.appErrors, earlier.appErrors),
    latency: subtractHistogram(later.latency, earlier.latency),
  }
}

/** Adds `more` onto `sum` in place. */
export function addCounters(sum: Counters, more: Counters): void {
  sum.sent += more.sent
  sum.answered += more.answered
  sum.failed.noServer += more.failed.noServer
  sum.failed.refused += more.failed.refused
  sum.failed.reset += more.failed.reset
  sum.failed.timedOut += more.failed.timedOut
  sum.failed.cut += more.failed.cut
  sum.retried += more.retried
  sum.clientAborted += more.clientAborted
  sum.appErrors += more.appErrors
  addHistogram(sum.latency, more.latency)
}

/**
 * A span's counts for people. A request counts where it ended, so that the parts always add up;
 * one that is under way at either edge belongs to the span after it.
 */
export function windowOf(counters: Counters, from: number, until: number): LedgerWindow {
  const failed = failedOf(counters)
  const causes = Object.fromEntries(
    Object.entries(counters.failed).filter(([, count]) => count > 0),
  ) as LedgerWindow['causes']
  return {
    from,
    until,
    sent: counters.answered + failed + counters.clientAborted,
    answered: counters.answered,
    failed,
    causes,
    retried: counters.retried,
    clientAborted: counters.clientAborted,
    appErrors: counters.appErrors,
    p50Ms: percentile(counters.latency, 0.5),
    p95Ms: percentile(counters.latency, 0.95),
    p99Ms: percentile(counters.latency, 0.99),
  }
}

/** What a running rollout is judged by: asked in each of its passes, so nothing else is computed. */
export type Toll = Pick<LedgerWindow, 'sent' | 'failed' | 'causes'>

/** What the online pools were sent since the baseline, and what failed of it. */
export function tollSince(baseline: LedgerBaseline, now: readonly IngressCounts[]): Toll {
  const causes: Toll['causes'] = {}
  let ended = 0
  let failed = 0
  for (const ingress of now) {
    const before = baselineOf(baseline, ingress)
    for (const series of ingress.series) {
      if (series.pool !== 'online' || series.instanceId !== null) continue
      const { counters } = series
      const earlier = before.get(nameOf(series))
      for (const cause of failureCauses) {
        const count = Math.max(0, counters.failed[cause] - (earlier?.failed[cause] ?? 0))
        if (count === 0) continue
        failed += count
        causes[cause] = (causes[cause] ?? 0) + count
      }
      ended += Math.max(0, counters.answered - (earlier?.answered ?? 0))
      ended += Math.max(0, counters.clientAborted - (earlier?.clientAborted ?? 0))
    }
  }
  return { sent: ended + failed, failed, causes }
}

const failureCauses = Object.keys(zeroCounters().failed) as FailureCause[]

/** What came in at the online pools since the baseline, in all, by service and by instance. */
export function ledgerSince(
  baseline: LedgerBaseline,
  now: readonly IngressCounts[],
  until: number,
): SpanLedger {
  const all = zeroCounters()
  const services = new Map<string, Counters>()
  const instances = new Map<string, { releaseId: string; counters: Counters }>()
  for (const { series, counters } of countersSince(baseline, now)) {
    if (series.instanceId === null) {
      addCounters(all, counters)
      addCounters(entryOf(services, serviceOf(series), zeroCounters), counters)
    } else if (counters.sent > 0) {
      const make = () => ({ releaseId: series.releaseId ?? '', counters: zeroCounters() })
      addCounters(entryOf(instances, series.instanceId, make).counters, counters)
    }
  }
  const window = (counters: Counters): LedgerWindow => windowOf(counters, baseline.at, until)
  return {
    during: window(all),
    services: [...services].map(([service, counters]) => ({ service, window: window(counters) })),
    instances: [...instances].map(([instanceId, { releaseId, counters }]) => ({
      instanceId,
      releaseId,
      window: window(counters),
    })),
    gaps: gapsOf(baseline, now),
  }
}

/** What one series of an online pool has counted since a baseline. */
export interface CountedSince {
  readonly series: CounterSeries
  readonly counters: Counters
}

/** What each series of the online pools has counted since the baseline. */
export function* countersSince(
  baseline: LedgerBaseline,
  now: readonly IngressCounts[],
): Iterable<CountedSince> {
  for (const ingress of now) {
    const before = baselineOf(baseline, ingress)
    for (const series of ingress.series) {
      if (series.pool !== 'online') continue
      yield { series, counters: countersBetween(series.counters, before.get(nameOf(series))) }
    }
  }
}

/** A killed ingress takes the counts of its last second with it, and those since the baseline. */
function gapsOf(baseline: LedgerBaseline, now: readonly IngressCounts[]): string[] {
  const gaps: string[] = []
  for (const [ingressId, { incarnation }] of Object.entries(baseline.ingresses)) {
    const current = now.find((ingress) => ingress.ingressId === ingressId)
    if (current === undefined) gaps.push(`ingress ${ingressId} has not been heard since`)
    else if (current.incarnation !== incarnation) {
      gaps.push(`ingress ${ingressId} was restarted: what it had counted before is missing`)
    }
  }
  return gaps
}

function baselineOf(baseline: LedgerBaseline, ingress: IngressCounts): Map<string, Counters> {
  const before = baseline.ingresses[ingress.ingressId]
  if (before === undefined || before.incarnation !== ingress.incarnation) return new Map()
  return new Map(before.series.map((series) => [nameOf(series), series.counters]))
}

function nameOf(series: CounterSeries): string {
  return `${series.backendId} ${series.pool} ${series.instanceId ?? '*'}`
}

function serviceOf(series: CounterSeries): string {
  return series.backendId.slice(series.backendId.lastIndexOf('/') + 1)
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
