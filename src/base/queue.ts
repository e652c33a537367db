/**
 * A queue with a bound: beyond it the newest item is refused, or the oldest dropped and counted.
 *
 * One consumer at a time takes items with `take`; what was dropped is never silent.
 */
export class BoundedQueue<T> {
  readonly limit: number
  readonly #whenFull: 'refuse' | 'drop-oldest'
  #items: T[] = []
  #head = 0
  #dropped = 0
  #waiting: (() => void) | undefined

  constructor(limit: number, whenFull: 'refuse' | 'drop-oldest') {
    this.limit = limit
    this.#whenFull = whenFull
  }

  get length(): number {
    return this.#items.length - this.#head
  }

  /** Items lost to the bound since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** Adds an item; false when the queue is full and refuses. */
  offer(item: T): boolean {
    if (this.length >= this.limit) {
      this.#dropped++
      if (this.#whenFull === 'refuse') return false
      this.#shift()
    }
    this.#items.push(item)
    this.#waiting?.()
    this.#waiting = undefined
    return true
  }

  /** Takes up to `most` items at once; an empty array when there are none. */
  drain(most: number): T[] {
    const batch = this.#items.slice(this.#head, this.#head + most)
    this.#head += batch.length
    this.#compact()
    return batch
  }

  /** Resolves as soon as there is an item, or rejects with the signal's reason. */
  ready(signal: AbortSignal): Promise<void> {
    if (this.length > 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const onAbort = (): void => reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting = () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
    })
  }

  #shift(): void {
    this.#head++
    this.#compact()
  }

  #compact(): void {
    if (this.#head < 1_024 || this.#head * 2 < this.#items.length) return
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }
}
