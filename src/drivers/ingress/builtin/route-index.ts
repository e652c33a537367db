import type { Backend } from '../../../parts/ingress/model.ts'
import { canonicalHost, canonicalPath } from './canonical.ts'
import type { Exposure } from './headers.ts'

interface Row {
  readonly path: string
  readonly backendId: string
}

/** What a host and a path lead to: a backend, or why there is none. */
export type Resolved =
  | { readonly to: 'backend'; readonly backendId: string }
  | { readonly to: 'nothing'; readonly known: 'no host' | 'host' }

/**
 * Finds the backend of a request at the addresses of one exposure: exact host, then the longest path
 * that is a prefix on a boundary of segments. A host that no route names is served as the default
 * host, if there is one.
 *
 * Two backends that claim one host and path (a fault of the table): the first id has it.
 */
export class RouteIndex {
  readonly #exposure: Exposure
  readonly #defaultHost: string | undefined
  readonly #hosts = new Map<string, Row[]>()
  readonly #routes = new Map<string, NonNullable<Backend['route']>>()

  constructor(exposure: Exposure, defaultHost?: string) {
    this.#exposure = exposure
    this.#defaultHost = defaultHost === undefined ? undefined : canonicalHost(defaultHost)
  }

  /** Takes in a backend's route; one of another exposure leads nowhere from here. */
  set(backendId: string, route: Backend['route']): void {
    const before = this.#routes.get(backendId)
    if (isSame(before, route)) return
    this.remove(backendId)
    if (route === null || route.expose !== this.#exposure) return
    this.#routes.set(backendId, route)
    const host = canonicalHost(route.host)
    const rows = this.#hosts.get(host) ?? []
    rows.push({ path: withoutSlash(canonicalPath(route.path)), backendId })
    rows.sort(byLengthThenId)
    this.#hosts.set(host, rows)
  }

  remove(backendId: string): void {
    const route = this.#routes.get(backendId)
    if (route === undefined) return
    this.#routes.delete(backendId)
    const host = canonicalHost(route.host)
    const rows = this.#hosts.get(host)?.filter((row) => row.backendId !== backendId) ?? []
    if (rows.length === 0) this.#hosts.delete(host)
    else this.#hosts.set(host, rows)
  }

  resolve(host: string | undefined, target: string): Resolved {
    const rows = this.#hosts.get(canonicalHost(host)) ?? this.#hosts.get(this.#defaultHost ?? '')
    if (rows === undefined) return { to: 'nothing', known: 'no host' }
    const path = canonicalPath(target)
    for (const row of rows) {
      if (isUnder(path, row.path)) return { to: 'backend', backendId: row.backendId }
    }
    return { to: 'nothing', known: 'host' }
  }
}

function isUnder(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false
  return path.length === prefix.length || path.charCodeAt(prefix.length) === 47
}

/** `/api/` claims what `/api` claims; the root becomes empty, the prefix of all. */
function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

function byLengthThenId(a: Row, b: Row): number {
  return b.path.length - a.path.length || (a.backendId < b.backendId ? -1 : 1)
}

function isSame(a: Backend['route'] | undefined, b: Backend['route']): boolean {
  if (a === undefined || b === null || a === null) return false
  return a.host === b.host && a.path === b.path && a.expose === b.expose
}
