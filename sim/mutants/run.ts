/**
 * `npm run sim -- --mutants`: proves the checkers by wrong versions of the product. Each mutant is
 * played from seed 1 on until an invariant that it is to break is found broken; what came of it is
 * kept in `caught.json`, which docs/reference/invariants.md and test/simulation/mutants.test.ts read.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allMutants } from './all.ts'
import { catchMutant, type Catch } from './catch.ts'

const file = join(import.meta.dirname, 'caught.json')

/** Seeds that are tried for each mutant; reliability.md asks for 12,000 by night. */
export const seedsMaxUsual = 500

/** What the last run over all mutants found. */
export function lastCatches(): readonly Catch[] {
  return JSON.parse(readFileSync(file, 'utf8')) as Catch[]
}

/** Plays all mutants, prints a line for each, and keeps the result; the names of survivors. */
export async function runMutants(
  seedsMax: number,
  print: (line: string) => void,
): Promise<readonly string[]> {
  const catches: Catch[] = []
  print(line(['mutant', 'caught by', 'seed', 'seeds tried']))
  for (const mutant of allMutants) {
    const caught = await catchMutant(mutant, 1, seedsMax)
    catches.push(caught)
    const { caughtBy, seed, seedsTried } = caught
    const by = caughtBy ?? 'nobody'
    print(line([mutant.name, by, seed === null ? '-' : String(seed), String(seedsTried)]))
  }
  writeFileSync(file, `${JSON.stringify(catches, null, 2)}\n`)
  const survivors = catches.filter(({ caughtBy }) => caughtBy === null)
  print(`${catches.length - survivors.length} of ${catches.length} mutants caught`)
  return survivors.map(({ mutant }) => mutant)
}

function line([name = '', by = '', seed = '', tried = '']: readonly string[]): string {
  return `${name.padEnd(30)} ${by.padEnd(10)} ${seed.padStart(6)} ${tried.padStart(12)}`
}
