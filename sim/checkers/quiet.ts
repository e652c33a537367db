import type { SimEvent, SimView } from '../view.ts'

/**
 * Since when the world has been left alone: no fault, no wish. Liveness is promised from there on.
 */
export class Quiet {
  static readonly hears = [
    'fault-began',
    'fault-ended',
    'wish',
    'healed',
  ] as const satisfies readonly SimEvent['is'][]
  #since = 0

  /** Takes note of what disturbs the world. */
  notice(event: SimEvent, view: SimView): void {
    const hears: readonly SimEvent['is'][] = Quiet.hears
    if (hears.includes(event.is)) this.#since = view.now()
  }

  /** For how long, in ms; 0 while a fault is in force or still to come. */
  lasts(view: SimView): number {
    if (view.healedAt === undefined || view.faults.size > 0) return 0
    return view.now() - Math.max(this.#since, view.healedAt)
  }
}

/** After a fault has healed, everything is as desired within this time, in ms. */
export const convergenceMs = 60_000
