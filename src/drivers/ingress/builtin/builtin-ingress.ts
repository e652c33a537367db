import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Clock, Timer } from '../../../base/clock.ts'
import { assert } from '../../../base/errors.ts'
import { newId } from '../../../base/ids.ts'
import type { Log } from '../../../base/log.ts'
import type { Random } from '../../../base/random.ts'
import type {
  IngressDriver,
  IngressObservation,
  IngressSettings,
  TableChange,
} from '../../../parts/ingress/driver.ts'
import { BackendSet } from './backend-set.ts'
import { canonicalHost } from './canonical.ts'
import { CountBook } from './counts.ts'
import { Exchange, guard, type ExchangeHost } from './exchange.ts'
import { answerText } from './failure-answer.ts'
import { createFront, type Upgrade } from './front.ts'
import { requestHeaders, type Entrance } from './headers.ts'
import type { InstanceLink } from './instance-link.ts'
import type { InstancePool } from './instance-pool.ts'
import { limits, usualPatience, type Patience } from './limits.ts'
import { listen, Listeners } from './listeners.ts'
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
  readonly #exchanges = new Set<Exchange>()
  readonly #requestIdPrefix: string
  #requests = 0
  #routes = new RouteIndex()
  #front: Server | undefined
  #sweep: Timer | undefined
  #onNews: () => void = () => {}

  constructor({ clock, random, log, patience = usualPatience }: BuiltinIngressOptions) {
    this.clock = clock
    this.log = log
    this.patience = patience
    this.#requestIdPrefix = newId('req', random)
    this.#backends = new BackendSet({ counts: this.#counts, clock, patience })
    this.#listeners = new Listeners({
      serve: (pool) => (req, res, upgrade) => this.#serve(req, res, upgrade, pool, 'listener'),
      clock,
      onTrouble: () => this.#onNews(),
    })
  }

  async open({ publicAddress, defaultHost }: IngressSettings): Promise<{ publicPort: number }> {
    assert(this.#front === undefined, 'the ingress is opened once')
    this.#routes = new RouteIndex(defaultHost)
    for (const { id, route } of this.#backends.all()) this.#routes.set(id, route)
    const front = createFront((req, res, upgrade) => this.#servePublic(req, res, upgrade))
    const publicPort = await listen(front, publicAddress)
    this.#front = front
    this.#scheduleSweep()
    return { publicPort }
  }

  async apply(change: TableChange): Promise<void> {
    // Rule 7 of docs/reference/rules.md: what goes is removed before anything is added; all of this
    // happens between two requests, so none of them ever sees half a change.
    const removed = change.full ? this.#backends.idsWithout(change.backends) : change.removed
    for (const id of removed) {
      this.#backends.remove(id)
      this.#routes.remove(id)
    }
    for (const backend of change.backends) {
      this.#backends.set(backend)
      this.#routes.set(backend.id, backend.route)
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
    const servers = this.#listeners.close()
    if (this.#front !== undefined) {
      this.#front.close()
      servers.push(this.#front)
    }
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

  #servePublic(req: IncomingMessage, res: ServerResponse, upgrade: Upgrade | null): void {
    const { host } = req.headers
    const resolved = this.#routes.resolve(host, req.url ?? '/')
    if (resolved.to === 'backend') {
      const pool = this.#backends.online(resolved.backendId)
      return this.#serve(req, res, upgrade, pool, 'public')
    }
    const name = canonicalHost(host)
    const says =
      resolved.known === 'host'
        ? `no route of ${name} leads to this path`
        : `no app has a route for the host ${name === '' ? '(none given)' : name}`
    answerText(res, 404, says, { connection: 'close', 'x-content-type-options': 'nosniff' })
  }

  #serve(
    req: IncomingMessage,
    res: ServerResponse,
    upgrade: Upgrade | null,
    pool: InstancePool,
    entrance: Entrance,
  ): void {
    guard(this.log, res, () => {
      const headers = requestHeaders(req, entrance, this.#newRequestId)
      if (headers === undefined) {
        return answerText(res, 400, 'the request names two hosts', { connection: 'close' })
      }
      const target = req.url ?? '/'
      const exchange = new Exchange(this, { req, res, pool, target, headers, upgrade })
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
