import { Refusal } from './errors.ts'

/** One permitted step of a state machine, and the only party that may take steps from `from`. */
export interface Transition<State extends string, Owner extends string> {
  readonly from: State
  readonly to: State
  readonly by: Owner
}

/**
 * A state machine as a table: never backwards, one owner per source state, all states reachable.
 * `test/contract/state-tables.test.ts` holds every table to that; the store refuses other steps.
 */
export interface StateTable<State extends string, Owner extends string> {
  readonly initial: State
  readonly transitions: readonly Transition<State, Owner>[]
}

/** Throws a Refusal unless the table has the step (staying in a state is no step). */
export function checkTransition<State extends string, Owner extends string>(
  table: StateTable<State, Owner>,
  from: State | undefined,
  to: State,
): void {
  const permitted =
    from === undefined
      ? to === table.initial
      : from === to || table.transitions.some((step) => step.from === from && step.to === to)
  if (permitted) return
  throw new Refusal('transition-refused', `no step leads from ${from ?? 'nothing'} to ${to}`, {
    status: 409,
    details: { from, to },
  })
}
