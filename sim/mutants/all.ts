import { decisionMutants } from './decisions.ts'
import { jobMutants } from './jobs.ts'
import type { Mutant } from './mutation.ts'
import { placementMutants } from './placements.ts'
import { roleMutants } from './roles.ts'
import { storeMutants } from './stores.ts'

/** Every mutant, by what it breaks. */
export const allMutants: readonly Mutant[] = [
  ...decisionMutants,
  ...placementMutants,
  ...storeMutants,
  ...roleMutants,
  ...jobMutants,
]
