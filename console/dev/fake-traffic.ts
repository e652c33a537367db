import type { AppView, RolloutView, TrafficView } from '../../src/wire/api.ts'

/** Traffic that never came: rates that breathe, and the windows that a rollout would count. */

type Window = NonNullable<RolloutView['live']>

/** One service's load: `base` requests a second, a slow swell upon it, and some chop. */
export interface Load {
  readonly base: number
  readonly p50Ms: number
}

/** The rate at an instant; the same for the same arguments, so that pictures can be repeated. */
export function rateAt(load: Load, seconds: number, seed: number): number {
  const swell = Math.sin(seconds / 23 + seed) * 0.12 + Math.sin(seconds / 7.3 + seed * 3) * 0.05
  const chop = Math.sin(seconds * 2.1 + seed * 7) * Math.sin(seconds * 0.9 + seed) * 0.05
  return Math.max(0, load.base * (1 + swell + chop))
}

export function trafficView(requestsPerSecond: number, load: Load, sentTotal: number): TrafficView {
  return {
    requestsPerSecond,
    failedPerSecond: 0,
    appErrorsPerSecond: 0,
    p50Ms: load.p50Ms,
    p99Ms: load.p50Ms * 5.4,
    sentTotal: Math.round(sentTotal),
    failedTotal: 0,
  }
}

/** An app's traffic: what came in at its services that have a route. */
export function sumOf(parts: readonly TrafficView[]): TrafficView | null {
  const [first] = parts
  if (first === undefined) return null
  const add = (of: (view: TrafficView) => number): number =>
    parts.reduce((sum, view) => sum + of(view), 0)
  return {
    ...first,
    requestsPerSecond: add((view) => view.requestsPerSecond),
    failedPerSecond: add((view) => view.failedPerSecond),
    sentTotal: add((view) => view.sentTotal),
  }
}

/** A window of a ledger, as the ingress would have counted it. */
export function windowOf(from: number, until: number, sent: number, failed = 0): Window {
  const whole = Math.round(sent)
  const aborted = Math.floor(whole / 2_900)
  return {
    from,
    until,
    sent: whole,
    answered: Math.max(0, whole - failed - aborted),
    failed,
    causes: failed > 0 ? { refused: Math.ceil(failed / 2), cut: Math.floor(failed / 2) } : {},
    retried: Math.floor(whole / 4_100),
    clientAborted: aborted,
    appErrors: Math.floor(whole / 5_200),
    p50Ms: 4.2 + (whole % 7) / 10,
    p95Ms: 12.8 + (whole % 11) / 10,
    p99Ms: 23.4 + (whole % 13) / 10,
  }
}

/** Whether all of an app's wanted instances serve. */
export function healthOf(app: Pick<AppView, 'services' | 'rolloutId'>): AppView['health'] {
  if (app.rolloutId !== null) return 'rolling'
  const running = app.services.filter((service) => !service.stopped)
  if (running.length === 0) return 'stopped'
  if (running.every((service) => service.ready >= service.wanted)) return 'ok'
  return running.some((service) => service.ready > 0) ? 'degraded' : 'down'
}
