import { expect, test } from 'vitest'
import { lineDifference } from './line-difference.ts'

const told = (before: string, after: string): string[] =>
  lineDifference(before, after).map(
    ({ kind, text }) => ({ same: ' ', added: '+', removed: '-' })[kind] + text,
  )

test('what stays is kept, what differs goes and comes in its place', () => {
  expect(told('a\nb\nc\n', 'a\nx\nc\n')).toEqual([' a', '-b', '+x', ' c'])
  expect(told('a\nb', 'a\nb\nc')).toEqual([' a', ' b', '+c'])
  expect(told('a\nb', 'b')).toEqual(['-a', ' b'])
})

test('an empty text has no lines', () => {
  expect(told('', 'a\n')).toEqual(['+a'])
  expect(told('a\n', '')).toEqual(['-a'])
  expect(told('', '')).toEqual([])
})

test('texts that are too large to compare are told as wholes', () => {
  const large = Array.from({ length: 2_500 }, (_none, index) => `line ${index}`).join('\n')
  expect(told(large, large)).toHaveLength(5_000)
})
