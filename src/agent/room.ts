import type { Resources } from '../parts/nodes/model.ts'

/** Whether an instance may start beside what runs. */
export type Room =
  | 'enough'
  /** There will be, once what is ending has ended. */
  | 'awaited'
  /** Not beside what is to go on running. */
  | 'none'

/** Another instance of this node, of which something runs or is about to. */
export interface Occupant {
  readonly resources: Resources | undefined
  /** It is to go on running. */
  readonly isWanted: boolean
}

/** Sums of shares such as 0.1 are off by less than this. */
const tolerance = 1e-6

/**
 * Rule 2 of docs/reference/rules.md: work is admitted against what really runs on this machine, not
 * against what the server believes: what it has given up may still be ending, or never have heard
 * of it. What a server of protocol 1 assigns says no resources, and is not held up.
 */
export function roomFor(
  wanted: Resources | undefined,
  occupants: readonly Occupant[],
  capacity: Resources,
): Room {
  if (wanted === undefined || fits(wanted, occupants, capacity)) return 'enough'
  const staying = occupants.filter(({ isWanted }) => isWanted)
  return fits(wanted, staying, capacity) ? 'awaited' : 'none'
}

function fits(wanted: Resources, occupants: readonly Occupant[], capacity: Resources): boolean {
  return (['cpu', 'memoryBytes', 'diskBytes'] as const).every((name) => {
    const taken = occupants.reduce((sum, { resources }) => sum + (resources?.[name] ?? 0), 0)
    return taken + wanted[name] <= capacity[name] + tolerance
  })
}
