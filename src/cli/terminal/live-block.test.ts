import { expect, test } from 'vitest'
import { cutTo, LiveBlock, spinnerAt, type LiveStream } from './live-block.ts'

function aStream(isTTY: boolean): LiveStream & { written: string } {
  const stream = {
    isTTY,
    columns: 10,
    written: '',
    write(text: string) {
      stream.written += text
      return true
    },
  }
  return stream as unknown as LiveStream & { written: string }
}

test('where there is no terminal nothing is drawn', () => {
  const stream = aStream(false)
  const block = new LiveBlock(stream)
  block.draw(['a'])
  block.clear()
  expect(stream.written).toBe('')
})

test('a second drawing begins where the first began', () => {
  const stream = aStream(true)
  const block = new LiveBlock(stream)
  block.draw(['a', 'b'])
  block.draw(['c'])
  expect(stream.written).toContain('\x1b[2A\rc')
})

test('a line never wraps, which would spoil the way back', () => {
  const stream = aStream(true)
  new LiveBlock(stream).draw(['0123456789abc'])
  expect(stream.written).toContain('01234567…')
  expect(stream.written).not.toContain('9')
})

test('colours take no room and are kept whole', () => {
  expect(cutTo('\x1b[31mabc\x1b[39mdef', 4)).toBe('\x1b[31mabc\x1b[39m…')
  expect(cutTo('\x1b[31mabc\x1b[39m', 3)).toBe('\x1b[31mabc\x1b[39m')
})

test('the spinner turns', () => {
  expect(spinnerAt(0)).not.toBe(spinnerAt(80))
  expect(spinnerAt(800)).toBe(spinnerAt(0))
})
