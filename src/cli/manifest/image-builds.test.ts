import { expect, test } from 'vitest'
import type { LogLineView } from '../../wire/api.ts'
import { newLines } from './image-builds.ts'

function lines(...texts: string[]): LogLineView[] {
  return texts.map((text, at) => ({
    at,
    instanceId: 'i-1',
    service: '~build',
    releaseId: '',
    cell: { environment: 'local', tenant: 'default', app: 'site' },
    position: String(at),
    stream: 'stdout',
    text,
  }))
}

test.each([
  ['nothing was known', [], ['a'], ['a']],
  ['nothing came', ['a', 'b'], ['a', 'b'], []],
  ['one came', ['a', 'b'], ['a', 'b', 'c'], ['c']],
])('%s', (_what, before, now, news) => {
  expect(newLines(lines(...before), lines(...now)).map(({ text }) => text)).toEqual(news)
})

test('lines that have left the window are known all the same', () => {
  const all = lines('a', 'b', 'c', 'd')
  expect(newLines(all.slice(0, 3), all.slice(1))).toEqual(all.slice(3))
  expect(newLines(all.slice(0, 1), all.slice(2))).toEqual(all.slice(2))
})
