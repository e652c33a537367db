import type { Clock, Timer } from '../../../base/clock.ts'
import { bounds } from './bounds.ts'
import type { Fleet } from './fleet.ts'
import type { Ledger } from './ledger.ts'
import type { Parked, Routing } from './routing.ts'

/**
 * Watches the servers that are out of their pools: requests may be under way there, and whoever wants
 * to stop the instance waits for their end. One that is idle is kept for a while, because instances
 * return (online, maintenance, online), and then given up in all processes.
 */
export class LeavingWatch {
  readonly #fleet: Fleet
  readonly #routing: Routing
  readonly #ledger: Ledger
  readonly #clock: Clock
  readonly #onIdle: () => void
  /** Requests under way by instance, as of the last look. */
  #underWay = new Map<string, number>()
  #timer: Timer | undefined
  #counting: Promise<void> | undefined
  #isClosed = false

  constructor(parts: {
    readonly fleet: Fleet
    readonly routing: Routing
    readonly ledger: Ledger
    readonly clock: Clock
    readonly onIdle: () => void
  }) {
    this.#fleet = parts.fleet
    this.#routing = parts.routing
    this.#ledger = parts.ledger
    this.#clock = parts.clock
    this.#onIdle = parts.onIdle
  }

  /** Instances in no pool, with how many requests they have under way; none of them is zero. */
  underWay(): Record<string, number> {
    return Object.fromEntries(this.#underWay)
  }

  /** Looks soon, and again until nobody is leaving. */
  look(): void {
    if (this.#isClosed || this.#timer !== undefined) return
    this.#timer = this.#clock.after(bounds.leavingLookMs, () => {
      this.#timer = undefined
      void this.count().then(() => {
        if (this.#restless().length > 0) this.look()
      })
    })
  }

  /** A request has ended there: it may have been the last. */
  noteEnded(server: string): void {
    const known = this.#routing.pools.server(server)
    if (known === undefined || known.server.parkedSince === undefined) return
    this.look()
  }

  /** Counts what is under way; one look at a time. */
  count(): Promise<void> {
    this.#counting ??= this.#count().finally(() => (this.#counting = undefined))
    return this.#counting
  }

  /** Gives up what has been out and idle for long. */
  async tidy(now: number): Promise<void> {
    const old = this.#routing.parked.filter(
      ({ server }) => server.isIdle && now - (server.parkedSince ?? now) > bounds.parkedMs,
    )
    for (const parked of old) {
      const { pool, server } = parked
      const at = `${pool.name}/${server.name}`
      const health = server.isBackup ? [] : [`disable health ${at}`]
      await this.#fleet.run([...health, `del server ${at}`])
      this.#routing.forget(parked)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #restless(): Parked[] {
    return this.#routing.parked.filter(({ server }) => !server.isIdle)
  }

  async #count(): Promise<void> {
    const restless = this.#restless()
    const sums = new Map<string, number>()
    for (const name of new Set(restless.map(({ pool }) => pool.name))) {
      for (const process of this.#fleet.all) {
        const counts = await process.serversUnderWay(name).catch(() => new Map<string, number>())
        for (const [server, count] of counts) sums.set(server, (sums.get(server) ?? 0) + count)
      }
    }
    const underWay = new Map<string, number>()
    for (const { server } of restless) {
      const count = sums.get(server.name) ?? 0
      // It may have come back while we looked.
      if (server.parkedSince === undefined) continue
      if (count === 0) server.isIdle = true
      else if (this.#routing.isGone(server.instanceId)) {
        underWay.set(server.instanceId, (underWay.get(server.instanceId) ?? 0) + count)
      }
    }
    const before = this.#underWay
    this.#underWay = underWay
    let isNews = false
    for (const { server } of restless) {
      const { instanceId } = server
      if (!server.isIdle || underWay.has(instanceId) || !this.#routing.isGone(instanceId)) continue
      this.#ledger.leave(instanceId, this.#clock.monotonic())
      if (before.has(instanceId)) isNews = true
    }
    if (isNews) this.#onIdle()
  }
}
