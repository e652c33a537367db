import { expect, test } from 'vitest'
import { printable } from './printed.ts'

test('terminal codes, links and what turns a line around are taken out', () => {
  expect(printable('\u001B[31mred\u001B[0m \u001B]8;;http://x\u0007link\u001B]8;;\u0007')).toBe(
    'red link',
  )
  expect(printable('a\u202Eb\u0000c\td')).toBe('abc\td')
})

test('a line of a megabyte is cut, and says by how much', () => {
  const shown = printable('x'.repeat(1_000_000))
  expect(shown.length).toBeLessThan(5_000)
  expect(shown).toContain('996,000 more characters')
})
