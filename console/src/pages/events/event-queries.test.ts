import { expect, test } from 'vitest'
import type { EventView } from '../../../../src/wire/api.ts'
import { joined } from './event-queries.ts'

const events = (from: number, to: number): EventView[] =>
  Array.from({ length: from - to + 1 }, (_none, index) => ({
    revision: from - index,
    at: 1,
    who: 'alice',
    what: 'app.scale',
    why: '',
    keys: [],
  }))

const revisions = (list: readonly EventView[] | undefined) => list?.map(({ revision }) => revision)

test('what came since is put before what is held, each once', () => {
  expect(revisions(joined(events(12, 8), [events(10, 7), events(6, 5)]))).toEqual([
    12, 11, 10, 9, 8, 7, 6, 5,
  ])
})

test('a gap is told, so that all is read again', () => {
  expect(joined(events(200, 151), [events(100, 90)])).toBeUndefined()
})

test('nothing is held yet', () => {
  expect(revisions(joined(events(2, 1), []))).toEqual([2, 1])
})
