/** What is kept of the past, and what is said of what is not. */
import { Refusal } from '../base/errors.ts'
import type { Horizon, Moment, Revision } from './port.ts'

/**
 * Commits between two bases at the most: replaying so many takes some 80 ms, and a base of 20,000
 * records every 25,000 commits adds a tenth to what is written.
 */
const basedEveryMax = 25_000

/** Bases that lie within the horizon: a quarter of it is replayed at the most, or forgotten late. */
const basesWithin = 4

/** Commits after which the next base is due. */
export function basedEvery({ commits }: Horizon): number {
  return Math.max(1, Math.min(basedEveryMax, Math.floor(commits / basesWithin)))
}

/** The refusal of a question about a time that is no longer kept, or lies before the first commit. */
export function beyondHorizon(oldest: Moment): Refusal {
  const time = `${new Date(oldest.at).toISOString()} (revision ${oldest.revision})`
  return new Refusal('beyond-horizon', `what was before ${time} is not kept`, {
    status: 410,
    hint: 'ask for that time or a later one; older changes are in the audit chain',
    details: { oldest },
  })
}

/** The refusal of a revision that is not there yet. */
export function notYet(wanted: Revision, revision: Revision): Refusal {
  return new Refusal('revision-late', `there is no revision ${wanted} yet`, {
    status: 409,
    hint: `the newest is ${revision}`,
    details: { wanted, revision },
  })
}
