import type { CounterSeries } from '../../../parts/ingress/model.ts'
import { CountBook, type Tally } from '../builtin/counts.ts'
import { bounds } from './bounds.ts'
import { outcomeOf, type LogRecord } from './outcome.ts'
import type { Pool, Pools } from './pools.ts'

/** What one process says of one pool: `show stat`. */
export interface PoolStat {
  readonly pool: string
  /** Requests that came in since the process started. */
  readonly sent: number
  readonly underWay: number
  /** Requests that ended with a line in the log. */
  readonly told: number
}

/** One process's requests for one pool. */
interface Flow {
  readonly process: number
  readonly pool: Pool
  sent: number
  underWay: number
  /** Log lines: a request each, when it has ended. */
  ended: number
  /** Requests that ended without a line, as HAProxy's counters tell. */
  silent: number
  /** Requests that have ended and whose lines will not come any more. */
  lost: number
  /** Monotonic ms since when lines have been missing; undefined: none is. */
  missingSince: number | undefined
}

/**
 * The counts. How a request ended is told by its log line; how many there were is told by HAProxy's own
 * counters, and the two are compared at each look, so that a lost line is a stated gap and no guess.
 */
export class Ledger {
  readonly #book = new CountBook()
  readonly #pools: Pools
  readonly #flows = new Map<string, Flow>()
  /** Of flows that are over: requests by pool's tally. */
  readonly #over = new Map<Tally, number>()
  #lost = 0

  constructor(pools: Pools) {
    this.#pools = pools
  }

  /** Log lines that never came, of requests that are in no count therefore. */
  get lost(): number {
    return this.#lost
  }

  series(): CounterSeries[] {
    return this.#book.series()
  }

  /** A pool came into use: its series begins. */
  begin(pool: Pool): void {
    this.#book.total(pool.backendId, pool.counted)
  }

  enter(instanceId: string): void {
    this.#book.enter(instanceId)
  }

  leave(instanceId: string, now: number): void {
    this.#book.leave(instanceId, now)
  }

  prune(now: number): void {
    this.#book.prune(now)
  }

  /** Takes in a log line; `isLeaving`: its instance is in no pool any more. */
  take(record: LogRecord, isLeaving: (instanceId: string) => boolean): void {
    const pool = this.#pools.named(record.pool)
    if (pool === undefined) return
    const known =
      record.server === undefined ? undefined : this.#pools.server(record.server)?.server
    const outcome = outcomeOf(record, known !== undefined && isLeaving(known.instanceId))
    const flow = this.#flowOf(record.process, pool)
    flow.ended++
    flow.missingSince = undefined
    const total = this.#totalOf(pool)
    total.end(outcome)
    total.counters.retried += record.retries
    if (known === undefined) return
    if (outcome.is === 'failed' && outcome.cause === 'noServer') return
    const { instanceId, releaseId } = known
    const tally = this.#book.instance(pool.backendId, pool.counted, instanceId, releaseId)
    tally.begin()
    tally.end(outcome)
    tally.counters.retried += record.retries
  }

  /** Takes in what a process says; true when log lines of it are still on their way. */
  look(process: number, stats: readonly PoolStat[], now: number): boolean {
    let isMissing = false
    for (const stat of stats) {
      const pool = this.#pools.named(stat.pool)
      if (pool === undefined || stat.sent === 0) continue
      const flow = this.#flowOf(process, pool)
      flow.sent = Math.max(flow.sent, stat.sent)
      flow.underWay = stat.underWay
      const missing = stat.sent - stat.underWay - flow.ended - flow.lost
      if (missing <= 0) flow.missingSince = undefined
      else if (flow.missingSince === undefined) flow.missingSince = now
      else if (now - flow.missingSince > bounds.logLostMs) this.#lose(flow, missing)
      else if (now - flow.missingSince > bounds.logLateMs) {
        const silent = stat.sent - stat.underWay - stat.told
        this.#countSilent(flow, Math.min(missing, silent - flow.silent))
      }
      if (missing > 0) isMissing = true
    }
    return isMissing
  }

  /** Brings the totals up to the last looks; they never fall. */
  settle(): void {
    const sums = new Map<Tally, number>(this.#over)
    for (const flow of this.#flows.values()) {
      const tally = this.#totalOf(flow.pool)
      const sent = Math.max(flow.sent - flow.lost, flow.ended)
      sums.set(tally, (sums.get(tally) ?? 0) + sent)
    }
    for (const [tally, sent] of sums) {
      if (sent > tally.counters.sent) tally.counters.sent = sent
    }
  }

  /** A process is gone: what was under way in it has failed, for that cause; gives how many. */
  end(process: number, cause: 'cut' | 'reset'): number {
    let broken = 0
    for (const [key, flow] of this.#flows) {
      if (flow.process !== process) continue
      const open = Math.max(0, flow.sent - flow.lost - flow.ended)
      const tally = this.#totalOf(flow.pool)
      for (let count = 0; count < open; count++) tally.end({ is: 'failed', cause })
      broken += open
      this.#over.set(tally, (this.#over.get(tally) ?? 0) + open + flow.ended)
      this.#flows.delete(key)
    }
    this.settle()
    return broken
  }

  /**
   * HAProxy writes no line when an instance breaks off a request that was not the first of its client's
   * connection: it closes that connection, for the client to try again. Its counters tell.
   */
  #countSilent(flow: Flow, count: number): void {
    const tally = this.#totalOf(flow.pool)
    for (let one = 0; one < count; one++) tally.end({ is: 'failed', cause: 'reset' })
    if (count > 0) {
      flow.ended += count
      flow.silent += count
    }
  }

  #lose(flow: Flow, missing: number): void {
    flow.lost += missing
    flow.missingSince = undefined
    this.#lost += missing
  }

  #flowOf(process: number, pool: Pool): Flow {
    const key = `${process} ${pool.name}`
    const known = this.#flows.get(key)
    if (known !== undefined) return known
    const none = { sent: 0, underWay: 0, ended: 0, silent: 0, lost: 0, missingSince: undefined }
    const flow = { process, pool, ...none }
    this.#flows.set(key, flow)
    return flow
  }

  #totalOf(pool: Pool): Tally {
    return this.#book.total(pool.backendId, pool.counted)
  }
}
