import type { Timer } from '../src/base/clock.ts'
import { CountBook, type Tally } from '../src/drivers/ingress/builtin/counts.ts'
import { limits, usualPatience } from '../src/drivers/ingress/builtin/limits.ts'
import { stepAfter, type AttemptFailure } from '../src/drivers/ingress/builtin/retry-rules.ts'
import type { IngressDriver, IngressObservation, TableChange } from '../src/parts/ingress/driver.ts'
import type { Backend, Counters, Endpoint, FailureCause } from '../src/parts/ingress/model.ts'
import type { Life } from './life.ts'
import type { RunningProcess, SimMachine } from './machine.ts'
import type { Network } from './network.ts'

export interface SimIngressDriverOptions {
  readonly life: Life
  readonly network: Network
  readonly machineOf: (address: string) => SimMachine | undefined
  /** Tells that a table is in use, with the backends that changed. */
  readonly onApplied: (backends: readonly string[]) => void
  readonly onRequest: (backendId: string, failed: FailureCause | undefined) => void
}

/** A way to one instance, with what is under way on it. */
interface Link {
  readonly endpoint: Endpoint
  underWay: number
  isInPool: boolean
  lastTurn: number
  avoidedUntil: number
}

/** Both counts of a request: of its pool in all, and of the instance that answers it. */
interface Pool {
  readonly tally: Tally
  links: Link[]
  /** Requests that wait for an instance. */
  readonly held: Set<CarriedRequest>
}

/** A request of a customer. */
export interface CustomerRequest {
  readonly backendId: string
  readonly method: 'GET' | 'POST'
  /** Time that its instance takes to answer, in ms. */
  readonly workMs: number
}

/**
 * Carries simulated requests by the rules of the built-in ingress (its counts, its patience, its
 * table of what may be tried again) to processes that truly run, or do not.
 */
export class SimIngressDriver implements IngressDriver {
  readonly name = 'sim'
  readonly #options: SimIngressDriverOptions
  readonly #counts = new CountBook()
  readonly #pools = new Map<string, Pool>()
  readonly #links = new Map<string, Link>()
  readonly #leaving = new Set<Link>()
  readonly #copies = new WeakMap<Counters, Counters>()
  #turn = 0
  #onNews: () => void = () => {}

  constructor(options: SimIngressDriverOptions) {
    this.#options = options
  }

  open(): Promise<{ readonly publicPort: number }> {
    return Promise.resolve({ publicPort: 80 })
  }

  async apply(change: TableChange): Promise<void> {
    const kept = new Set(change.backends.map(({ id }) => id))
    const removed = change.full
      ? [...this.#pools.keys()].filter((id) => !kept.has(id))
      : change.removed
    for (const id of removed) this.#place(id, [])
    for (const backend of change.backends) this.#place(backend.id, backend.online)
    this.#options.onApplied([...removed, ...kept])
  }

  async observe(): Promise<IngressObservation> {
    const leaving: Record<string, number> = {}
    for (const { endpoint, underWay } of this.#leaving) {
      leaving[endpoint.instanceId] = (leaving[endpoint.instanceId] ?? 0) + underWay
    }
    const series = this.#counts.series().map((one) => ({
      ...one,
      counters: this.#copyOf(one.counters),
    }))
    return { series, leaving, troubles: [] }
  }

  /** What is told must not change afterwards; what has not changed since is told once more. */
  #copyOf(counters: Counters): Counters {
    const known = this.#copies.get(counters)
    if (known !== undefined && isSame(known, counters)) return known
    const copy = copyOf(counters)
    this.#copies.set(counters, copy)
    return copy
  }

  onNews(listener: () => void): void {
    this.#onNews = listener
  }

  async close(): Promise<void> {}

  /** Backends that customers can ask for. */
  backends(): Iterable<string> {
    return this.#pools.keys()
  }

  serves(backendId: string): boolean {
    return (this.#pools.get(backendId)?.links.length ?? 0) > 0
  }

  /** The instances that new requests meet. */
  online(): Map<string, readonly string[]> {
    const online = new Map<string, readonly string[]>()
    for (const [id, { links }] of this.#pools) {
      online.set(
        id,
        links.map(({ endpoint }) => endpoint.instanceId),
      )
    }
    return online
  }

  /** Takes a customer's request in. */
  request(request: CustomerRequest): void {
    const pool = this.#pools.get(request.backendId)
    if (pool === undefined) return
    const { life } = this.#options
    pool.tally.begin()
    new CarriedRequest(this, request, pool, life.monotonic()).go()
  }

  get life(): Life {
    return this.#options.life
  }

  get network(): Network {
    return this.#options.network
  }

  machineOf(address: string): SimMachine | undefined {
    return this.#options.machineOf(address)
  }

  /** The ready member with the least under way; one that refused a moment ago comes last. */
  choose(pool: Pool, tried: ReadonlySet<Link>): Link | undefined {
    const now = this.life.monotonic()
    let best: Link | undefined
    for (const link of pool.links) {
      if (tried.has(link)) continue
      if (best === undefined || isBetter(link, best, now)) best = link
    }
    if (best !== undefined) best.lastTurn = ++this.#turn
    return best
  }

  note(backendId: string, link: Link): Tally {
    const { instanceId, releaseId } = link.endpoint
    return this.#counts.instance(backendId, 'online', instanceId, releaseId)
  }

  freed(link: Link): void {
    link.underWay--
    if (link.isInPool || link.underWay > 0) return
    this.#leaving.delete(link)
    this.#counts.leave(link.endpoint.instanceId, this.life.monotonic())
    this.#onNews()
  }

  ended(request: CustomerRequest, failed: FailureCause | undefined): void {
    this.#options.onRequest(request.backendId, failed)
  }

  #place(backendId: string, endpoints: Backend['online']): void {
    const pool = this.#poolOf(backendId)
    const before = new Set(pool.links)
    pool.links = endpoints.map((endpoint) => this.#enter(endpoint))
    for (const link of pool.links) before.delete(link)
    for (const link of before) this.#leave(link)
    if (pool.links.length === 0) return
    for (const request of pool.held) request.release()
  }

  #poolOf(backendId: string): Pool {
    const known = this.#pools.get(backendId)
    if (known !== undefined) return known
    const pool: Pool = {
      tally: this.#counts.total(backendId, 'online'),
      links: [],
      held: new Set(),
    }
    this.#pools.set(backendId, pool)
    return pool
  }

  #enter(endpoint: Endpoint): Link {
    const known = this.#links.get(endpoint.instanceId)
    const link: Link = {
      endpoint,
      underWay: 0,
      isInPool: true,
      lastTurn: 0,
      avoidedUntil: 0,
    }
    this.#counts.enter(endpoint.instanceId)
    if (known === undefined) this.#links.set(endpoint.instanceId, link)
    else {
      this.#leaving.delete(known)
      Object.assign(known, { endpoint, isInPool: true })
    }
    return known ?? link
  }

  #leave(link: Link): void {
    link.isInPool = false
    this.#links.delete(link.endpoint.instanceId)
    if (link.underWay > 0) this.#leaving.add(link)
    else this.#counts.leave(link.endpoint.instanceId, this.life.monotonic())
  }
}

/** One request from its arrival to its end. */
/** Less than this is nothing on a clock that drifts, in ms. */
const instantMs = 0.01

class CarriedRequest {
  readonly #driver: SimIngressDriver
  readonly #request: CustomerRequest
  readonly #pool: Pool
  readonly #startedAt: number
  readonly #tried = new Set<Link>()
  #attempts = 0
  #waiting: Timer | undefined

  constructor(driver: SimIngressDriver, request: CustomerRequest, pool: Pool, startedAt: number) {
    this.#driver = driver
    this.#request = request
    this.#pool = pool
    this.#startedAt = startedAt
  }

  /** Tries an instance; where there is none, waits for one as long as a customer's patience lasts. */
  go(): void {
    const link = this.#driver.choose(this.#pool, this.#tried)
    if (link !== undefined) return this.#attempt(link)
    if (this.#patienceLeft() < instantMs) {
      return this.#end(this.#pool.links.length === 0 ? 'noServer' : 'refused')
    }
    this.#tried.clear()
    this.#hold()
  }

  /** Goes on: there is an instance again. */
  release(): void {
    this.#pool.held.delete(this)
    this.#waiting?.cancel()
    this.go()
  }

  #patienceLeft(): number {
    return this.#startedAt + usualPatience.holdMs - this.#driver.life.monotonic()
  }

  /** Waits for another table; while all instances refuse, also for a while to try them again. */
  #hold(): void {
    const { life } = this.#driver
    const left = this.#patienceLeft()
    const ms = this.#pool.links.length === 0 ? left : Math.min(left, limits.probeEveryMs)
    this.#pool.held.add(this)
    this.#waiting = life.after(ms, () => this.release())
  }

  #attempt(link: Link): void {
    const { network, life } = this.#driver
    const { address, port } = link.endpoint
    link.underWay++
    let hasCome = false
    const arrives = network.carry(life.host, address, () => {
      if (hasCome) return
      hasCome = true
      const process = this.#driver.machineOf(address)?.listenerOn(port)
      const isThere = process?.isHealthy === true || process?.isHung === true
      if (process !== undefined && isThere) this.#serve(link, process)
      else this.#tell(address, () => this.#refused(link))
    })
    if (!arrives) life.after(limits.connectTimeoutMs, () => this.#refused(link))
  }

  /** Word of a connection comes back once, however often its packets do. */
  #tell(from: string, next: () => void): void {
    const { network, life } = this.#driver
    let hasCome = false
    network.carry(from, life.host, () => {
      if (hasCome) return
      hasCome = true
      life.enter(next)
    })
  }

  /** The instance works, and answers unless it or the way to it breaks. */
  #serve(link: Link, process: RunningProcess): void {
    const { life, network } = this.#driver
    let isOver = false
    const over = (next: () => void): void => {
      if (isOver) return
      isOver = true
      stopListening()
      timeout.cancel()
      life.enter(next)
    }
    this.#attempts++
    const stopListening = process.onEnd(() => {
      network.carry(process.nodeId, life.host, () => over(() => this.#failed(link, 'broken')))
    })
    const timeout = life.after(usualPatience.answerMs, () => {
      over(() => this.#failed(link, 'timedOut'))
    })
    network.timeline.after(this.#request.workMs, () => {
      if (!process.isRunning || process.isHung) return
      network.carry(process.nodeId, life.host, () => over(() => this.#answered(link)))
    })
  }

  #answered(link: Link): void {
    const { life } = this.#driver
    const latencyMs = life.monotonic() - this.#startedAt
    const tally = this.#driver.note(this.#request.backendId, link)
    tally.begin()
    tally.end({ is: 'answered', latencyMs, appError: false })
    this.#driver.freed(link)
    this.#pool.tally.end({ is: 'answered', latencyMs, appError: false })
    this.#driver.ended(this.#request, undefined)
  }

  #refused(link: Link): void {
    link.avoidedUntil = this.#driver.life.monotonic() + limits.avoidMs
    this.#failed(link, 'unconnected')
  }

  #failed(link: Link, failure: AttemptFailure): void {
    this.#tried.add(link)
    const { method } = this.#request
    const step = stepAfter({
      failure,
      method,
      attempts: this.#attempts,
      isReplayable: true,
      isAnswering: false,
      isLeaving: !link.isInPool,
    })
    this.#driver.freed(link)
    if (step !== 'again') return this.#end(step)
    this.#pool.tally.retry()
    this.go()
  }

  #end(cause: FailureCause): void {
    this.#pool.tally.end({ is: 'failed', cause })
    this.#driver.ended(this.#request, cause)
  }
}

function isBetter(link: Link, other: Link, now: number): boolean {
  const difference = rankOf(link, now) - rankOf(other, now)
  if (difference !== 0) return difference < 0
  const under = link.underWay - other.underWay
  return under < 0 || (under === 0 && link.lastTurn < other.lastTurn)
}

function rankOf(link: Link, now: number): number {
  return (link.endpoint.ready ? 0 : 1) + (link.avoidedUntil > now ? 2 : 0)
}

/** Every request changes what was sent, and ends in another count. */
function isSame(a: Counters, b: Counters): boolean {
  return (
    a.sent === b.sent &&
    a.answered === b.answered &&
    a.retried === b.retried &&
    a.clientAborted === b.clientAborted &&
    (Object.keys(a.failed) as (keyof Counters['failed'])[]).every(
      (cause) => a.failed[cause] === b.failed[cause],
    )
  )
}

function copyOf(counters: Counters): Counters {
  return { ...counters, failed: { ...counters.failed }, latency: [...counters.latency] }
}
