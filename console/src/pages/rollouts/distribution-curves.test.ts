import { expect, test } from 'vitest'
import { curveOf, heightPx, ticksOf, widthPx } from './distribution-curves.ts'

const latency = [1, 2, 4, 8].map((untilMs, index) => ({
  untilMs,
  canary: [0, 10, 10, 0][index] ?? 0,
  baseline: [500, 500, 0, 0][index] ?? 0,
}))

test('two groups of other sizes have one scale: the share of their answers', () => {
  // A half each in two buckets: both reach the top.
  expect(curveOf(latency, 'canary')).toContain('V0H320')
  expect(curveOf(latency, 'baseline')).toContain('V0H160')
})

test('a curve ends where it began, and fills the box', () => {
  const curve = curveOf(latency, 'canary')
  expect(curve.startsWith(`M0 ${heightPx}`)).toBe(true)
  expect(curve.endsWith(`H${widthPx}V${heightPx}Z`)).toBe(true)
})

test('a group without answers is a flat line', () => {
  const none = latency.map((one) => ({ ...one, canary: 0 }))
  expect(curveOf(none, 'canary')).not.toContain('V0H')
})

test('a tick lies between the bounds of its bucket', () => {
  expect(ticksOf(latency)).toEqual([
    { ms: 1, x: 160 },
    { ms: 2, x: 320 },
    { ms: 5, x: expect.closeTo(531.5, 0) as number },
  ])
  expect(ticksOf([])).toEqual([])
})
