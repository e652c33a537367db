import { expect, test } from 'vitest'
import { statusText } from './status-line.ts'

test('the line sums up all apps', () => {
  const app = (failedTotal: number) => ({
    traffic: { requestsPerSecond: 31.4, sentTotal: 4_000, failedTotal },
    services: [{ ready: 2, wanted: 2 }],
  })
  const quiet = { traffic: null, services: [{ ready: 0, wanted: 1 }] }
  expect(statusText({ items: [app(0), app(3), quiet] })).toBe(
    '63 requests/s · 3 of 8,000 failed · 4 of 5 instances ready',
  )
})

test('without an answer it says that the apps go on', () => {
  expect(statusText(undefined)).toContain('the apps go on')
})
