import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addHistogram, emptyHistogram, percentile, record, subtractHistogram } from './histogram.ts'

const durations = fc.array(fc.double({ min: 0.3, max: 90_000, noNaN: true }), { minLength: 1 })

it('gives percentiles right to within one bucket of 15 %', () => {
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.95, 0.99), (values, quantile) => {
      const histogram = of(values)
      const sorted = values.toSorted((a, b) => a - b)
      const exact = sorted[Math.max(0, Math.ceil(quantile * sorted.length) - 1)] ?? 0
      const found = percentile(histogram, quantile) ?? 0
      expect(found).toBeGreaterThan(exact / 1.16)
      expect(found).toBeLessThan(exact * 1.16)
    }),
  )
})

it('gives back what came in between when the earlier is subtracted from the later', () => {
  fc.assert(
    fc.property(durations, durations, (before, after) => {
      const later = of(before)
      addHistogram(later, of(after))
      expect(subtractHistogram(later, of(before))).toEqual(of(after))
    }),
  )
})

it('has no percentile while it is empty, and keeps what is beyond its range', () => {
  expect(percentile(emptyHistogram(), 0.99)).toBeNull()
  expect(percentile(of([1e9]), 0.5)).toBeGreaterThan(90_000)
  expect(percentile(of([0, -1, Number.NaN]), 0.5)).toBeLessThanOrEqual(0.2)
})

function of(values: readonly number[]): number[] {
  const histogram = emptyHistogram()
  for (const value of values) record(histogram, value)
  return histogram
}
