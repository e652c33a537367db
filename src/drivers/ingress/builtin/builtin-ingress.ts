import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../../base/clock.ts'
import { assert } from '../../../base/errors.ts'
import { newId } from '../../../base/ids.ts'
import type { Log } from '../../../base/log.ts'
import type { Random } from '../../../base/random.ts'
import type {
  IngressDriver,
  IngressObservation,
  IngressSettings,
  OpenPorts,
  TableChange,
} from '../../../parts/ingress/driver.ts'
import type { Backend } from '../../../parts/ingress/model.ts'
import { BackendSet, type BackendEntry } from './backend-set.ts'
import { canonicalHost } from './canonical.ts'
import { CountBook } from './counts.ts'
import { Exchange, guard, tooLarge, type ExchangeHost } from './exchange.ts'
import { answerText, failureHeader } from './failure-answer.ts'
import { Doors } from './doors.ts'
import type { Arrival } from './front.ts'
import { requestHeaders, type Entrance, type Exposure, type OutsideEntrance } from './headers.ts'
import type { InstanceLink } from './instance-link.ts'
import type { InstancePool } from './instance-pool.ts'
import { limits, usualPatience, type Patience } from './limits.ts'
import { Listeners } from './listeners.ts'
import { PassIndex } from './pass-index.ts'
import { answerTestPage, passRefused, testPathOf } from './pass-page.ts'
import { passName, Reception, type Received } from './reception.ts'
import { RouteIndex } from './route-index.ts'

export interface BuiltinIngressOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly patience?: Patience
}

/** The ingress driver for one machine: Node's HTTP server in front, undici's pools behind. */
export function builtinIngress(options: BuiltinIngressOptions): IngressDriver {
  return new BuiltinIngress(options)
}

const nodeEntrance: Entrance = { name: 'listener', isSecure: false }

/** Between two looks at whether a closing ingress has become idle, in ms. */
const closingLookMs = 20

class BuiltinIngress implements IngressDriver, ExchangeHost {
  readonly name = 'builtin'
  readonly clock: Clock
  readonly log: Log
  readonly patience: Patience
  isClosing = false
  readonly #counts = new CountBook()
  readonly #backends: BackendSet
  readonly #listeners: Listeners
  readonly #passes = new PassIndex()
  readonly #reception: Reception
  readonly #exchanges = new Set<Exchange>()
  readonly #requestIdPrefix: string
  #requests = 0
  #routes: Readonly<Record<Exposure, RouteIndex>> = routeIndexes(undefined)
  readonly #doors: Doors
  #isOpen = false
  #sweep: Timer | undefined
  #onNews: () => void = () => {}

  constructor({ clock, random, log, patience = usualPatience }: BuiltinIngressOptions) {
    this.clock = clock
    this.log = log
    this.patience = patience
    this.#requestIdPrefix = newId('req', random)
    this.#backends = new BackendSet({ counts: this.#counts, clock, patience })
    this.#reception = new Reception({ passes: this.#passes, clock, random })
    this.#doors = new Doors({
      serve: (arrival, entrance) => this.#serveOutside(arrival, entrance),
      clock,
      log,
    })
    this.#listeners = new Listeners({
      serve: (pool) => (arrival) => this.#serveListener(arrival, pool),
      clock,
      onTrouble: () => this.#onNews(),
    })
  }

  async open(settings: IngressSettings): Promise<OpenPorts> {
    assert(!this.#isOpen, 'the ingress is opened once')
    this.#isOpen = true
    this.#routes = routeIndexes(settings.defaultHost)
    for (const { id, route } of this.#backends.all()) this.#setRoute(id, route)
    const ports = await this.#doors.open(settings)
    this.#scheduleSweep()
    return ports
  }

  async apply(change: TableChange): Promise<void> {
    // Rule 7 of docs/reference/rules.md: what goes is removed before anything is added; all of this
    // happens between two requests, so none of them ever sees half a change.
    const removed = change.full ? this.#backends.idsWithout(change.backends) : change.removed
    for (const id of removed) {
      this.#backends.remove(id)
      this.#setRoute(id, null)
      this.#passes.remove(id)
    }
    for (const backend of change.backends) {
      this.#backends.set(backend)
      this.#setRoute(backend.id, backend.route)
      this.#passes.set(backend.id, backend.passes)
    }
    await this.#listeners.apply(this.#backends.listeners())
  }

  async observe(): Promise<IngressObservation> {
    return {
      series: this.#counts.series(),
      leaving: this.#backends.leaving(),
      troubles: this.#listeners.troubles(),
    }
  }

  onNews(listener: () => void): void {
    this.#onNews = listener
  }

  async close(graceMs: number): Promise<void> {
    this.isClosing = true
    this.#sweep?.cancel()
    const servers = [...this.#listeners.close(), ...this.#doors.close()]
    const deadline = this.clock.monotonic() + graceMs
    while (this.#exchanges.size > 0 && this.clock.monotonic() < deadline) {
      for (const server of servers) server.closeIdleConnections()
      await this.clock.sleep(closingLookMs)
    }
    for (const exchange of this.#exchanges) exchange.cut()
    for (const server of servers) server.closeAllConnections()
    this.#backends.close()
  }

  onSettled(exchange: Exchange): void {
    this.#exchanges.delete(exchange)
  }

  onLinkFreed(link: InstanceLink): void {
    if (this.#backends.noteFreed(link)) this.#onNews()
  }

  #setRoute(backendId: string, route: Backend['route']): void {
    for (const index of Object.values(this.#routes)) index.set(backendId, route)
  }

  #serveOutside(arrival: Arrival, entrance: OutsideEntrance): void {
    const { req, res } = arrival
    const { host } = req.headers
    const { hstsSeconds = 0, redirectPort } = entrance
    if (hstsSeconds > 0) res.setHeader('strict-transport-security', `max-age=${hstsSeconds}`)
    if (redirectPort !== undefined) return redirect(req, res, redirectPort)
    if (Number(req.headers['content-length'] ?? 0) > entrance.bodyBytesMax) {
      return answerText(res, 413, tooLarge(entrance.bodyBytesMax), { connection: 'close' })
    }
    const testPath = testPathOf(req)
    if (testPath !== undefined) {
      return answerTestPage(res, testPath, this.#passes, entrance, this.clock.now())
    }
    const resolved = this.#routes[entrance.name].resolve(host, req.url ?? '/')
    if (resolved.to === 'backend') {
      return this.#serveBackend(arrival, this.#backends.at(resolved.backendId), entrance)
    }
    const name = canonicalHost(host)
    const says =
      resolved.known === 'host'
        ? `no route of ${name} leads to this path`
        : `no app has a route for the host ${name === '' ? '(none given)' : name}`
    answerText(res, 404, says, { connection: 'close', 'x-content-type-options': 'nosniff' })
  }

  /** Whoever calls a maintenance port has said already what he wants to meet. */
  #serveListener(arrival: Arrival, pool: InstancePool): void {
    const backend = this.#backends.at(pool.backendId)
    if (pool.name === 'online') return this.#serveBackend(arrival, backend, nodeEntrance)
    const received = { aim: backend.aims.maintenance, cookies: [], token: undefined }
    this.#serve(arrival, received, nodeEntrance)
  }

  #serveBackend(arrival: Arrival, backend: BackendEntry, entrance: Entrance): void {
    const received = this.#reception.receive(arrival.req, entrance, backend)
    if (received !== undefined) return this.#serve(arrival, received, entrance)
    answerText(arrival.res, 403, passRefused, { [failureHeader]: 'release-pass' })
  }

  #serve({ req, res, upgrade }: Arrival, received: Received, entrance: Entrance): void {
    guard(this.log, res, () => {
      const headers = requestHeaders(req, entrance, this.#newRequestId)
      if (headers === undefined) {
        return answerText(res, 400, 'the request names two hosts', { connection: 'close' })
      }
      const { aim, cookies, token } = received
      if (token !== undefined) headers.push(passName, token)
      const target = req.url ?? '/'
      const { bodyBytesMax = Number.POSITIVE_INFINITY } = entrance
      const parts = { req, res, aim, target, headers, bodyBytesMax, cookies, upgrade }
      const exchange = new Exchange(this, parts)
      this.#exchanges.add(exchange)
      exchange.start()
    })
  }

  /** Unique over processes by its random beginning, within this one by its count. */
  readonly #newRequestId = (): string =>
    `${this.#requestIdPrefix}-${(this.#requests++).toString(36)}`

  #scheduleSweep(): void {
    this.#sweep = this.clock.after(limits.sweepEveryMs, () => {
      const now = this.clock.monotonic()
      for (const exchange of this.#exchanges) exchange.checkBody(now)
      this.#counts.prune(now)
      this.#scheduleSweep()
    })
  }
}

/** To the same place by HTTPS, with the same method. */
function redirect(req: IncomingMessage, res: ServerResponse, port: number): void {
  const name = canonicalHost(req.headers.host)
  if (!/^(?:[\w.-]+|\[[\da-f:.]+\])$/.test(name)) {
    return answerText(res, 400, 'this is served by HTTPS only, and the request names no host')
  }
  const headers = { location: `https://${name}${port === 443 ? '' : `:${port}`}${req.url ?? '/'}` }
  answerText(res, 308, 'this is served by HTTPS only', headers)
}

function routeIndexes(defaultHost: string | undefined): Record<Exposure, RouteIndex> {
  const indexOf = (exposure: Exposure): RouteIndex => new RouteIndex(exposure, defaultHost)
  return { public: indexOf('public'), private: indexOf('private'), admin: indexOf('admin') }
}
