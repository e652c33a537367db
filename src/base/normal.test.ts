import { expect, test } from 'vitest'
import { fisherTail, normalTail, wilson, zOfTail } from './normal.ts'

test('tails of the normal distribution are those of the tables', () => {
  expect(normalTail(0)).toBeCloseTo(0.5, 7)
  expect(normalTail(1)).toBeCloseTo(0.158655254, 7)
  expect(normalTail(-1)).toBeCloseTo(0.841344746, 7)
  expect(normalTail(3) / 1.349898e-3).toBeCloseTo(1, 5)
  expect(normalTail(6) / 9.865876e-10).toBeCloseTo(1, 5)
  expect(zOfTail(0.05)).toBeCloseTo(1.644854, 5)
  expect(zOfTail(0.001)).toBeCloseTo(3.090232, 5)
})

test("Fisher's tail is that of his tea-tasting lady, and of larger tables", () => {
  // Of four cups each she told three right: 17/70.
  expect(fisherTail({ events: 3, trials: 4 }, { events: 1, trials: 4 })).toBeCloseTo(17 / 70, 9)
  expect(fisherTail({ events: 4, trials: 4 }, { events: 0, trials: 4 })).toBeCloseTo(1 / 70, 9)
  // Agresti's table of 10 of 12 against 1 of 12 and the sum of its hypergeometric terms.
  const exact = (66 * 12 + 12 * 1) / 2_496_144
  expect(fisherTail({ events: 10, trials: 12 }, { events: 1, trials: 12 }) / exact).toBeCloseTo(
    1,
    7,
  )
  expect(fisherTail({ events: 0, trials: 0 }, { events: 0, trials: 0 })).toBe(1)
  expect(fisherTail({ events: 0, trials: 90 }, { events: 7, trials: 90 })).toBeCloseTo(1, 9)
})

test("Wilson's interval is that of Newcombe's tables", () => {
  // Newcombe 1998, table I: 81/263, 15/148 and 0/20 at 95 %.
  const z = zOfTail(0.025)
  const rounded = (events: number, trials: number): number[] => {
    const { low, high } = wilson({ events, trials }, z)
    return [low, high].map((bound) => Number(bound.toFixed(4)))
  }
  expect(rounded(81, 263)).toEqual([0.2553, 0.3662])
  expect(rounded(15, 148)).toEqual([0.0624, 0.1605])
  expect(rounded(0, 20)).toEqual([0, 0.1611])
  expect(wilson({ events: 0, trials: 0 }, z)).toEqual({ low: 0, high: 1 })
})
