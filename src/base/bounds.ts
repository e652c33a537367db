/**
 * Everything that grows has a bound, and each bound registers itself here, so that metrics and
 * `roadstead doctor` can show how full it is before anybody is refused.
 */

/** What happens to what comes when the bound is reached. */
export type Overflow =
  /** The caller is told to come again, with the limit in the answer. */
  | 'refuses'
  /** The oldest makes room, and is counted. */
  | 'drops-oldest'
  /** The newest is not taken, and is counted. */
  | 'drops-newest'
  /** The sender waits. */
  | 'waits'

export interface Bound {
  /** `store.pending-commits`: the part, then what grows, in the glossary's words. */
  readonly name: string
  /** One sentence: what grows here, and what to do when it is full. */
  readonly says: string
  readonly unit: 'items' | 'bytes'
  readonly overflow: Overflow
  readonly limit: number
  /** Read when somebody looks: it costs nothing until then. */
  readonly used: () => number
  /** Refused or dropped since the start. */
  readonly lost: () => number
}

/** How full a bound is, at one moment. */
export interface BoundReading extends Omit<Bound, 'used' | 'lost'> {
  readonly used: number
  readonly lost: number
}

/** A bound of which nothing is lost: what is oldest there has done its service. */
export const nothingLost = (): number => 0

/** The bounds of one process. */
export class Bounds {
  readonly #bounds = new Map<string, Bound>()

  /** Registers a bound under its name; returns the way to take it out again. */
  add(bound: Bound): () => void {
    this.#bounds.set(bound.name, bound)
    return () => this.#bounds.delete(bound.name)
  }

  /** Registers all bounds of several things. */
  addAll(...things: readonly { bounds(): readonly Bound[] }[]): void {
    for (const thing of things) for (const bound of thing.bounds()) this.add(bound)
  }

  /** All readings, in order of their names. */
  read(): BoundReading[] {
    return [...this.#bounds.values()]
      .map((bound) => ({ ...bound, used: bound.used(), lost: bound.lost() }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }
}
