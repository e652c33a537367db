import { emptyHistogram, record } from '../../../base/histogram.ts'
import type { Counters, CounterSeries, FailureCause } from '../../../parts/ingress/model.ts'
import { leftSeriesKeptMs } from '../../../parts/ingress/driver.ts'

export type PoolName = CounterSeries['pool']

/** How a request ended, in the words of product.md. */
export type Outcome =
  | { readonly is: 'answered'; readonly latencyMs: number; readonly appError: boolean }
  | { readonly is: 'failed'; readonly cause: FailureCause }
  | { readonly is: 'clientAborted' }

/**
 * The counts of one series. They only rise, and what was begun ends once:
 * sent = answered + failed + clientAborted + under way, at any instant.
 */
export class Tally {
  readonly counters: Counters = {
    sent: 0,
    answered: 0,
    failed: { noServer: 0, refused: 0, reset: 0, timedOut: 0, cut: 0 },
    retried: 0,
    clientAborted: 0,
    appErrors: 0,
    latency: emptyHistogram(),
  }

  begin(): void {
    this.counters.sent++
  }

  retry(): void {
    this.counters.retried++
  }

  end(outcome: Outcome): void {
    const { counters } = this
    if (outcome.is === 'clientAborted') counters.clientAborted++
    else if (outcome.is === 'failed') counters.failed[outcome.cause]++
    else {
      counters.answered++
      if (outcome.appError) counters.appErrors++
      record(counters.latency, outcome.latencyMs)
    }
  }
}

interface Entry extends CounterSeries {
  readonly tally: Tally
}

/**
 * All series of this process. A backend's totals stay for as long as it lives; an instance's series
 * is dropped a while after the instance left, so their number is bound by what ran lately.
 */
export class CountBook {
  readonly #totals = new Map<string, Entry>()
  readonly #instances = new Map<string, Entry>()
  /** Monotonic ms since when an instance has been gone. */
  readonly #left = new Map<string, number>()

  total(backendId: string, pool: PoolName): Tally {
    const key = `${backendId} ${pool}`
    return entryOf(this.#totals, key, { backendId, pool, instanceId: null, releaseId: null })
  }

  instance(backendId: string, pool: PoolName, instanceId: string, releaseId: string): Tally {
    const key = `${instanceId} ${pool}`
    return entryOf(this.#instances, key, { backendId, pool, instanceId, releaseId })
  }

  /** The instance is in no pool any more and has nothing under way. */
  leave(instanceId: string, now: number): void {
    this.#left.set(instanceId, now)
  }

  /** The instance is in a pool (again). */
  enter(instanceId: string): void {
    this.#left.delete(instanceId)
  }

  /** Drops what has been gone for long enough. */
  prune(now: number): void {
    for (const [instanceId, since] of this.#left) {
      if (now - since < leftSeriesKeptMs) continue
      this.#left.delete(instanceId)
      this.#instances.delete(`${instanceId} online`)
      this.#instances.delete(`${instanceId} maintenance`)
    }
  }

  /** Every series; live, so whoever keeps one copies it. */
  series(): CounterSeries[] {
    return [...this.#totals.values(), ...this.#instances.values()].map(
      ({ backendId, pool, instanceId, releaseId, counters }) => ({
        backendId,
        pool,
        instanceId,
        releaseId,
        counters,
      }),
    )
  }
}

function entryOf(
  map: Map<string, Entry>,
  key: string,
  identity: Omit<CounterSeries, 'counters'>,
): Tally {
  const known = map.get(key)
  if (known !== undefined) return known.tally
  const tally = new Tally()
  map.set(key, { ...identity, tally, counters: tally.counters })
  return tally
}
