import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { LogAnswer, LogLineView } from '../../../src/wire/logs.ts'
import { LogWindow, type LogQuery, type LogSource } from './log-window.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const cell = { environment: 'prod', tenant: 'cz', app: 'shop' }

function aLine(number: number): LogLineView {
  return {
    at: number,
    instanceId: 'i-1',
    service: 'web',
    cell,
    releaseId: 'rel-1',
    stream: 'stdout',
    text: `line ${number}`,
    position: `${number}.${number}.i-1`,
  }
}

/** A server with so many lines, one each ms, and what it was asked. */
function aSource(printed: number) {
  let count = printed
  const asked: LogQuery[] = []
  let emit: (line: LogLineView) => void = () => {}
  const answers: { override: LogAnswer | undefined } = { override: undefined }
  const page = async (query: LogQuery): Promise<LogAnswer> => {
    asked.push(query)
    if (answers.override !== undefined) return answers.override
    const limit = Number(query['limit'])
    const of = (text: string | undefined): number => Number(text?.split('.', 1)[0])
    if (query['after'] !== undefined) {
      const from = of(query['after']) + 1
      const to = Math.min(count, from + limit)
      return { items: range(from, to).map(aLine) }
    }
    const to = query['before'] === undefined ? count : of(query['before'])
    return { items: range(Math.max(0, to - limit), to).map(aLine) }
  }
  let reopen = (): void => {}
  const follow: LogSource['follow'] = (_query, onLine, onGap) => {
    emit = onLine
    reopen = onGap
    return () => (emit = () => {})
  }
  return {
    source: { page, follow },
    asked,
    answers,
    emit: (line: LogLineView) => emit(line),
    /** The stream was cut, and goes on when so many lines have been printed. */
    reopen: (printed: number) => {
      count = printed
      reopen()
    },
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_none, index) => from + index)
}

const numbers = (window: LogWindow): number[] => window.state().lines.map(({ at }) => at)

test('begins at the end and grows backwards, until there is no more', async () => {
  const { source } = aSource(1_200)
  const window = new LogWindow(source, {})
  await window.start(undefined, false)
  expect(numbers(window)).toEqual(range(700, 1_200))
  await window.older()
  expect(window.state()).toMatchObject({ shift: 1_000, hasOlder: true })
  await window.older()
  expect(numbers(window)).toEqual(range(0, 1_200))
  expect(window.state().hasOlder).toBe(false)
})

test('a line is shown amid its neighbours, itself among them', async () => {
  const { source } = aSource(5_000)
  const window = new LogWindow(source, {})
  await window.start('2500.2500.i-1', false)
  expect(numbers(window)).toEqual(range(2_000, 3_000))
  await window.newer()
  expect(numbers(window).at(-1)).toBe(3_499)
})

test('holds so many lines and no more, and knows where it has forgotten some', async () => {
  const { source } = aSource(80_000)
  const window = new LogWindow(source, {})
  await window.start(undefined, false)
  for (let page = 0; page < 120; page++) await window.older()
  const { lines, hasNewer } = window.state()
  expect(lines).toHaveLength(50_000)
  expect(hasNewer).toBe(true)
  await window.newer()
  expect(window.state().lines).toHaveLength(50_000)
  expect(numbers(window).at(-1)).toBe(70_000 - 1)
})

test('new lines come in once, together; a pause holds them back', async () => {
  const { source, emit } = aSource(10)
  const window = new LogWindow(source, {})
  await window.start(undefined, true)
  // The last of the page comes by the stream as well.
  for (const number of [9, 10, 11]) emit(aLine(number))
  expect(numbers(window)).toEqual(range(0, 10))
  await vi.advanceTimersByTimeAsync(150)
  expect(numbers(window)).toEqual(range(0, 12))
  window.pause(true)
  emit(aLine(12))
  await vi.advanceTimersByTimeAsync(150)
  expect(window.state()).toMatchObject({ waiting: 1 })
  expect(numbers(window)).toHaveLength(12)
  window.pause(false)
  expect(numbers(window)).toHaveLength(13)
  window.end()
})

test('what was printed while the stream was cut is read before what came after', async () => {
  const { source, emit, reopen } = aSource(10)
  const window = new LogWindow(source, {})
  await window.start(undefined, true)
  reopen(1_200)
  emit(aLine(1_200))
  await vi.advanceTimersByTimeAsync(150)
  expect(numbers(window)).toEqual(range(0, 1_201))
  expect(window.state().waiting).toBe(0)
  window.end()
})

test('a reader who has paused is shown a gap when it goes on, and not before', async () => {
  const { source, emit, reopen } = aSource(10)
  const window = new LogWindow(source, {})
  await window.start(undefined, true)
  window.pause(true)
  reopen(14)
  emit(aLine(14))
  await vi.advanceTimersByTimeAsync(150)
  expect(numbers(window)).toEqual(range(0, 10))
  expect(window.state().waiting).toBe(1)
  window.pause(false)
  await vi.advanceTimersByTimeAsync(150)
  expect(numbers(window)).toEqual(range(0, 15))
  window.end()
})

test('a search that found too little goes on by itself, and then asks', async () => {
  const { source, asked, answers } = aSource(0)
  answers.override = { items: [], reachedAt: 777 }
  const window = new LogWindow(source, { text: 'rare' })
  await window.start(undefined, false)
  expect(asked).toHaveLength(6)
  expect(asked[1]).toMatchObject({ text: 'rare', until: '777' })
  expect(window.state()).toMatchObject({ hasOlder: true, reachedAt: 777, isLoading: false })
})

test('a failure is told, and what was found stays', async () => {
  const { source } = aSource(600)
  let fails = false
  const page = (query: LogQuery) => (fails ? Promise.reject(new Error('away')) : source.page(query))
  const window = new LogWindow({ ...source, page }, {})
  await window.start(undefined, false)
  fails = true
  await window.older()
  expect(window.state().error).toBeInstanceOf(Error)
  expect(window.state().lines).toHaveLength(500)
})
