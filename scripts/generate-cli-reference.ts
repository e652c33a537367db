/**
 * Writes docs/reference/cli.md from the tree of commands.
 * `--check` compares instead, and fails when the two differ.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandTree } from '../src/cli/command-tree.ts'
import { buildProgram } from '../src/cli/program.ts'
import { renderCliReference } from './cli-reference.ts'

const file = join(import.meta.dirname, '../docs/reference/cli.md')
const reference = renderCliReference(await commandTree(buildProgram()))

if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') === reference) process.exit(0)
  console.error('docs/reference/cli.md is out of date: node scripts/generate-cli-reference.ts')
  process.exit(1)
}
writeFileSync(file, reference)
console.log(`wrote ${file}`)
