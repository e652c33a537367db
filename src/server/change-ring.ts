import type { Key } from '../base/key.ts'
import type { Revision } from '../store/port.ts'

/** A change without its value: the value is read again when it is told. */
export interface RememberedChange {
  readonly revision: Revision
  readonly kind: string
  readonly key: Key
}

/** The last changes, within a bound, for watchers that come back. */
export class ChangeRing {
  readonly #limit: number
  readonly #ring: RememberedChange[] = []
  #next = 0
  /** Every change after this revision is remembered. */
  #floor: Revision

  constructor(limit: number, floor: Revision) {
    this.#limit = limit
    this.#floor = floor
  }

  add(change: RememberedChange): void {
    const forgotten = this.#ring[this.#next]
    if (forgotten !== undefined) this.#floor = forgotten.revision
    this.#ring[this.#next] = change
    this.#next = (this.#next + 1) % this.#limit
  }

  /** Changes that are remembered now. */
  get length(): number {
    return this.#ring.length
  }

  /** The last change of each key after `after`, in order; undefined when some are forgotten. */
  after(after: Revision): RememberedChange[] | undefined {
    if (after < this.#floor) return undefined
    const last = new Map<Key, RememberedChange>()
    for (let step = 0; step < this.#ring.length; step++) {
      const index = this.#ring.length < this.#limit ? step : (this.#next + step) % this.#limit
      const change = this.#ring[index]
      if (change === undefined || change.revision <= after) continue
      last.delete(change.key)
      last.set(change.key, change)
    }
    return [...last.values()]
  }
}
