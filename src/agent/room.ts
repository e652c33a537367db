import type { Resources } from '../parts/nodes/model.ts'

/** Whether an instance may start beside what runs. */
export type Room =
  | 'enough'
  /** There will be, once what is ending has ended. */
  | 'awaited'
  /** Not beside what is to go on running. */
  | 'none'

/** What an instance takes of the machine. */
export interface Share {
  readonly resources?: Resources | undefined
  /** Where it listens; null: nowhere. */
  readonly port: number | null
}

/** Another instance of this node, of which something runs or is about to. */
export interface Occupant extends Share {
  /** It is to go on running. */
  readonly isWanted: boolean
}

/** Sums of shares such as 0.1 are off by less than this. */
const tolerance = 1e-6

/**
 * Rule 2 of docs/reference/rules.md: work is admitted against what really runs on this machine, not
 * against what the server believes: what it has given up may still be ending, or never have heard
 * of it; the ports of those have been given to others by then. What a server of protocol 1 assigns
 * says no resources, and is held up by its port alone.
 */
export function roomFor(wanted: Share, occupants: readonly Occupant[], capacity: Resources): Room {
  if (fits(wanted, occupants, capacity)) return 'enough'
  const staying = occupants.filter(({ isWanted }) => isWanted)
  return fits(wanted, staying, capacity) ? 'awaited' : 'none'
}

function fits(
  { resources: wanted, port }: Share,
  occupants: readonly Occupant[],
  capacity: Resources,
): boolean {
  if (port !== null && occupants.some((other) => other.port === port)) return false
  if (wanted === undefined) return true
  return (['cpu', 'memoryBytes', 'diskBytes'] as const).every((name) => {
    const taken = occupants.reduce((sum, { resources }) => sum + (resources?.[name] ?? 0), 0)
    return taken + wanted[name] <= capacity[name] + tolerance
  })
}
