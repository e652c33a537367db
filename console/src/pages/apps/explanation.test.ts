import { expect, test } from 'vitest'
import { layersOf, linesOf, partsOf } from './explanation.ts'

const file = 'roadstead.yaml'
const of = (layer: string, text: string) => ({ text, from: { layer, file, line: 1 } })

const lines = [
  of('app', 'app: shop'),
  { text: 'services:' },
  { text: '  web:' },
  of('default', '    cpu: 0.1'),
  { text: '    env:' },
  of('environment prod', '      LEVEL: high'),
  of('app', '      COLOUR: blue'),
  { text: '  api:' },
  of('default', '    cpu: 0.1'),
  of('environment prod', '    instances: 3'),
]

test('a layer is shown with the blocks that its lines stand in, and no others', () => {
  const texts = linesOf(lines, 'environment prod').map(({ text }) => text)
  expect(texts).toEqual([
    'services:',
    '  web:',
    '    env:',
    '      LEVEL: high',
    '  api:',
    '    instances: 3',
  ])
  expect(linesOf(lines, 'app').map(({ text }) => text.trim())).toEqual([
    'app: shop',
    'services:',
    'web:',
    'env:',
    'COLOUR: blue',
  ])
})

test('without a layer every line is there, and knows how deep it stands', () => {
  expect(linesOf(lines, undefined).map(({ indent }) => indent)).toEqual([
    0, 0, 2, 4, 4, 6, 6, 2, 4, 4,
  ])
})

test('layers are listed once, the weakest first', () => {
  const more = [of('cell prod/cz', 'a: 1'), of('tenant cz', 'b: 1'), ...lines]
  const all = ['default', 'app', 'environment prod', 'tenant cz', 'cell prod/cz']
  expect(layersOf(more)).toEqual(all)
})

test.each([
  ['    run: node a.js', '    run:', ' node a.js'],
  ['    "a: b": c', '    "a: b":', ' c'],
  ['    - maintenance:', '    - maintenance:', ''],
  ['  - just words', '', '  - just words'],
  ['  - "quoted: words"', '', '  - "quoted: words"'],
])('%j is a key and a value', (text, key, value) => {
  expect(partsOf(text)).toEqual([key, value])
})
