import { describe, expect, test } from 'vitest'
import { closest, didYouMean, editDistance } from './suggestion.ts'

describe('the word that was meant', () => {
  const keys = ['instances', 'memory', 'run', 'route', 'source']
  test.each([
    ['instanes', 'instances'],
    ['memroy', 'memory'],
    ['Memory', 'memory'],
    ['rn', 'run'],
    ['rout', 'route'],
    ['colour', undefined],
    ['x', undefined],
    ['m'.repeat(100_000), undefined],
  ])('of %s', (word, meant) => {
    expect(closest(word, keys)).toBe(meant)
  })

  test('is proposed, and otherwise all that is possible', () => {
    expect(didYouMean('rn', keys, '')).toBe('did you mean `run`?')
    expect(didYouMean('zzz', ['a', 'bb'], '')).toBe('possible here: a, bb')
    expect(didYouMean('zzz', [], 'define one first')).toBe('define one first')
  })
})

test('letters swapped, left out, added and replaced are one edit each', () => {
  expect(editDistance('memory', 'memroy')).toBe(1)
  expect(editDistance('memory', 'memry')).toBe(1)
  expect(editDistance('memory', 'memoryy')).toBe(1)
  expect(editDistance('memory', 'nemory')).toBe(1)
  expect(editDistance('kitten', 'sitting')).toBe(3)
  expect(editDistance('', 'abc')).toBe(3)
})
