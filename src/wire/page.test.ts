import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pageOf, timePosition } from './page.ts'

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `name-${String(index).padStart(3, '0')}`)

describe('paging', () => {
  test('pages put together are the whole list, in order, without a repetition', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 10 }),
        fc.boolean(),
        (items, limit, newestFirst) => {
          const read: string[] = []
          let cursor: string | undefined
          do {
            const query = cursor === undefined ? { limit } : { limit, cursor }
            const page = pageOf(items, query, (item) => item, newestFirst)
            read.push(...page.items)
            cursor = page.next
          } while (cursor !== undefined)
          const sorted = items.toSorted((a, b) => (a < b ? -1 : 1))
          expect(read).toEqual(newestFirst ? sorted.toReversed() : sorted)
        },
      ),
    )
  })

  test('an item that goes between two calls is skipped and no other with it', () => {
    const all = names(10)
    const first = pageOf(all, { limit: 4 }, (item) => item)
    const left = all.filter((item) => item !== 'name-003' && item !== 'name-005')
    const second = pageOf(left, { limit: 4, cursor: first.next ?? '' }, (item) => item)
    expect(second.items).toEqual(['name-004', 'name-006', 'name-007', 'name-008'])
  })

  test.each(['', 'x', '"><script>', Buffer.from('c2:a').toString('base64url'), 'YzE6YQ==', '..'])(
    'the forged cursor %s is refused',
    (cursor) => {
      expect(() => pageOf(names(3), { cursor }, (item) => item)).toThrow(
        expect.objectContaining({ code: 'cursor-invalid', status: 400 }),
      )
    },
  )

  test('positions by time sort by time', () => {
    expect(timePosition(999, 'b') < timePosition(1_000, 'a')).toBe(true)
    expect(timePosition(1_000, 'a') < timePosition(1_000, 'b')).toBe(true)
  })
})
