import type { Plan } from '../../base/control-loop.ts'

/** What is left of an app that is being destroyed. */
export interface RemainsView {
  readonly destroying: boolean
  /** Instances that have not ended, and rollouts that are not over. */
  readonly alive: number
  /** Keys of the records that go once nothing is alive; the app's own is not among them. */
  readonly records: readonly string[]
}

export type AppAction =
  | { readonly type: 'clear'; readonly keys: readonly string[] }
  | { readonly type: 'remove' }

/** Records removed in one commit at the most; the rest follow in the next pass. */
const clearedAtOnceMax = 90

/** Removes the records of a destroyed app once its last instance has ended, its own record last. */
export function planDestruction(view: RemainsView): Plan<AppAction> {
  if (!view.destroying) return { actions: [], because: 'nothing to remove' }
  if (view.alive > 0) return { actions: [], because: `waits for ${view.alive} to end` }
  if (view.records.length > 0) {
    const keys = view.records.slice(0, clearedAtOnceMax)
    return { actions: [{ type: 'clear', keys }], because: `removes ${view.records.length} records` }
  }
  return { actions: [{ type: 'remove' }], because: 'destroyed' }
}
