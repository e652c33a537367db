import { describe, expect, test } from 'vitest'
import { checkResultsMax, streakOf, withResult, type CheckResult } from './check-results.ts'

function results(...asked: [askedAt: number, ok: boolean][]): readonly CheckResult[] {
  return asked.reduce<readonly CheckResult[]>(
    (all, [askedAt, ok]) => withResult(all, { askedAt, ok, because: `at ${askedAt}` }),
    [],
  )
}

describe('streakOf', () => {
  test('counts the newest results that agree', () => {
    expect(streakOf(results([1, true], [2, false], [3, false]))).toEqual({
      ok: false,
      length: 2,
      because: 'at 3',
    })
  })

  test('a late time-out of an earlier check does not end a streak of newer successes', () => {
    expect(streakOf(results([1, true], [3, true], [4, true], [2, false]))).toMatchObject({
      ok: true,
      length: 2,
    })
  })

  test('says nothing of nothing', () => {
    expect(streakOf([])).toBe(undefined)
  })

  test('the oldest results are dropped beyond the bound', () => {
    const many = Array.from(
      { length: checkResultsMax + 5 },
      (_, at) => [at, true] as [number, boolean],
    )
    expect(streakOf(results(...many))?.length).toBe(checkResultsMax)
  })
})
