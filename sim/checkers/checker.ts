import type { Checker, SimEvent, SimView, Violation } from '../view.ts'

/** What all checkers share: a violation is told with the invariant's name and the true time. */
export abstract class Promised implements Checker {
  abstract readonly invariant: string
  abstract readonly promise: string
  abstract readonly hears: readonly SimEvent['is'][]

  abstract check(event: SimEvent, view: SimView): Violation | undefined

  protected broken(view: SimView, words: string): Violation {
    return { invariant: this.invariant, at: view.now(), words }
  }
}
