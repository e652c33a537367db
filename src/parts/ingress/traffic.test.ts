import { describe, expect, test } from 'vitest'
import { emptyHistogram, record } from '../../base/histogram.ts'
import { anIngressReport, aSeries } from '../../../test/fixtures/records.ts'
import { TrafficHistory } from './traffic.ts'

const start = Date.UTC(2026, 0, 1)

/** An ingress that reports its cumulative counts. */
function hear(
  history: TrafficHistory,
  second: number,
  sent: number,
  options: { failed?: number; incarnation?: string; sequence?: number; id?: string } = {},
): void {
  const { failed = 0, incarnation = 'boot-1', sequence = second + 1, id = 'ingress-1' } = options
  const series = [aSeries('web', sent, failed)]
  const report = anIngressReport({ incarnation, sequence, series })
  history.hear(id, report, start + second * 1_000)
}

describe('the traffic', () => {
  test('is nothing before anything was counted', () => {
    const history = new TrafficHistory()
    expect(history.rates('web', start)).toBeNull()
    expect(history.windowSince(['web'], start - 60_000, start)).toBeNull()
  })

  test('is a rate over the last ten whole seconds', () => {
    const history = new TrafficHistory()
    for (let second = 0; second <= 20; second++) hear(history, second, (second + 1) * 50, {})
    const rates = history.rates('web', start + 20_999)
    expect(rates).toMatchObject({ requestsPerSecond: 50, failedPerSecond: 0, sentTotal: 1_050 })
  })

  test('falls to zero when nothing comes any more, and keeps its totals', () => {
    const history = new TrafficHistory()
    hear(history, 0, 100, { failed: 7 })
    expect(history.rates('web', start + 60_000)).toMatchObject({
      requestsPerSecond: 0,
      p50Ms: null,
      sentTotal: 100,
      failedTotal: 7,
    })
  })

  test('of the minute before is counted, neither more nor less', () => {
    const history = new TrafficHistory()
    for (let second = 0; second < 200; second++) hear(history, second, (second + 1) * 10, {})
    const now = start + 199_500
    const window = history.windowSince(['web', 'other'], now - 60_000, now)
    expect(window?.sent).toBeGreaterThanOrEqual(600)
    expect(window?.sent).toBeLessThanOrEqual(610)
    expect(window).toMatchObject({ from: now - 60_000, until: now, failed: 0 })
  })

  test('adds the ingresses, and the backends asked for', () => {
    const history = new TrafficHistory()
    hear(history, 0, 10, { id: 'a' })
    hear(history, 0, 5, { id: 'b', failed: 2 })
    const window = history.windowSince(['web'], start - 1_000, start + 1_000)
    expect(window).toMatchObject({ sent: 15, failed: 2, causes: { reset: 2 } })
  })

  test('of an ingress that ran before this server is counted from when it is heard', () => {
    const history = new TrafficHistory()
    hear(history, 0, 1_000_000, { sequence: 900 })
    hear(history, 1, 1_000_003, { sequence: 901 })
    expect(history.windowSince(['web'], start - 60_000, start + 2_000)?.sent).toBe(3)
  })

  test('of an ingress that was started anew begins at zero', () => {
    const history = new TrafficHistory()
    hear(history, 0, 100)
    hear(history, 1, 4, { incarnation: 'boot-2', sequence: 3 })
    expect(history.windowSince(['web'], start - 60_000, start + 2_000)?.sent).toBe(104)
    expect(history.rates('web', start + 2_000)?.sentTotal).toBe(4)
  })

  test('counts a repeated report once', () => {
    const history = new TrafficHistory()
    hear(history, 0, 10)
    hear(history, 0, 10)
    expect(history.windowSince(['web'], start - 60_000, start + 1_000)?.sent).toBe(10)
  })

  test('has its percentiles from the window alone', () => {
    const history = new TrafficHistory()
    const latency = emptyHistogram()
    const tell = (second: number, count: number, ms: number): void => {
      for (let request = 0; request < count; request++) record(latency, ms)
      const series = aSeries('web', 100 * (second + 1))
      const counters = { ...series.counters, latency: [...latency] }
      const report = anIngressReport({ sequence: second + 1, series: [{ ...series, counters }] })
      history.hear('ingress-1', report, start + second * 1_000)
    }
    tell(0, 100, 900)
    for (let second = 1; second < 15; second++) tell(second, 100, 5)
    const p99 = history.rates('web', start + 15_000)?.p99Ms ?? 0
    expect(p99).toBeGreaterThan(3)
    expect(p99).toBeLessThan(8)
  })

  test('of single instances and of maintenance is left out', () => {
    const history = new TrafficHistory()
    const series = aSeries('web', 10)
    const report = anIngressReport({
      series: [
        { ...series, instanceId: 'i-1' },
        { ...series, pool: 'maintenance' },
      ],
    })
    history.hear('ingress-1', report, start)
    expect(history.rates('web', start)).toBeNull()
  })
})
