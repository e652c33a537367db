import { describe, expect, test } from 'vitest'
import { conditionProblem } from './condition.ts'

describe("an alert's condition", () => {
  test.each([
    'rate(errors{service="web"}[3m]) > 1%',
    'p95(latency[5m])>250ms',
    ' max( memory { service = "web" , instance="x" } [ 1h ] ) >= 2GiB ',
    'count(failedRequests[1m]) > 0',
  ])('%s can be watched', (condition) => {
    expect(conditionProblem(condition, ['web'])).toBeUndefined()
  })

  test.each([
    ['rate(erors[3m]) > 1%', 'cannot-measure'],
    ['rat(errors[3m]) > 1%', 'bad-expression'],
    ['rate(errors) > 1%', 'bad-expression'],
    ['rate(errors{service="api"}[3m]) > 1%', 'unknown-service'],
    ['rate(errors{servce="web"}[3m]) > 1%', 'bad-expression'],
    ['rate(errors{service=web}[3m]) > 1%', 'bad-expression'],
    ['errors', 'bad-expression'],
    [`rate(errors${' '.repeat(100_000)}`, 'bad-expression'],
  ])('%s cannot: %s', (condition, code) => {
    expect(conditionProblem(condition, ['web'])?.code).toBe(code)
  })
})
