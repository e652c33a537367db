import { describe, expect, test } from 'vitest'
import { aboveOf, durationOf, mendedUnit, shareOf, sizeOf, type Unit } from './units.ts'

test('quantities become numbers in the units of the model', () => {
  expect(durationOf('250ms')).toBe(250)
  expect(durationOf('20s')).toBe(20_000)
  expect(durationOf('14d')).toBe(14 * 86_400_000)
  expect(sizeOf('256MiB')).toBe(268_435_456)
  expect(sizeOf('1GiB')).toBe(2 ** 30)
  expect(shareOf('65%')).toBe(0.65)
  expect(shareOf('+20%')).toBe(0.2)
  expect(aboveOf('> 10')).toBe(10)
})

describe('a slip of the pen is recognised', () => {
  const slips: readonly (readonly [Unit, string, string | undefined])[] = [
    ['duration', '20', '20s'],
    ['duration', '5 minutes', '5m'],
    ['duration', '1.5h', '5400s'],
    ['duration', '0.2s', '200ms'],
    ['duration', '2 weeks', '14d'],
    ['duration', 'soon', undefined],
    ['duration', '5 parsecs', undefined],
    ['size', '256', '256MiB'],
    ['size', '256M', '256MiB'],
    ['size', '1.5GB', '1536MiB'],
    ['size', '512k', '512KiB'],
    ['size', 'large', undefined],
    ['percent', '25', '25%'],
    ['percent', '0.65', '65%'],
    ['rise', '20%', '+20%'],
    ['budget', '1 per day', '1/day'],
    ['budget', '3', '3/day'],
    ['above', '5', '"> 5"'],
    ['cores', '250m', '0.25'],
    ['cores', '0.5', '0.5'],
    ['size', '1'.repeat(500_000), undefined],
  ]
  test.each(slips)('%s %j', (unit, written, meant) => {
    expect(mendedUnit(unit, written)).toBe(meant)
  })
})
