import { expect, test } from 'vitest'
import { plainText, spansOf } from './ansi.ts'

test('colours become spans, and end where they end', () => {
  expect(spansOf('a \u001b[1;31mred\u001b[0m b', 100)).toEqual([
    { text: 'a ', colour: undefined, isBold: false },
    { text: 'red', colour: 'red', isBold: true },
    { text: ' b', colour: undefined, isBold: false },
  ])
})

test('codes that move the cursor, set titles or clear the screen are gone', () => {
  const hostile = 'x\u001b[2J\u001b]0;title\u0007\u001b[10;10Hy\u001b[?25lz\u001bMw'
  expect(plainText(hostile)).toBe('xyzw')
  expect(spansOf(hostile, 100).map(({ text }) => text)).toEqual(['x', 'y', 'z', 'w'])
})

test('what would hide or turn the text is made visible', () => {
  expect(plainText('a\u0000b\u0008c')).toBe('a\u2400b\u2408c')
  expect(plainText('exe.\u202egnp')).toBe('exe.\ufffdgnp')
})

test('markup stays text', () => {
  expect(plainText('<img src=x onerror=alert(1)>')).toBe('<img src=x onerror=alert(1)>')
})

test('a line of a megabyte is cut, in no time', () => {
  const long = `\u001b[32m${'x'.repeat(1_000_000)}`
  const [span] = spansOf(long, 2_000)
  expect(span?.text).toHaveLength(2_000)
  expect(plainText('\u001b['.repeat(200_000))).toBeDefined()
})

test('an unfinished code is no reason to lose text', () => {
  expect(plainText('end \u001b[31')).toContain('end ')
})
