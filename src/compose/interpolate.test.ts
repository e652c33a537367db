import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FaultList } from '../parts/apps/manifest/faults.ts'
import { readEnvFile } from './env-file.ts'
import { interpolate } from './interpolate.ts'

const variables = new Map(
  Object.entries({ SET: 'yes', EMPTY: '', OTHER: 'more' }).map(([name, value]) => [
    name,
    { value, from: 'here' },
  ]),
)

describe('variables of a compose file', () => {
  test.each([
    ['plain', 'plain'],
    ['$SET', 'yes'],
    ['${SET}', 'yes'],
    ['a-${SET}-b', 'a-yes-b'],
    ['$SET/$OTHER', 'yes/more'],
    ['${UNSET:-x}', 'x'],
    ['${EMPTY:-x}', 'x'],
    ['${EMPTY-x}', ''],
    ['${UNSET-x}', 'x'],
    ['${UNSET:-}', ''],
    ['${SET:+x}', 'x'],
    ['${EMPTY:+x}', ''],
    ['${EMPTY+x}', 'x'],
    ['${UNSET:+x}', ''],
    ['${SET:?no}', 'yes'],
    ['${EMPTY?no}', ''],
    ['${UNSET:-${SET}}', 'yes'],
    ['${UNSET:-a${EMPTY:-b${OTHER}}c}', 'abmorec'],
    ['$$SET', '$SET'],
    ['$${SET}', '${SET}'],
    ['100$$', '100$'],
    ['${UNSET}', ''],
  ])('%s is %s', (text, filled) => {
    expect(interpolate(text, variables)).toMatchObject({ text: filled })
  })

  test('one that nothing sets is told, unless there is a default', () => {
    expect(interpolate('${A}-$B', variables).unset).toEqual(['A', 'B'])
    expect(interpolate('${A:-1}', variables).unset).toEqual([])
    expect(interpolate('${SET}', variables)).toMatchObject({ used: ['SET'], unset: [] })
  })

  test.each([
    ['${UNSET:?give it}', 'variable-unset', '`UNSET` has to be set: give it'],
    ['${EMPTY:?}', 'variable-unset', '`EMPTY` has to be set'],
    ['${UNSET', 'variable-refused', 'the brace of `${` is never closed'],
    ['${}', 'variable-refused', '`${}` is no variable'],
    ['${a.b}', 'variable-refused', '`${a.b}` is no variable'],
    ['$1', 'variable-refused', '`$1` is no variable'],
    ['100$', 'variable-refused', '`$` is no variable'],
  ])('%s is refused', (text, code, message) => {
    expect(interpolate(text, variables).problem).toMatchObject({ code, message })
  })

  test('defaults inside defaults have a bound, and so has the result', () => {
    const deep = '${A:-'.repeat(40) + '}'.repeat(40)
    expect(interpolate(deep, variables).problem?.message).toContain('nested')
    const long = new Map([['L', { value: 'x'.repeat(40_000), from: 'here' }]])
    expect(interpolate('$L$L', long).problem?.message).toContain('65536')
  })

  test('any text ends in a value or in a problem, and without a dollar it stays', () => {
    const pieces = fc.constantFrom('$', '{', '}', ':-', ':?', 'SET', 'UNSET', '$$', '${', 'x', '+')
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const text = parts.join('')
        const { text: filled, problem } = interpolate(text, variables)
        if (!text.includes('$')) expect(filled).toBe(text)
        else expect(problem === undefined || problem.message !== '').toBe(true)
      }),
    )
  })
})

describe('an env file', () => {
  const read = (text: string, isRaw = false) => {
    const faults = new FaultList()
    const found = readEnvFile(text, { file: '.env', outer: variables, isRaw }, faults)
    const values = Object.fromEntries([...found].map(([name, { value }]) => [name, value]))
    return { values, found, faults: faults.sorted() }
  }

  test('quotes, comments, export, blanks and lines of several are read', () => {
    const text = [
      '# a comment',
      'A=1',
      'export B = two words # said',
      "C='$SET # kept'",
      'D="$SET \\"quoted\\"\\n"',
      'E="first',
      'second"',
      'F=',
      'G=a#b',
      'SET',
      'MISSING',
      'H=${A}${SET}',
    ].join('\n')
    expect(read(text).values).toEqual({
      A: '1',
      B: 'two words',
      C: '$SET # kept',
      D: 'yes "quoted"\n',
      E: 'first\nsecond',
      F: '',
      G: 'a#b',
      SET: 'yes',
      H: '1yes',
    })
    expect(read('\n\nA=1').found.get('A')?.from).toBe('.env:3')
  })

  test('a raw one is taken as it stands', () => {
    expect(read('A="$SET"', true).values).toEqual({ A: '"$SET"' })
  })

  test('a line that sets nothing is told', () => {
    expect(read('A=1\nnot a line').faults).toMatchObject([{ line: 2, code: 'variable-refused' }])
  })
})
