import type { Timer } from './clock.ts'

/** What is to happen at a time. */
export interface Scheduled extends Timer {
  /** In the heap's own time. */
  readonly at: number
  readonly callback: () => void
}

/** Fits millions of entries; the capacity of the array grows as needed. */
class Entry implements Scheduled {
  readonly at: number
  readonly order: number
  readonly callback: () => void
  /** Where it stands in the heap; -1: no more. */
  place = -1
  readonly #heap: TimerHeap

  constructor(heap: TimerHeap, at: number, order: number, callback: () => void) {
    this.#heap = heap
    this.at = at
    this.order = order
    this.callback = callback
  }

  cancel(): void {
    this.#heap.remove(this)
  }
}

/**
 * Timers in order of their time, then of their making: a binary heap in which each knows its place,
 * so that one which is cancelled leaves at once and a clock with many costs little.
 */
export class TimerHeap {
  readonly #entries: Entry[] = []
  #order = 0

  get size(): number {
    return this.#entries.length
  }

  add(at: number, callback: () => void): Scheduled {
    const entry = new Entry(this, at, this.#order++, callback)
    this.#entries.push(entry)
    this.#rise(entry, this.#entries.length - 1)
    return entry
  }

  /** The earliest, which stays. */
  first(): Scheduled | undefined {
    return this.#entries[0]
  }

  /** Takes out the earliest, if it is due at `until`. */
  takeUntil(until: number): Scheduled | undefined {
    const first = this.#entries[0]
    if (first === undefined || first.at > until) return undefined
    this.remove(first)
    return first
  }

  remove(entry: Entry): void {
    const { place } = entry
    if (place < 0) return
    entry.place = -1
    const last = this.#entries.pop()
    if (last === undefined || last === entry) return
    this.#rise(last, place)
    this.#sink(last)
  }

  #rise(entry: Entry, from: number): void {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#entries[above]
      if (parent === undefined || !isBefore(entry, parent)) break
      this.#put(parent, place)
      place = above
    }
    this.#put(entry, place)
  }

  #sink(entry: Entry): void {
    const entries = this.#entries
    let { place } = entry
    for (;;) {
      const left = entries[2 * place + 1]
      if (left === undefined) break
      const right = entries[2 * place + 2]
      const next = right !== undefined && isBefore(right, left) ? right : left
      if (!isBefore(next, entry)) break
      const below = next.place
      this.#put(next, place)
      place = below
    }
    this.#put(entry, place)
  }

  #put(entry: Entry, place: number): void {
    this.#entries[place] = entry
    entry.place = place
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
