/**
 * Writes docs/reference/invariants.md from the checkers' promises and the last run of the mutants.
 * `--check` compares instead, and fails when the two differ.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allCheckers } from '../sim/checkers/all.ts'
import { allMutants } from '../sim/mutants/all.ts'
import { lastCatches } from '../sim/mutants/run.ts'
import { renderInvariants } from './invariants-reference.ts'
import { sourceFiles } from './source-files.ts'

const file = join(import.meta.dirname, '../docs/reference/invariants.md')
const sources = sourceFiles('sim/checkers')

const page = renderInvariants({
  checkers: allCheckers(),
  mutants: allMutants,
  catches: lastCatches(),
  fileOf({ constructor }) {
    const owner = sources.find(({ text }) => text.includes(`export class ${constructor.name} `))
    return owner?.path ?? '?'
  },
})

if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') === page) process.exit(0)
  console.error(
    'docs/reference/invariants.md is out of date: node scripts/generate-invariants-reference.ts',
  )
  process.exit(1)
}
writeFileSync(file, page)
console.log(`wrote ${file}`)
