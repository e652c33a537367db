import { play, storyOf } from '../story.ts'
import type { Mutant } from './mutation.ts'

/** How a mutant fared. */
export interface Catch {
  readonly mutant: string
  /** The invariant that was found broken, of those that the mutant is to break; null: it survived. */
  readonly caughtBy: string | null
  /** The seed that caught it. */
  readonly seed: number | null
  readonly seedsTried: number
}

/** Plays a mutant seed by seed until it is caught, from `from` on, at most `seedsMax` times. */
export async function catchMutant(mutant: Mutant, from: number, seedsMax: number): Promise<Catch> {
  for (let tried = 1; tried <= seedsMax; tried++) {
    const seed = from + tried - 1
    const { violations } = await play(storyOf(seed), mutant)
    const found = violations.find(({ invariant }) => mutant.caughtBy.includes(invariant))
    if (found === undefined) continue
    return { mutant: mutant.name, caughtBy: found.invariant, seed, seedsTried: tried }
  }
  return { mutant: mutant.name, caughtBy: null, seed: null, seedsTried: seedsMax }
}
