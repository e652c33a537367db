import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { validateManifest } from '../../parts/apps/manifest/manifest.ts'
import { faultLines } from './fault-lines.ts'

const text = `roadstead: v1
app: shop
services:
  web: { run: node a.js, memory: 256MB, secrets: { PSP_KEY: "hunter2!" } }
  sub: { run: node c.js, secrets: { PSP_KEY: { value: hunter2 } } }
  api: { run: node b.js, memory: 512MB }
`

test('no fault of a line shows it when one of them is about a secret', () => {
  const manifest = { text, file: 'roadstead.yaml' }
  const result = validateManifest(manifest, undefined)
  const faults = result.ok ? [] : result.faults
  expect(faults.map(({ line }) => line)).toEqual([4, 4, 5, 6])
  const lines = faultLines(faults, { manifest, platform: undefined })
  const shown = lines.map(stripVTControlCharacters)
  expect(shown.join('\n')).not.toContain('hunter2')
  expect(shown.filter((line) => line === '4 | (not shown: it may hold a secret)')).toHaveLength(2)
  expect(shown).toContain('6 |   api: { run: node b.js, memory: 512MB }')
})
