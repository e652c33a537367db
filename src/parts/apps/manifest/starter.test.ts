import { describe, expect, test } from 'vitest'
import { validateManifest } from './manifest.ts'
import { initManifest, type DirectoryFacts } from './starter.ts'

describe('a first manifest', () => {
  const facts: readonly (readonly [DirectoryFacts, string[]])[] = [
    [{ name: 'hello', files: ['server.js'] }, ['node', 'server.js']],
    [{ name: 'My Shop 2.0', files: [] }, ['node', 'server.js']],
    [{ name: '../x', files: ['main.py'] }, ['python3', 'main.py']],
    [{ name: '123', files: [], main: 'lib/a.js' }, ['node', 'server.js']],
    [{ name: 'a', files: ['run.mjs'], main: 'run.mjs' }, ['node', 'run.mjs']],
    [
      { name: 'a', files: [], startScript: 'node --enable-source-maps a.js' },
      ['node', '--enable-source-maps', 'a.js'],
    ],
    [{ name: 'a', files: [], startScript: 'build && node a.js' }, ['npm', 'start']],
    [{ name: 'a', files: [], startScript: 'node "a: b.js" # x' }, ['node', 'a: b.js', '#', 'x']],
  ]
  test.each(facts)('%j is valid, and runs what lies there', (given, run) => {
    const text = initManifest(given)
    const result = validateManifest({ text, file: 'roadstead.yaml' }, undefined)
    if (!result.ok) throw new Error(JSON.stringify(result.faults))
    expect(result.value.cells[0]!.services[0]).toMatchObject({ name: 'web', run })
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
  })
})
