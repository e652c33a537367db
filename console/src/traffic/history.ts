import type { AppTrafficView } from '../../../src/wire/api.ts'

/**
 * The last minutes of traffic, kept in the browser: the server tells only the present. Bounded by
 * `pointsMax` for each series, and by the apps of the last answer: others are forgotten.
 */

/** A curve: seconds since 1970, and the rates at them. */
export interface Curve {
  readonly times: readonly number[]
  readonly requests: readonly (number | null)[]
  readonly failed: readonly (number | null)[]
}

/** Five minutes at one point a second. */
const pointsMax = 300
/** Above this many services only those have curves that somebody has looked at. */
const servicesMax = 200
/** A pause longer than this, in seconds, is drawn as a gap: the tab slept, or the server was away. */
const gapSeconds = 5

const noCurve: Curve = { times: [], requests: [], failed: [] }

/** The name of a curve: all apps together, one app in its cell, or one of its services. */
export function curveName(at?: AppTrafficView['at'], service?: string): string {
  if (at === undefined) return ''
  const app = `${at.environment}/${at.tenant}/${at.app}`
  return service === undefined ? app : `${app}/${service}`
}

export class TrafficHistory {
  #curves = new Map<string, Curve>()
  readonly #subscribers = new Set<() => void>()
  /** Curves that were asked for; no more than there are services. */
  readonly #wanted = new Set<string>()

  /** Adds one answer of GET /v1/traffic, read at `atMs`. */
  record(atMs: number, items: readonly AppTrafficView[]): void {
    const next = new Map<string, Curve>()
    const add = (name: string, requests: number, failed: number): void => {
      next.set(name, extended(this.#curves.get(name) ?? noCurve, atMs / 1_000, requests, failed))
    }
    const isLarge = items.reduce((sum, { services }) => sum + services.length, 0) > servicesMax
    let requests = 0
    let failed = 0
    for (const { at, traffic, services } of items) {
      requests += traffic?.requestsPerSecond ?? 0
      failed += traffic?.failedPerSecond ?? 0
      add(curveName(at), traffic?.requestsPerSecond ?? 0, traffic?.failedPerSecond ?? 0)
      for (const { name, traffic: own } of services) {
        const curve = curveName(at, name)
        if (isLarge && !this.#wanted.has(curve)) continue
        add(curve, own?.requestsPerSecond ?? 0, own?.failedPerSecond ?? 0)
      }
    }
    add(curveName(), requests, failed)
    this.#curves = next
    for (const subscriber of this.#subscribers) subscriber()
  }

  /** The same object until the next answer, so that it can be compared by identity. */
  curve(name: string): Curve {
    this.#wanted.add(name)
    return this.#curves.get(name) ?? noCurve
  }

  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.#subscribers.add(subscriber)
    return () => this.#subscribers.delete(subscriber)
  }
}

export const trafficHistory = new TrafficHistory()

function extended(curve: Curve, time: number, requests: number, failed: number): Curve {
  const last = curve.times.at(-1)
  const isGap = last !== undefined && time - last > gapSeconds
  const gapTime = isGap ? [last + 1] : []
  const gap = isGap ? [null] : []
  return {
    times: [...curve.times, ...gapTime, time].slice(-pointsMax),
    requests: [...curve.requests, ...gap, requests].slice(-pointsMax),
    failed: [...curve.failed, ...gap, failed].slice(-pointsMax),
  }
}
