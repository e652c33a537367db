import { describe, expect, test } from 'vitest'
import {
  ageText,
  bytesText,
  countText,
  durationText,
  latencyText,
  pluralText,
  rateText,
  timeText,
} from './format.ts'

test('counts stand in groups of three', () => {
  expect([0, 999, 8_412, 1_234_567].map(countText)).toEqual(['0', '999', '8,412', '1,234,567'])
})

test('a noun follows its count', () => {
  expect([0, 1, 2].map((count) => pluralText(count, 'request'))).toEqual([
    '0 requests',
    '1 request',
    '2 requests',
  ])
})

test.each([
  [0, '0 ms'],
  [-3, '0 ms'],
  [999.4, '999 ms'],
  [4_160, '4.1 s'],
  [59_999, '59.9 s'],
  [60_000, '1 min'],
  [200_000, '3 min 20 s'],
  [7_500_000, '2 h 5 min'],
  [273_600_000, '3 d 4 h'],
])('a duration of %d ms reads "%s"', (ms, text) => {
  expect(durationText(ms)).toBe(text)
})

test.each([
  [0, 'now'],
  [12_000, '12s'],
  [240_000, '4m'],
  [3 * 3_600_000, '3h'],
  [9 * 86_400_000, '9d'],
])('an age of %d ms reads "%s"', (age, text) => {
  expect(ageText(1_000_000_000 - age, 1_000_000_000)).toBe(text)
})

test('a clock that went back gives no negative age', () => {
  expect(ageText(2_000, 1_000)).toBe('now')
})

describe('time of day', () => {
  const noon = new Date(2026, 10, 21, 12, 0, 0).getTime()

  test('the day is left out when it is this day', () => {
    expect(timeText(noon + 62_000, noon)).toBe('12:01:02')
  })

  test('an earlier day is named', () => {
    expect(timeText(noon - 86_400_000, noon)).toBe('2026-11-20 12:00:00')
  })
})

test.each([
  [0, '0 B'],
  [1_023, '1023 B'],
  [1_536, '1.5 KiB'],
  [1_048_576, '1 MiB'],
  [268_435_456, '256 MiB'],
  [5_368_709_120, '5 GiB'],
])('%d bytes read "%s"', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text)
})

test('a small rate keeps a decimal, a large one does not', () => {
  expect([0, 0.42, 9.96, 63.4, 1_204].map(rateText)).toEqual(['0', '0.4', '10.0', '63', '1,204'])
})

test('a latency that was not measured is a dash', () => {
  expect([null, 1.26, 85.3, 1_500].map(latencyText)).toEqual(['-', '1.3 ms', '85 ms', '1.5 s'])
})
