import * as fc from 'fast-check'
import Value from 'typebox/value'
import { describe, expect, test } from 'vitest'
import { addHistogram, emptyHistogram, record } from '../../base/histogram.ts'
import { JudgeReport } from './judge-model.ts'
import { earlyLooksMax, judge, judgeEarly, type GroupCounts, type JudgeAmid } from './plan-judge.ts'

const empty: GroupCounts = { answered: 0, appErrors: 0, failed: 0, latency: emptyHistogram() }

function withErrors(answered: number, appErrors: number): GroupCounts {
  return { ...empty, answered, appErrors }
}

/** A small generator of numbers from 0 to 1 (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface World {
  readonly requests: number
  readonly errors?: number
  readonly slower?: number
}

/** Log-normal latencies around 40 ms, as services have them. */
function drawn(random: () => number, { requests, errors = 0, slower = 1 }: World): GroupCounts {
  const latency = emptyHistogram()
  let appErrors = 0
  for (let request = 0; request < requests; request++) {
    if (random() < errors) appErrors++
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    record(latency, slower * 40 * Math.exp(0.6 * normal))
  }
  return { answered: requests, appErrors, failed: 0, latency }
}

function added(a: GroupCounts, b: GroupCounts): GroupCounts {
  const latency = [...a.latency]
  addHistogram(latency, b.latency)
  return {
    answered: a.answered + b.answered,
    appErrors: a.appErrors + b.appErrors,
    failed: a.failed + b.failed,
    latency,
  }
}

function counted(
  worlds: number,
  verdictOf: (random: () => number) => string,
  wanted: string,
): number {
  const random = seeded(7)
  let count = 0
  for (let world = 0; world < worlds; world++) if (verdictOf(random) === wanted) count++
  return count
}

/** What a binomial with this chance exceeds once in ten thousand times at the most. */
function upperBound(worlds: number, chance: number): number {
  return worlds * chance + 3.8 * Math.sqrt(worlds * chance * (1 - chance))
}

describe('the judge', () => {
  test('fails a canary with clearly more errors, and says so in a sentence', () => {
    const report = judge(withErrors(1_000, 40), withErrors(1_000, 2), { errors: 0.001 })
    expect(report.verdict).toBe('fail')
    expect(report.because).toMatch(
      /^errors 4 % against 0.2 % is over \+0.1 % \(99\.\d+ % sure\), after 1000/,
    )
    expect(report.findings[0]).toMatchObject({ canary: 0.04, baseline: 0.002, moreRequests: null })
    expect(Value.Check(JudgeReport, report)).toBe(true)
  })

  test('counts requests that broke at an instance like errors', () => {
    const canary = { ...withErrors(960, 0), failed: 40 }
    expect(judge(canary, withErrors(1_000, 0), { errors: 0.001 }).verdict).toBe('fail')
  })

  test('passes equals once enough was asked, and not before', () => {
    expect(judge(withErrors(49, 0), withErrors(49, 0), { errors: 0.5 }).verdict).toBe(
      'inconclusive',
    )
    const few = judge(withErrors(500, 0), withErrors(500, 0), { errors: 0.001 })
    expect(few.verdict).toBe('inconclusive')
    const more = few.findings[0]?.moreRequests ?? 0
    const enough = withErrors(500 + more, 0)
    expect(judge(enough, enough, { errors: 0.001 }).verdict).toBe('pass')
  })

  test('is inconclusive without traffic, with a sentence and a number', () => {
    const report = judge(empty, empty, { errors: 0.001, p95: 0.2 })
    expect(report).toMatchObject({
      verdict: 'inconclusive',
      because: 'no request reached either group',
    })
    for (const { moreRequests, canary } of report.findings) {
      expect(moreRequests).toBeGreaterThanOrEqual(50)
      expect(canary).toBeNull()
    }
    expect(judge(empty, withErrors(100, 0), { errors: 0.1 }).because).toBe(
      'no request reached the canary',
    )
    expect(Value.Check(JudgeReport, report)).toBe(true)
  })

  test('sees a slower tail that leaves the middle as it was', () => {
    const random = seeded(1)
    const canary = drawn(random, { requests: 4_000 })
    for (let slow = 0; slow < 400; slow++) record(canary.latency as number[], 900)
    const baseline = drawn(random, { requests: 4_400 })
    const slowTail = { ...canary, answered: 4_400 }
    const report = judge(slowTail, baseline, { p50: 0.2, p95: 0.2 })
    expect(report.findings.map(({ verdict }) => verdict)).toEqual(['pass', 'fail'])
    expect(report.verdict).toBe('fail')
  })

  test('asks for no more than a million requests', () => {
    const equal = withErrors(1_000, 10)
    expect(judge(equal, equal, { errors: 0 }).findings[0]?.moreRequests).toBe(1_000_000)
  })

  test('says nothing of a criterion that nobody asked for', () => {
    expect(judge(withErrors(100, 0), withErrors(100, 0), {}).verdict).toBe('inconclusive')
  })
})

describe('an early look', () => {
  test('fails a wreck at once and passes nothing', () => {
    expect(judgeEarly(withErrors(60, 30), withErrors(60, 0), { errors: 0.01 }).verdict).toBe('fail')
    const good = withErrors(100_000, 0)
    expect(judgeEarly(good, good, { errors: 0.01 }).verdict).toBe('inconclusive')
  })

  test('needs more than the end does', () => {
    const [canary, baseline] = [withErrors(300, 9), withErrors(300, 1)]
    expect(judge(canary, baseline, { errors: 0 }).verdict).toBe('fail')
    expect(judgeEarly(canary, baseline, { errors: 0 }).verdict).toBe('inconclusive')
  })
})

describe('what else decides the same judging', () => {
  test('takes its share of the error: a later end, or one of many services, asks for more', () => {
    const verdictAmid = (amid: JudgeAmid): string =>
      judge(withErrors(300, 8), withErrors(300, 1), { errors: 0 }, amid).verdict
    expect(verdictAmid({})).toBe('fail')
    expect(verdictAmid({ services: 1, earlierEnds: 0 })).toBe('fail')
    expect(verdictAmid({ earlierEnds: 2 })).toBe('inconclusive')
    expect(verdictAmid({ services: 20 })).toBe('inconclusive')
    const equal = withErrors(3_400, 0)
    const passAmid = (amid: JudgeAmid): string =>
      judge(equal, equal, { errors: 0.001 }, amid).verdict
    expect(passAmid({})).toBe('pass')
    expect(passAmid({ earlierEnds: 1 })).toBe('inconclusive')
    // To pass it takes all services anyway.
    expect(passAmid({ services: 20 })).toBe('pass')
  })
})

describe('whatever was counted', () => {
  const groups = fc
    .tuple(fc.integer({ min: 0, max: 5_000 }), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([answered, share]) => withErrors(answered, Math.round(answered * share)))
  const limit = fc.double({ min: 0, max: 0.3, noNaN: true })

  test('more errors of the canary never make the verdict better', () => {
    const rank = { fail: 0, inconclusive: 1, pass: 2 }
    const worse = fc.integer({ min: 0, max: 500 })
    fc.assert(
      fc.property(groups, groups, limit, worse, (canary, baseline, errors, added) => {
        const appErrors = Math.min(canary.answered, canary.appErrors + added)
        const before = judge(canary, baseline, { errors }).verdict
        const after = judge({ ...canary, appErrors }, baseline, { errors }).verdict
        expect(rank[after]).toBeLessThanOrEqual(rank[before])
      }),
    )
  })

  test('a report is of its shape, its numbers within bounds, and early never harsher than late', () => {
    const latency = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 96, maxLength: 96 })
    fc.assert(
      fc.property(groups, groups, latency, latency, limit, (one, other, a, b, value) => {
        const canary = { ...one, latency: a }
        const baseline = { ...other, latency: b }
        const limits = { errors: value, p50: value, p99: value }
        const report = judge(canary, baseline, limits)
        expect(Value.Check(JudgeReport, report)).toBe(true)
        for (const finding of report.findings) {
          expect(finding.pValue).toBeGreaterThanOrEqual(0)
          expect(finding.pValue).toBeLessThanOrEqual(1)
          expect(finding.moreRequests ?? 1).toBeLessThanOrEqual(1_000_000)
        }
        if (judgeEarly(canary, baseline, limits).verdict === 'fail')
          expect(report.verdict).toBe('fail')
      }),
    )
  })
})

describe('the stated error', () => {
  const worlds = 300

  test('of a wrong fail holds for equals, with all limits and every early look', () => {
    const limits = { errors: 0, p50: 0, p95: 0, p99: 0 }
    const wrong = counted(
      worlds,
      (random) => {
        const world = { requests: 60, errors: 0.02 }
        let [canary, baseline] = [empty, empty]
        for (let look = 0; look < earlyLooksMax; look++) {
          canary = added(canary, drawn(random, world))
          baseline = added(baseline, drawn(random, world))
          if (judgeEarly(canary, baseline, limits).verdict === 'fail') return 'fail'
        }
        return judge(canary, baseline, limits).verdict
      },
      'fail',
    )
    expect(wrong).toBeLessThanOrEqual(upperBound(worlds, 0.05))
  })

  test('of a wrong verdict holds however often the end is put off', () => {
    const verdicts = { pass: 0, fail: 0, inconclusive: 0 }
    const random = seeded(11)
    for (let world = 0; world < worlds; world++) {
      let [canary, baseline] = [empty, empty]
      let verdict: keyof typeof verdicts = 'inconclusive'
      for (let earlierEnds = 0; earlierEnds < 4 && verdict === 'inconclusive'; earlierEnds++) {
        const requests = 200 * 2 ** Math.max(0, earlierEnds - 1)
        // Exactly on the limit: either verdict is wrong.
        canary = added(canary, drawn(random, { requests, errors: 0.08 }))
        baseline = added(baseline, drawn(random, { requests, errors: 0.05 }))
        verdict = judge(canary, baseline, { errors: 0.03 }, { earlierEnds }).verdict
      }
      verdicts[verdict]++
    }
    expect(verdicts.fail).toBeLessThanOrEqual(upperBound(worlds, 0.05))
    expect(verdicts.pass).toBeLessThanOrEqual(upperBound(worlds, 0.05))
    expect(verdicts.pass + verdicts.fail).toBeGreaterThan(0)
  })

  test('of a wrong pass holds for errors that stand exactly on the limit', () => {
    const wrong = counted(
      worlds,
      (random) => {
        const canary = drawn(random, { requests: 800, errors: 0.05 })
        const baseline = drawn(random, { requests: 800, errors: 0.02 })
        return judge(canary, baseline, { errors: 0.03 }).verdict
      },
      'pass',
    )
    expect(wrong).toBeLessThanOrEqual(upperBound(worlds, 0.05))
    expect(wrong).toBeGreaterThan(0)
  })

  test('of a wrong pass holds for a p95 that stands exactly on the limit', () => {
    const wrong = counted(
      worlds,
      (random) => {
        const canary = drawn(random, { requests: 800, slower: 1.2 })
        return judge(canary, drawn(random, { requests: 800 }), { p95: 0.2 }).verdict
      },
      'pass',
    )
    expect(wrong).toBeLessThanOrEqual(upperBound(worlds, 0.05))
    expect(wrong).toBeGreaterThan(0)
  })

  test('leaves it the power to fail what is half as slow again, and to pass equals', () => {
    const failed = counted(
      100,
      (random) => {
        const canary = drawn(random, { requests: 3_000, slower: 1.5 })
        return judge(canary, drawn(random, { requests: 3_000 }), { p95: 0.2 }).verdict
      },
      'fail',
    )
    const passed = counted(
      100,
      (random) => {
        const world = { requests: 3_000, errors: 0.005 }
        return judge(drawn(random, world), drawn(random, world), { errors: 0.01, p95: 0.2 }).verdict
      },
      'pass',
    )
    expect(failed).toBeGreaterThan(80)
    expect(passed).toBeGreaterThan(80)
  })
})
