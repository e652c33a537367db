import { describe, expect, test } from 'vitest'
import { Fault } from '../base/errors.ts'
import { emptyHistogram } from '../base/histogram.ts'
import { silentLog } from '../base/log.ts'
import { VirtualClock } from '../base/virtual-clock.ts'
import type { CounterSeries, IngressReport } from '../parts/ingress/model.ts'
import { Reporter } from './reporter.ts'

function aSeries(backendId: string, sent = 0): CounterSeries {
  const failed = { noServer: 0, refused: 0, reset: 0, timedOut: 0, cut: 0 }
  const counters = {
    sent,
    answered: 0,
    failed,
    retried: 0,
    clientAborted: 0,
    appErrors: 0,
    latency: emptyHistogram(),
  }
  return { backendId, pool: 'online', instanceId: null, releaseId: null, counters }
}

/** A reporter over counts that the test changes, and a server that the test makes fail. */
function aReporter(all: CounterSeries[]) {
  const clock = new VirtualClock()
  const reports: IngressReport[] = []
  const server = { isAway: false, asksForAll: false, asksForTable: false }
  const table = { revision: 1, askedAgain: 0 }
  const reporter = new Reporter({
    link: {
      async report(report) {
        reports.push(structuredClone(report))
        if (server.isAway) throw new Fault('server-unreachable', 'no answer')
        return { full: server.asksForAll, tableAgain: server.asksForTable }
      },
    },
    driver: { observe: async () => ({ series: all, leaving: {}, troubles: [] }) },
    incarnation: 'one',
    appliedRevision: () => table.revision,
    table: () => ({ version: table.revision, digest: 'd' }),
    onTableAgain: () => table.askedAgain++,
    clock,
    log: silentLog,
  })
  const told = (): string[][] => reports.map(({ series }) => series.map((one) => one.backendId))
  return { reporter, reports, told, server, clock, table }
}

describe('reporter', () => {
  test('tells all series first, and from then on those that changed', async () => {
    const [a, b] = [aSeries('a'), aSeries('b')]
    const { reporter, told, reports } = aReporter([a, b])
    await reporter.reportOnce()
    await reporter.reportOnce()
    b.counters.sent++
    await reporter.reportOnce()
    expect(told()).toEqual([['a', 'b'], [], ['b']])
    expect(reports.map(({ sequence }) => sequence)).toEqual([0, 1, 2])
  })

  test('tells which table it has, and asks for it again when the server says so', async () => {
    const { reporter, reports, server, table } = aReporter([])
    await reporter.reportOnce()
    server.asksForTable = true
    await reporter.reportOnce()
    expect(reports[0]?.table).toEqual({ version: 1, digest: 'd' })
    expect(table.askedAgain).toBe(1)
  })

  test('tells a series again until a report with it was taken', async () => {
    const [a, b] = [aSeries('a'), aSeries('b')]
    const { reporter, told, reports, server } = aReporter([a, b])
    await reporter.reportOnce()
    server.isAway = true
    a.counters.sent = 5
    await reporter.reportOnce()
    a.counters.failed.reset = 1
    await reporter.reportOnce()
    server.isAway = false
    await reporter.reportOnce()
    await reporter.reportOnce()
    expect(told().slice(1)).toEqual([['a'], ['a'], ['a'], []])
    expect(reports[3]?.series[0]?.counters).toMatchObject({ sent: 5, failed: { reset: 1 } })
  })

  test('tells all series again when the server asks for them', async () => {
    const { reporter, told, server } = aReporter([aSeries('a')])
    await reporter.reportOnce()
    server.asksForAll = true
    await reporter.reportOnce()
    server.asksForAll = false
    await reporter.reportOnce()
    expect(told()).toEqual([['a'], [], ['a']])
  })

  test('reports each second, and at once when told to hurry', async () => {
    const { reporter, reports, clock, table } = aReporter([])
    const ending = new AbortController()
    const running = reporter.run(ending.signal)
    await clock.advance(2_500)
    expect(reports.length).toBe(3)
    table.revision = 2
    reporter.hurry()
    await clock.advance(0)
    expect(reports.map(({ appliedRevision }) => appliedRevision)).toEqual([1, 1, 1, 2])
    ending.abort()
    await running
  })

  test('does not hurry a server that is away', async () => {
    const { reporter, reports, clock, server } = aReporter([])
    server.isAway = true
    const ending = new AbortController()
    const running = reporter.run(ending.signal)
    await clock.advance(0)
    for (let count = 0; count < 20; count++) {
      await clock.advance(10)
      reporter.hurry()
    }
    expect(reports.length).toBeLessThan(5)
    ending.abort()
    await running
  })
})
