/**
 * Writes docs/reference/api.md from the very table of routes that the server answers by.
 * `--check` compares instead, and fails when the two differ.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { renderReference, type ApiDescription } from './api-reference.ts'
import { aRunningServer } from '../test/fixtures/running-server.ts'

const file = join(import.meta.dirname, '../docs/reference/api.md')

const server = await aRunningServer()
const response = await server.call(null, '/v1/openapi.json')
const reference = renderReference((await response.json()) as ApiDescription)
await server.stop()

if (process.argv.includes('--check')) {
  const written = await readFile(file, 'utf8').catch(() => '')
  if (written === reference) process.exit(0)
  console.error('docs/reference/api.md is out of date: node scripts/generate-api-reference.ts')
  process.exit(1)
}
await writeFile(file, reference)
console.log(`wrote ${file}`)
process.exit(0)
