import type { Moment, Snapshot } from '../../store/port.ts'
import type { AppView, ServiceView, TrafficView } from '../../wire/api.ts'
import { imageView } from '../artifacts/model.ts'
import { serviceName } from '../instances/model.ts'
import { instancesOf } from '../instances/records.ts'
import { activeRollout } from '../rollouts/records.ts'
import { wantedCount, type App, type Release, type ServiceSpec } from './model.ts'
import { handDriftOf } from './plan-drift.ts'
import { currentRelease, releaseAt } from './records.ts'

/** Rates of a backend over the last ten seconds; null where nothing was counted. */
export type RatesOf = (backendId: string) => TrafficView | null

/**
 * Where the ingress serves the routes of each exposure, such as `http://127.0.0.1:8080`; undefined:
 * nobody has told the server.
 */
export interface Origins {
  readonly public: string
  readonly private?: string | undefined
  readonly admin?: string | undefined
}

/** Where an app is looked at from. */
export interface ViewedFrom {
  readonly rates: RatesOf
  readonly origins: Origins
  /** The snapshot is one of the past. */
  readonly asOf?: Moment | undefined
}

/** An app as API, CLI and console show it. */
export function viewOfApp(snapshot: Snapshot, app: App, from: ViewedFrom): AppView {
  const rollout = activeRollout(snapshot, app.at)?.value
  const current = currentRelease(snapshot, app)
  const shown =
    current ?? (rollout === undefined ? undefined : releaseAt(snapshot, app.at, rollout.releaseId))
  const services = (shown?.services ?? []).map((spec) => viewOfService(snapshot, app, spec, from))
  return {
    at: app.at,
    health: healthOf(app, shown, services, rollout !== undefined),
    releaseId: current?.id ?? null,
    releaseNumber: current?.number ?? null,
    version: current?.version ?? '',
    services,
    rolloutId: rollout?.id ?? null,
    drift: handDriftOf(app, current),
    traffic: sumOf(services.map((service) => service.traffic)),
    ...(from.asOf === undefined ? {} : { asOf: from.asOf }),
  }
}

function viewOfService(
  snapshot: Snapshot,
  app: App,
  spec: ServiceSpec,
  { rates, origins, asOf }: ViewedFrom,
): ServiceView {
  const counts = { ready: 0, maintenance: 0, draining: 0 }
  for (const { value } of instancesOf(snapshot, app.at, spec.name)) {
    if (value.state === 'ended' || value.desired === 'stopped') continue
    if (value.pool !== 'online') counts[value.pool]++
    else if (asOf !== undefined || snapshot.observations.instance(value.id)?.state === 'ready')
      counts.ready++
  }
  return {
    name: spec.name,
    worker: spec.worker,
    wanted: wantedCount(app, spec),
    ...counts,
    stopped: app.stopped.includes(spec.name),
    needs: spec.needs,
    ...imageView(spec.artifact),
    url: urlOf(spec.route, origins),
    traffic: asOf !== undefined ? null : rates(serviceName(app.at, spec.name)),
  }
}

/** Null: there is no route, or nobody said where those of its exposure are served. */
function urlOf(route: ServiceSpec['route'], origins: Origins): string | null {
  const origin = route === null ? undefined : origins[route.expose]
  if (route === null || origin === undefined) return null
  const { protocol, port } = new URL(origin)
  return `${protocol}//${route.host}${port === '' ? '' : `:${port}`}${route.path}`
}

function healthOf(
  app: App,
  release: Release | undefined,
  services: readonly ServiceView[],
  isRolling: boolean,
): AppView['health'] {
  if (app.destroying) return 'destroying'
  if (isRolling) return 'rolling'
  if (release === undefined) return 'down'
  const wanted = services.filter((service) => service.wanted > 0)
  if (wanted.length === 0) return 'stopped'
  if (wanted.every((service) => service.ready >= service.wanted)) return 'ok'
  return wanted.every((service) => service.ready === 0) ? 'down' : 'degraded'
}

/** The sum of rates; of percentiles the worst, since they cannot be added. */
function sumOf(parts: readonly (TrafficView | null)[]): TrafficView | null {
  const counted = parts.filter((part) => part !== null)
  if (counted.length === 0) return null
  const sum = (of: (part: TrafficView) => number): number =>
    counted.reduce((total, part) => total + of(part), 0)
  const worst = (of: (part: TrafficView) => number | null): number | null => {
    const known = counted.map(of).filter((value) => value !== null)
    return known.length === 0 ? null : Math.max(...known)
  }
  return {
    requestsPerSecond: sum((part) => part.requestsPerSecond),
    failedPerSecond: sum((part) => part.failedPerSecond),
    appErrorsPerSecond: sum((part) => part.appErrorsPerSecond),
    p50Ms: worst((part) => part.p50Ms),
    p99Ms: worst((part) => part.p99Ms),
    sentTotal: sum((part) => part.sentTotal),
    failedTotal: sum((part) => part.failedTotal),
  }
}
