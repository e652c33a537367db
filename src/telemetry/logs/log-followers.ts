import type { Bound } from '../../base/bounds.ts'
import { BoundedQueue } from '../../base/queue.ts'
import { remark } from './line-format.ts'
import type { LogSearch, StoredLine } from './port.ts'

type Filter = Omit<LogSearch, 'limit'>

/**
 * Lines that wait for one reader at the most: a second of a busy app. A reader that is slower loses
 * the oldest and is told how many.
 */
const waitingMax = 5_000

/** Lines that are handed to a reader at once. */
const handedMax = 500

interface Follower {
  readonly filter: Filter
  readonly queue: BoundedQueue<StoredLine>
}

/** Everybody who reads lines as they come in. */
export class LogFollowers {
  readonly #followers = new Set<Follower>()
  readonly #waitingMax: number

  constructor(most = waitingMax) {
    this.#waitingMax = most
  }

  /** Passes lines of one service of an app on to whoever follows it. */
  tell(cell: LogSearch['cell'], service: string, lines: readonly StoredLine[]): void {
    for (const { filter, queue } of this.#followers) {
      if (!isOf(filter, cell, service)) continue
      for (const line of lines) {
        if (filter.instanceId === undefined || filter.instanceId === line.instanceId) {
          queue.offer(line)
        }
      }
    }
  }

  bounds(): Bound[] {
    const sum = (of: (follower: Follower) => number): number =>
      [...this.#followers].reduce((total, follower) => total + of(follower), 0)
    return [
      {
        name: 'logs.lines-waiting',
        says: 'lines that wait for the slowest reader of `logs --follow`; it is told what it missed',
        unit: 'items',
        overflow: 'drops-oldest',
        limit: this.#waitingMax,
        used: () => Math.max(0, ...[...this.#followers].map(({ queue }) => queue.length)),
        lost: () => sum(({ queue }) => queue.dropped),
      },
    ]
  }

  /** Lines from now on, until the signal aborts. */
  follow(filter: Filter, signal: AbortSignal): AsyncIterable<StoredLine> {
    // Followed from this call on, not from the first line that is asked for.
    const follower = {
      filter,
      queue: new BoundedQueue<StoredLine>(this.#waitingMax, 'drop-oldest'),
    }
    if (!signal.aborted) this.#followers.add(follower)
    signal.addEventListener('abort', () => this.#followers.delete(follower), { once: true })
    return this.#read(follower, signal)
  }

  async *#read(follower: Follower, signal: AbortSignal): AsyncGenerator<StoredLine> {
    const { queue } = follower
    let dropped = 0
    try {
      while (!signal.aborted) {
        await queue.ready(signal)
        const lines = queue.drain(handedMax)
        const [first] = lines
        if (first !== undefined && queue.dropped > dropped) {
          const text = `${queue.dropped - dropped} lines were left out: they came too fast`
          yield remark(first, first.at, text)
          dropped = queue.dropped
        }
        yield* lines
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      this.#followers.delete(follower)
    }
  }
}

function isOf(filter: Filter, cell: LogSearch['cell'], service: string): boolean {
  return (
    filter.cell.app === cell.app &&
    filter.cell.tenant === cell.tenant &&
    filter.cell.environment === cell.environment &&
    (filter.service === undefined || filter.service === service)
  )
}
