import type { Checker } from '../view.ts'

/** A new checker of each invariant, for one run. */
export function allCheckers(): Checker[] {
  return []
}
