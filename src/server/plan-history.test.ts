import { expect, test } from 'vitest'
import { PlanHistory } from './plan-history.ts'

const aPlan = (at: number) => ({
  controller: 'toy',
  key: 'a',
  at,
  because: `plan ${at}`,
  actions: 1,
  error: null,
})

test('a thousand plans are kept, the newest first', () => {
  const history = new PlanHistory()
  for (let at = 1; at <= 2_500; at++) history.add(aPlan(at))
  const kept = [...history.newestFirst()].map((plan) => plan.at)
  expect(kept).toHaveLength(1_000)
  expect(kept.slice(0, 3)).toEqual([2_500, 2_499, 2_498])
  expect(kept.at(-1)).toBe(1_501)
})
