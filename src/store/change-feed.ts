/**
 * The newest commits in memory, for readers that keep up; those that fall behind are served from
 * the driver's own log. Each reader goes at its own pace: the feed holds nothing for it.
 */
import type { CommittedChange, Revision } from './port.ts'

/** Reads up to some hundred commits after a revision from the driver's log, in order. */
export type ReadOlder = (after: Revision) => Promise<readonly CommittedChange[]>

/** A window over the newest commits with any number of readers. */
export class ChangeFeed {
  readonly #limit: number
  readonly #readOlder: ReadOlder
  /** `#window[i]` is the commit of revision `#first + i`. */
  #window: CommittedChange[] = []
  #first: Revision
  readonly #wakeReaders = new Set<() => void>()
  #end: { readonly error: unknown } | undefined

  /** `after` is the store's revision; `limit` the commits held in memory at the least. */
  constructor(after: Revision, limit: number, readOlder: ReadOlder) {
    this.#first = after + 1
    this.#limit = limit
    this.#readOlder = readOlder
  }

  /** The oldest revision in the window. */
  get first(): Revision {
    return this.#first
  }

  /** The commits in the window, oldest first. */
  get window(): readonly CommittedChange[] {
    return this.#window
  }

  /** Adds the next commit and wakes the readers. */
  append(change: CommittedChange): void {
    this.#window.push(change)
    // Cut in halves: one copy per `limit` appends, and at most twice the limit in memory.
    if (this.#window.length >= this.#limit * 2) {
      this.#first += this.#window.length - this.#limit
      this.#window = this.#window.slice(-this.#limit)
    }
    this.#wake()
  }

  /** Ends every reader: with an error, or quietly. */
  end(error?: unknown): void {
    this.#end ??= { error }
    this.#wake()
  }

  /** Every commit after `after`, in order and without a gap, until `signal` aborts. */
  async *read(after: Revision, signal: AbortSignal): AsyncGenerator<CommittedChange> {
    let next = after + 1
    while (!signal.aborted) {
      if (next < this.#first) {
        for (const change of await this.#readOlder(next - 1)) {
          if (signal.aborted) return
          next = change.revision + 1
          yield change
        }
        continue
      }
      const change = this.#window[next - this.#first]
      if (change !== undefined) {
        next++
        yield change
        continue
      }
      if (this.#end !== undefined) {
        if (this.#end.error !== undefined) throw this.#end.error
        return
      }
      await this.#appended(signal)
    }
  }

  #appended(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake)
        this.#wakeReaders.delete(wake)
        resolve()
      }
      this.#wakeReaders.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }

  #wake(): void {
    for (const wake of this.#wakeReaders) wake()
  }
}
