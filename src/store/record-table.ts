/**
 * The records of one kind in memory, with its indexes. Entries are replaced in place: the cost of
 * a change does not grow with the table, and a look-up costs what it finds.
 */
import { Bug } from '../base/errors.ts'
import type { Key } from '../base/key.ts'
import type { Entry, Kind } from './port.ts'

type AnyEntry = Entry<unknown>

/** Records by key, and by each index of their kind. */
export class RecordTable {
  readonly kind: Kind<unknown>
  readonly #entries = new Map<Key, AnyEntry>()
  readonly #indexes: readonly Index[]

  constructor(kind: Kind<unknown>) {
    this.kind = kind
    this.#indexes = Object.entries(kind.indexes).map(([name, valueOf]) => new Index(name, valueOf))
  }

  get(key: Key): AnyEntry | undefined {
    return this.#entries.get(key)
  }

  /** A copy, so that its reader may write while it goes through. */
  list(): AnyEntry[] {
    return [...this.#entries.values()]
  }

  find(index: string, value: string): AnyEntry[] {
    const found = this.#indexes.find(({ name }) => name === index)
    if (found === undefined) throw new Bug(`${this.kind.name} has no index ${index}`)
    return found.find(value)
  }

  /** Puts an entry in the place of the one with its key; returns that one. */
  put(entry: AnyEntry): AnyEntry | undefined {
    const before = this.#entries.get(entry.key)
    this.#entries.set(entry.key, entry)
    for (const index of this.#indexes) index.replace(before, entry)
    return before
  }

  /** Takes the entry out; returns it, if there was one. */
  remove(key: Key): AnyEntry | undefined {
    const before = this.#entries.get(key)
    if (before === undefined) return undefined
    this.#entries.delete(key)
    for (const index of this.#indexes) index.replace(before, undefined)
    return before
  }
}

class Index {
  readonly name: string
  readonly #valueOf: (record: unknown) => string | undefined
  readonly #buckets = new Map<string, Map<Key, AnyEntry>>()

  constructor(name: string, valueOf: (record: unknown) => string | undefined) {
    this.name = name
    this.#valueOf = valueOf
  }

  find(value: string): AnyEntry[] {
    const bucket = this.#buckets.get(value)
    return bucket === undefined ? [] : [...bucket.values()]
  }

  replace(before: AnyEntry | undefined, after: AnyEntry | undefined): void {
    const oldValue = before === undefined ? undefined : this.#valueOf(before.value)
    const newValue = after === undefined ? undefined : this.#valueOf(after.value)
    if (before !== undefined && oldValue !== undefined && oldValue !== newValue) {
      this.#remove(oldValue, before.key)
    }
    if (after !== undefined && newValue !== undefined) this.#bucket(newValue).set(after.key, after)
  }

  #bucket(value: string): Map<Key, AnyEntry> {
    let bucket = this.#buckets.get(value)
    if (bucket === undefined) {
      bucket = new Map()
      this.#buckets.set(value, bucket)
    }
    return bucket
  }

  #remove(value: string, key: Key): void {
    const bucket = this.#buckets.get(value)
    bucket?.delete(key)
    if (bucket?.size === 0) this.#buckets.delete(value)
  }
}
