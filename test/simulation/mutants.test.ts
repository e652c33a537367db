import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { allCheckers } from '../../sim/checkers/all.ts'
import { allMutants } from '../../sim/mutants/all.ts'
import { catchMutant } from '../../sim/mutants/catch.ts'
import { lastCatches } from '../../sim/mutants/run.ts'

/**
 * Checkers that could not fail would prove nothing: wrong versions of the product must be caught.
 * Here those that one of the first worlds catches; all of them: `npm run sim -- --mutants`.
 */

/** Seeds that are looked at: a change of the product may move a catch to a neighbour. */
const seedsMax = 15
const timeoutMs = 120_000

const quick = [
  'drains-below-the-promise',
  'promotes-unready',
  'two-operations-at-once',
  'drains-for-ever',
  'pass-forgets-its-decisions',
  'scheduling-overbooks',
  'changes-without-a-reason',
  'epochs-stand-still',
  'revert-starts-a-rollout',
  'starts-twice',
]

describe('a wrong product is caught', () => {
  for (const name of quick) {
    const mutant = allMutants.find((one) => one.name === name)
    test(`${mutant?.breaks ?? name}`, { timeout: timeoutMs }, async () => {
      if (mutant === undefined) throw new Error(`there is no mutant ${name}`)
      const { caughtBy } = await catchMutant(mutant, 1, seedsMax)
      expect(mutant.caughtBy).toContain(caughtBy)
    })
  }
})

describe('the mutants', () => {
  test('break invariants that have a checker', () => {
    const invariants = allCheckers().map(({ invariant }) => invariant)
    for (const { name, caughtBy } of allMutants) {
      for (const invariant of caughtBy) expect(invariants, name).toContain(invariant)
    }
  })

  test('were all played, and whoever survived says why', () => {
    const catches = new Map(lastCatches().map((one) => [one.mutant, one]))
    for (const { name, survives } of allMutants) {
      const isCaught = catches.get(name)?.caughtBy != null
      expect(isCaught || survives !== undefined, name).toBe(true)
    }
  })

  test('and the checkers are what docs/reference/invariants.md says', () => {
    const script = join(import.meta.dirname, '../../scripts/generate-invariants-reference.ts')
    const told = execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
    expect(told).toBe('')
  })
})
