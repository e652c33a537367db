import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { logLineBytesMax } from '../wire/agent-protocol.ts'
import { cutLines } from './log-lines.ts'

function cut(text: string | Uint8Array, skipping = false, isFinal = false) {
  return cutLines(typeof text === 'string' ? Buffer.from(text) : text, skipping, 1_000, isFinal)
}

describe('cutLines', () => {
  test('what follows the last newline waits for its end', () => {
    expect(cut('one\ntwo\nthr')).toEqual({
      lines: [
        { text: 'one', cut: false },
        { text: 'two', cut: false },
      ],
      consumed: 8,
      skipping: false,
    })
  })

  test('what follows the last newline is a line when nothing more will come', () => {
    expect(cut('one\ntwo', false, true).lines.map((line) => line.text)).toEqual(['one', 'two'])
  })

  test('a line that is too long is cut, and its rest passed over', () => {
    const long = 'x'.repeat(logLineBytesMax + 1)
    const first = cut(long)
    expect(first).toEqual({
      lines: [{ text: 'x'.repeat(logLineBytesMax), cut: true }],
      consumed: long.length,
      skipping: true,
    })
    expect(cut('rest\nnext\n', true)).toMatchObject({
      lines: [{ text: 'next', cut: false }],
      skipping: false,
    })
  })

  test('a line just within the bound is whole', () => {
    expect(cut(`${'x'.repeat(logLineBytesMax)}\n`).lines[0]?.cut).toBe(false)
  })

  test('invalid UTF-8 is replaced, and a carriage return before the newline dropped', () => {
    expect(cut(Uint8Array.of(0x61, 0xff, 0x62, 0x0d, 0x0a)).lines).toEqual([
      { text: 'a\ufffdb', cut: false },
    ])
  })

  test('no more lines are cut than asked for, and the rest is left', () => {
    expect(cutLines(Buffer.from('a\nb\nc\n'), false, 2, false)).toMatchObject({ consumed: 4 })
  })

  test('however the bytes come in pieces, the lines are the same', () => {
    const lines = fc.array(fc.stringMatching(/^[a-z]{0,20}$/), { maxLength: 20 })
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 30 }), (texts, pieceBytes) => {
        const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''))
        const found: string[] = []
        let start = 0
        for (let end = pieceBytes; start < bytes.length; end += pieceBytes) {
          const next = cutLines(bytes.subarray(start, end), false, 1_000, false)
          found.push(...next.lines.map((line) => line.text))
          start += next.consumed
        }
        expect(found).toEqual(texts)
      }),
    )
  })
})
