import { play, storyOf } from '../story.ts'
import type { Mutant } from './mutation.ts'

/** How a mutant fared. */
export interface Catch {
  readonly mutant: string
  /** The invariant that was found broken, of those that it is to break; null: it survived. */
  readonly caughtBy: string | null
  /** The seed that caught it. */
  readonly seed: number | null
  readonly seedsTried: number
}

/** Plays a mutant seed by seed until it is caught, from `from` to `to`. */
export async function catchMutant(mutant: Mutant, from: number, to: number): Promise<Catch> {
  const { name } = mutant
  for (let seed = from; seed <= to; seed++) {
    const { violations } = await play(storyOf(seed), mutant)
    const found = violations.find(({ invariant }) => mutant.caughtBy.includes(invariant))
    if (found === undefined) continue
    return { mutant: name, caughtBy: found.invariant, seed, seedsTried: seed - from + 1 }
  }
  return { mutant: name, caughtBy: null, seed: null, seedsTried: to - from + 1 }
}
