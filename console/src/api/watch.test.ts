import { expect, test } from 'vitest'
import { Watch, type EventStream } from './watch.ts'

type Listener = (event: { readonly data: string }) => void

class FakeStream implements EventStream {
  readonly url: string
  isClosed = false
  readonly #listeners = new Map<string, Listener>()

  constructor(url: string) {
    this.url = url
  }

  addEventListener(name: string, listener: Listener): void {
    this.#listeners.set(name, listener)
  }

  close(): void {
    this.isClosed = true
  }

  emit(name: string, data: unknown = {}): void {
    this.#listeners.get(name)?.({ data: JSON.stringify(data) })
  }
}

/** A watch whose streams and timers the test holds in its hands. */
function aWatch() {
  const streams: FakeStream[] = []
  const waits: { readonly ms: number; readonly callback: () => void }[] = []
  const told: string[] = []
  let now = 1_000
  const watch = new Watch({
    open: (url) => {
      const stream = new FakeStream(url)
      streams.push(stream)
      return stream
    },
    now: () => now,
    after: (ms, callback) => {
      waits.push({ ms, callback })
      return () => waits.splice(0)
    },
    random: () => 1,
  })
  const stop = watch.start({
    onChange: ({ kind }) => told.push(kind),
    onObserved: () => told.push('observed'),
    onReset: () => told.push('reset'),
  })
  const last = (): FakeStream => streams.at(-1)!
  return { watch, streams, waits, told, stop, last, setNow: (ms: number) => (now = ms) }
}

const aChange = (revision: number) => ({ revision, kind: 'rollout', key: 'k', value: null })

test('reads everything again once it is connected, then passes each change on', () => {
  const { watch, last, told } = aWatch()
  expect(watch.state().phase).toBe('connecting')
  last().emit('open')
  last().emit('change', aChange(7))
  last().emit('observed')
  expect(watch.state().phase).toBe('live')
  expect(told).toEqual(['reset', 'rollout', 'observed'])
})

test('resumes after the newest revision that it was told', () => {
  const { last, waits } = aWatch()
  last().emit('open')
  last().emit('change', aChange(7))
  last().emit('change', aChange(6))
  last().emit('error')
  waits[0]?.callback()
  expect(last().url).toBe('/v1/watch?after=7')
})

test('says since when it is stale, however often it fails again', () => {
  const { watch, last, waits, setNow } = aWatch()
  last().emit('open')
  setNow(5_000)
  last().emit('error')
  setNow(9_000)
  waits[0]?.callback()
  last().emit('error')
  expect(watch.state()).toEqual({ phase: 'stale', since: 5_000 })
})

test('waits twice as long after each failure, up to ten seconds, and begins anew when connected', () => {
  const { last, waits } = aWatch()
  for (let failure = 0; failure < 7; failure++) {
    last().emit('error')
    waits.at(-1)?.callback()
  }
  expect(waits.map(({ ms }) => ms)).toEqual([400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
  last().emit('open')
  last().emit('error')
  expect(waits.at(-1)?.ms).toBe(400)
})

test('closes the stream and tries no more when it is stopped', () => {
  const { last, stop, streams, waits } = aWatch()
  last().emit('error')
  stop()
  expect(waits).toEqual([])
  expect(streams.every(({ isClosed }) => isClosed)).toBe(true)
})
