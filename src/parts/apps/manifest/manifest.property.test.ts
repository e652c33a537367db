import * as fc from 'fast-check'
import { Check } from 'typebox/value'
import { describe, expect, test } from 'vitest'
import { FaultList, faultsMax } from './faults.ts'
import { checkSchema } from './check-schema.ts'
import { formatFaults } from './format.ts'
import { parseManifest } from './document.ts'
import { validateManifest } from './manifest.ts'
import { printTree } from './print.ts'
import { ManifestDocument } from './schema-manifest.ts'
import { shapeOf, type SchemaShape } from './schema.ts'
import { measureOf, type Unit } from './units.ts'
import { defaultPlace, nodeOf } from './tree.ts'

/** Data that a schema admits; patterns and bounds are those of the grammar itself. */
function dataFor(shape: SchemaShape): fc.Arbitrary<unknown> {
  if (shape.const !== undefined) return fc.constant(shape.const)
  if (shape.enum !== undefined) return fc.constantFrom(...shape.enum)
  if (shape.anyOf !== undefined) return fc.oneof(...shape.anyOf.map(dataFor))
  switch (shape.type) {
    case 'object':
      return mapFor(shape)
    case 'array': {
      const { minItems = 0, items = {} } = shape
      return fc.array(dataFor(items), { minLength: minItems, maxLength: minItems + 2 })
    }
    case 'integer':
      return fc.integer({ min: shape.minimum ?? 0, max: Math.min(shape.maximum ?? 9, 900) })
    case 'number':
      return fc.integer({ min: Math.ceil(shape.minimum ?? 0), max: shape.maximum ?? 99 })
    case 'boolean':
      return fc.boolean()
    default:
      return textFor(shape)
  }
}

function mapFor(shape: SchemaShape): fc.Arbitrary<unknown> {
  const [[pattern, value] = [undefined, {}]] = Object.entries(shape.patternProperties ?? {})
  if (pattern !== undefined) {
    const { minProperties = 0 } = shape
    const key = fc.stringMatching(new RegExp(pattern))
    return fc.dictionary(key, dataFor(value), {
      minKeys: minProperties,
      maxKeys: minProperties + 2,
    })
  }
  const properties = Object.entries(shape.properties ?? {})
  if (shape.maxProperties === 1) {
    return fc.oneof(
      ...properties.map(([key, member]) => dataFor(member).map((data) => ({ [key]: data }))),
    )
  }
  const model = Object.fromEntries(properties.map(([key, member]) => [key, dataFor(member)]))
  const required = [...(shape.required ?? [])]
  const [first] = properties
  if (required.length === 0 && shape.minProperties === 1 && first !== undefined)
    required.push(first[0])
  return fc.record(model, { requiredKeys: required }).map((data) => ({ ...(data as object) }))
}

/** Words that YAML or we could take for something else are among them. */
const tricky = [
  'none',
  'no',
  'true',
  '1.10',
  '2026-01-01',
  '0x1F',
  '~',
  'a: b',
  '# x',
  ' x',
  '- y',
  '"',
]

const paths = [
  '.',
  'a',
  'a/b',
  'no',
  'true',
  'none',
  '12',
  './x/',
  'a b',
  '/',
  '/a',
  '/a/b?c=d',
  '/{x}',
]

function textFor(shape: SchemaShape): fc.Arbitrary<unknown> {
  const { pattern, 'x-unit': unit, minLength = 0 } = shape as SchemaShape & { minLength?: number }
  if (pattern === undefined) {
    const printable = fc.string({ unit: 'grapheme-ascii', minLength, maxLength: 12 })
    return fc.oneof(fc.constantFrom(...tricky), printable)
  }
  const expression = new RegExp(pattern, 'u')
  /** fast-check makes no texts for patterns that look ahead: paths, which are drawn from a list. */
  const matching = pattern.includes('(?!')
    ? fc.constantFrom(...paths.filter((path) => expression.test(path)))
    : fc.stringMatching(expression).filter((text) => /^[ -~]*$/.test(text))
  return unit === undefined ? matching : matching.filter((text) => isWithin(shape, unit, text))
}

function isWithin(shape: SchemaShape, unit: Unit, text: string): boolean {
  const { 'x-least': least, 'x-most': most } = shape
  const measure = measureOf(unit, text)
  if (least !== undefined && measure < measureOf(unit, least)) return false
  return most === undefined || measure <= measureOf(unit, most)
}

const document = shapeOf(ManifestDocument)
const spot = { place: defaultPlace, path: [] }

/** A value, changed somewhere: removed, replaced, or with a key too many. */
function damaged(data: unknown, choices: readonly number[]): unknown {
  const [choice = 0, ...rest] = choices
  if (typeof data !== 'object' || data === null || rest.length === 0) {
    return [null, 3, 'none', [], {}, true, -1, 'x y'][choice % 8]
  }
  if (Array.isArray(data)) {
    if (data.length === 0) return [1]
    return data.with(choice % data.length, damaged(data[choice % data.length], rest))
  }
  const keys = Object.keys(data)
  const key = keys[choice % (keys.length + 1)]
  if (key === undefined) return { ...data, extra: 1 }
  return { ...data, [key]: damaged((data as Record<string, unknown>)[key], rest) }
}

describe('the grammar', () => {
  test('what is printed is read again as the same', () => {
    fc.assert(
      fc.property(dataFor(document), (data) => {
        const printed = printTree(nodeOf(data, defaultPlace))
        const first = parseManifest(printed, 'a.yaml')
        if (!first.ok) throw new Error(JSON.stringify(first.faults[0]) + printed)
        expect(first.value.data).toEqual(data)
        const second = parseManifest(printTree(first.value.root), 'b.yaml')
        expect(second.ok && second.value.data).toEqual(data)
      }),
      { numRuns: 15 },
    )
  })

  test('a check without faults means that the schema admits it, and the other way round', () => {
    const choices = fc.array(fc.nat(30), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(dataFor(document), choices, (data, path) => {
        const broken = damaged(data, path)
        const faults = new FaultList()
        checkSchema(document, nodeOf(broken, defaultPlace), spot, faults)
        expect(faults.isEmpty).toBe(Check(ManifestDocument, broken))
      }),
      { numRuns: 40 },
    )
  })
})

/** Words and marks of YAML, and of manifests, by lines; each stands between two blanks. */
const marks = String.raw`{ } [ ] , : - &a *a !!x ? | > " ' # % << * none no --- ... ~ \u202e 1e999
  __proto__ constructor 256MB`
const fragments = ['roadstead: v1\n', 'app: a\n', 'services:\n', '  web:\n', '    run: x\n', '\n']
const nasty = ['\t', ' ', '\r\n', '\u202e', '\u0000', '\ud800', '{ scale: none }\n']

/** Text that looks like YAML, so that more of the reader is met than by chance. */
const yamlish = fc
  .array(fc.constantFrom(...marks.split(/\s+/), ...fragments, ...nasty, ': ', '- '), {
    maxLength: 60,
  })
  .map((parts) => parts.join(''))

function lines(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join('')
}

function bombLine(index: number): string {
  const below = index === 0 ? '*a' : `*b${index - 1}`
  return `b${index}: &b${index} [${Array.from({ length: 9 }, () => below).join(',')}]\n`
}

describe('any text at all', () => {
  test('gives a value or faults with a place in the file, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(yamlish, fc.string({ unit: 'binary' })), (text) => {
        const result = validateManifest({ text, file: 'x' }, { text, file: 'y' })
        if (result.ok) throw new Error('it is no manifest and no platform')
        expect(result.faults.length).toBeLessThanOrEqual(faultsMax)
        expect(result.faults.length).toBeGreaterThan(0)
        for (const { line, column } of result.faults) {
          expect(line).toBeGreaterThanOrEqual(1)
          expect(column).toBeGreaterThanOrEqual(1)
        }
        formatFaults(result.faults, () => text)
      }),
      { numRuns: 200 },
    )
  })

  const memory = `"1${' '.repeat(900_000)}x"`
  const hostile: Readonly<Record<string, string>> = {
    'an alias bomb': `a: &a [x,x,x,x,x,x,x,x,x]\n${lines(20, bombLine)}`,
    'an alias that holds itself': 'a: &a { b: *a }',
    '20,000 brackets': '['.repeat(20_000),
    '20,000 braces': '{a: '.repeat(20_000),
    '20,000 dashes': '- '.repeat(20_000),
    '20,000 question marks': '? '.repeat(20_000),
    '5 MB': 'a'.repeat(5_000_000),
    'a megabyte of keys': lines(90_000, (index) => `k${index}: 1\n`),
    'a megabyte of aliases': `a: &a 1\n${lines(80_000, (index) => `k${index}: *a\n`)}`,
    'a megabyte of commas': `[${','.repeat(1_000_000)}`,
    'a megabyte of one word': `a: ${'x'.repeat(1_000_000)}`,
    'a megabyte of spaces in a quantity': `app: a\nservices: { a: { memory: ${memory} } }`,
    'a thousand names of nobody': `services: {${lines(1_000, (index) => `S${index}: {}, `)}}`,
  }
  test.each(Object.entries(hostile))('ends soon: %s', { timeout: 5_000 }, (_name, text) => {
    const result = validateManifest({ text, file: 'x' }, undefined)
    const faults = result.ok ? [] : result.faults
    expect(faults.length).toBeGreaterThan(0)
    expect(formatFaults(faults, () => text).join().length).toBeLessThan(50_000)
  })
})
