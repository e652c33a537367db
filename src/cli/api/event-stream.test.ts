import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventStreamParser } from './event-stream.ts'

test('an event has its name, its id and its data', () => {
  const events = new EventStreamParser().push('event: change\nid: 7\ndata: {"a":1}\n\n')
  expect(events).toEqual([{ event: 'change', id: '7', data: '{"a":1}' }])
})

test('heartbeats and unknown fields vanish', () => {
  expect(new EventStreamParser().push(': beat\n\nretry: 10\n\n')).toEqual([])
})

test('an id stays in force for the events after it', () => {
  const events = new EventStreamParser().push('id: 7\ndata: a\n\ndata: b\n\n')
  expect(events.map((event) => event.id)).toEqual(['7', '7'])
})

test('data of several lines is one text', () => {
  const [event] = new EventStreamParser().push('data: a\ndata:b\r\ndata\n\n')
  expect(event?.data).toBe('a\nb\n')
})

test('an event without an end is given up on', () => {
  const parser = new EventStreamParser()
  expect(() => parser.push(`data: ${'x'.repeat(5 * 1024 * 1024)}`)).toThrow(RangeError)
})

test('however the text is cut, the events are the same', () => {
  const text =
    'event: change\nid: 1\ndata: {"é":"☃"}\n\n: beat\n\nid: 2\r\ndata: b\r\ndata: c\r\n\r\n'
  const whole = new EventStreamParser().push(text)
  expect(whole).toHaveLength(2)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: text.length })), (cuts) => {
      const parser = new EventStreamParser()
      const places = [0, ...cuts.toSorted((a, b) => a - b), text.length]
      const events = places.flatMap((place, index) =>
        parser.push(text.slice(place, places[index + 1] ?? place)),
      )
      expect(events).toEqual(whole)
    }),
  )
})
