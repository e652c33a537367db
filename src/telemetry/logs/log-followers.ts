import type { Bound } from '../../base/bounds.ts'
import { BoundedQueue } from '../../base/queue.ts'
import type { AppCell } from '../../parts/tenants/model.ts'
import { remark, stored } from './line-format.ts'
import { isInScope, matcher } from './log-search.ts'
import type { LogFilter, StoredLine } from './port.ts'

/**
 * Lines that wait for one reader at the most: a second of a busy app. A reader that is slower loses
 * the oldest and is told how many.
 */
const waitingMax = 5_000

/** Lines that are handed to a reader at once. */
const handedMax = 500

interface Follower {
  readonly filter: LogFilter
  readonly isWanted: (line: StoredLine) => boolean
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
  tell(cell: AppCell, service: string, lines: readonly StoredLine[]): void {
    for (const { filter, isWanted, queue } of this.#followers) {
      if (!isInScope(filter, { cell, service })) continue
      for (const line of lines) if (isWanted(line)) queue.offer(line)
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
  follow(filter: LogFilter, signal: AbortSignal): AsyncIterable<StoredLine> {
    // Followed from this call on, not from the first line that is asked for.
    const follower = {
      filter,
      isWanted: matcher(filter),
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
          yield stored(remark(first, first.at, text), first.cell)
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
