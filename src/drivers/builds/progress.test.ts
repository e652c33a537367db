import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ProgressReader } from './progress.ts'

const said = [
  { stream: 'Step 1/2 : FROM scratch' },
  { stream: '\n' },
  { status: 'Pulling fs layer', id: 'abc' },
  { status: 'Downloading', id: 'abc', progressDetail: { current: 1, total: 2 } },
  { aux: { ID: 'sha256:1' } },
  { aux: { Tag: 'b-1', Digest: 'sha256:2', Size: 3 } },
  { stream: 'äöü €\n' },
  { errorDetail: { code: 3, message: 'no' }, error: 'no' },
]
const bytes = Buffer.from(said.map((line) => `${JSON.stringify(line)}\r\n`).join(''))
const expected = [
  { text: 'Step 1/2 : FROM scratch' },
  { text: '\n' },
  { text: 'abc: Pulling fs layer\n' },
  { text: '', digest: 'sha256:2' },
  { text: 'äöü €\n' },
  { text: '', error: 'no' },
]

test('progress is read however its bytes arrive', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: bytes.length - 1 })), (cuts) => {
      const reader = new ProgressReader()
      const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
      const parts = places.slice(1).map((end, index) => bytes.subarray(places[index], end))
      expect(parts.flatMap((part) => reader.read(part))).toEqual(expected)
    }),
  )
})

test('what is no progress is passed over', () => {
  expect(new ProgressReader().read(Buffer.from('null\n[1]\n<html>\n{}\n\n"x"\n'))).toEqual([])
})
