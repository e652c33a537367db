import { describe, expect, test } from 'vitest'
import { outputStart, type OutputChunk, type OutputPosition } from '../parts/instances/driver.ts'
import { readLines, streamStart } from './log-reader.ts'

function chunkAt(at: OutputPosition, text: string): OutputChunk {
  const newlines = at.newlines + text.split('\n').length - 1
  const next = { segment: at.segment, byte: at.byte + text.length, newlines }
  return { at, bytes: Buffer.from(text), next }
}

/** Output in segments, of which those in `dropped` are gone. */
function output(segments: readonly string[], dropped = 0) {
  const newlinesBefore = (segment: number): number =>
    segments
      .slice(0, segment - 1)
      .join('')
      .split('\n').length - 1
  return {
    readOutput(_id: string, _stream: string, from: OutputPosition, bytesMax: number) {
      let at = from
      if (at.segment <= dropped) {
        at = { segment: dropped + 1, byte: 0, newlines: newlinesBefore(dropped + 1) }
      }
      while (at.byte >= (segments[at.segment - 1]?.length ?? Infinity)) {
        at = { ...at, segment: at.segment + 1, byte: 0 }
      }
      const text = segments[at.segment - 1]?.slice(at.byte, at.byte + bytesMax)
      return Promise.resolve(text === undefined || text === '' ? undefined : chunkAt(at, text))
    },
  }
}

function read(
  driver: ReturnType<typeof output>,
  options: Partial<Parameters<typeof readLines>[3]> = {},
) {
  return readLines(driver, 'i-a', 'stdout', { from: streamStart, isFinal: false, ...options })
}

function texts(found: Awaited<ReturnType<typeof read>>): string[] {
  return found.lines.map((line) => line.text)
}

describe('readLines', () => {
  test('a line that goes over two segments is one line', async () => {
    const found = await read(output(['one\ntw', 'o\nthree\n']))
    expect(texts(found)).toEqual(['one', 'two', 'three'])
    expect(found.place.position).toEqual({ segment: 2, byte: 8, newlines: 3 })
  })

  test('a line without its end is seen but not passed', async () => {
    const found = await read(output(['one\ntw']))
    expect(found.place.position).toEqual({ segment: 1, byte: 4, newlines: 1 })
    expect(found.seen).toEqual({ segment: 1, byte: 6, newlines: 1 })
  })

  test('dropped lines are counted exactly', async () => {
    const driver = output(['a\nb\nc\n', 'd\ne\n', 'f\n'], 2)
    expect(await read(driver)).toMatchObject({ lost: 5, lines: [{ text: 'f' }] })
    const from = { position: { segment: 1, byte: 4, newlines: 2 }, skipping: false }
    expect(await read(driver, { from })).toMatchObject({ lost: 3, lines: [{ text: 'f' }] })
  })

  test('the same stretch gives the same lines again, however much was printed since', async () => {
    const first = await read(output(['one\ntwo\nth']))
    const again = await read(output(['one\ntwo\nthree\nfour\n']), {
      until: first.place.position,
      isFinal: true,
    })
    expect(again.lines).toEqual(first.lines)
    expect(again.place).toEqual(first.place)
  })

  test('nothing printed is nothing read', async () => {
    expect(await read(output(['']))).toEqual({
      lines: [],
      place: streamStart,
      seen: outputStart,
      lost: 0,
    })
  })
})
