import type { Mutant } from './mutation.ts'

/** Every mutant, by what it breaks. */
export const allMutants: readonly Mutant[] = []
