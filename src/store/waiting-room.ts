import type { Revision } from './port.ts'

/** Callers that wait until the state has reached a revision. */
export class WaitingRoom {
  readonly #waiting = new Map<Revision, (() => void)[]>()
  #reached: Revision

  constructor(reached: Revision) {
    this.#reached = reached
  }

  /** Calls back once `revision` is reached; returns the way to give up. */
  wait(revision: Revision, callback: () => void): () => void {
    if (revision <= this.#reached) {
      callback()
      return () => {}
    }
    const callbacks = this.#waiting.get(revision)
    if (callbacks === undefined) this.#waiting.set(revision, [callback])
    else callbacks.push(callback)
    return () => this.#forget(revision, callback)
  }

  /** Notes that every revision up to `revision` is reached. */
  reach(revision: Revision): void {
    const isNext = revision === this.#reached + 1
    this.#reached = revision
    // One by one as a rule; after a reload a whole range is reached at once.
    if (isNext) this.#wake(revision)
    else for (const waited of this.#waiting.keys()) if (waited <= revision) this.#wake(waited)
  }

  #wake(revision: Revision): void {
    const callbacks = this.#waiting.get(revision)
    if (callbacks === undefined) return
    this.#waiting.delete(revision)
    for (const callback of callbacks) callback()
  }

  #forget(revision: Revision, callback: () => void): void {
    const rest = this.#waiting.get(revision)?.filter((waiting) => waiting !== callback) ?? []
    if (rest.length === 0) this.#waiting.delete(revision)
    else this.#waiting.set(revision, rest)
  }
}
