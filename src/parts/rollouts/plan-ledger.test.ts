import { describe, expect, it } from 'vitest'
import { record } from '../../base/histogram.ts'
import type { CounterSeries } from '../ingress/model.ts'
import { ledgerSince, tollSince, zeroCounters } from './plan-ledger.ts'

describe('a ledger', () => {
  it('counts what came in since the baseline, and nothing else', () => {
    const baseline = { at: 10, ingresses: { a: { incarnation: 'x', series: [series(100, 1)] } } }
    const now = [{ ingressId: 'a', incarnation: 'x', series: [series(150, 3)] }]
    const { during, gaps } = ledgerSince(baseline, now, 20)
    expect(during).toMatchObject({ from: 10, until: 20, sent: 50, failed: 2, causes: { reset: 2 } })
    expect(gaps).toEqual([])
  })

  it('adds up ingresses, and splits by service and by instance', () => {
    const one = [series(5, 0, 'web', 'i-1'), series(5, 0)]
    const two = [series(7, 0, 'web', 'i-1'), series(7, 0), series(3, 0, 'api')]
    const now = [
      { ingressId: 'a', incarnation: 'x', series: one },
      { ingressId: 'b', incarnation: 'y', series: two },
    ]
    const ledger = ledgerSince({ at: 0, ingresses: {} }, now, 1)
    expect(ledger.during?.sent).toBe(15)
    expect(ledger.instances.map(({ window }) => window.sent)).toEqual([12])
    expect(ledger.services.map(({ service, window }) => [service, window.sent])).toEqual([
      ['web', 12],
      ['api', 3],
    ])
  })

  it('says so when an ingress lost its counts', () => {
    const baseline = { at: 0, ingresses: { a: { incarnation: 'x', series: [series(9, 0)] } } }
    const restarted = [{ ingressId: 'a', incarnation: 'z', series: [series(2, 0)] }]
    const ledger = ledgerSince(baseline, restarted, 1)
    expect(ledger.during?.sent).toBe(2)
    expect(ledger.gaps).toHaveLength(1)
    expect(ledgerSince(baseline, [], 1).gaps).toHaveLength(1)
  })

  it('leaves the maintenance pool out', () => {
    const test = { ...series(4, 1), pool: 'maintenance' as const }
    const now = [{ ingressId: 'a', incarnation: 'x', series: [test] }]
    expect(ledgerSince({ at: 0, ingresses: {} }, now, 1).during?.sent).toBe(0)
  })

  it('is judged by a toll that says the same as its whole', () => {
    const baseline = { at: 10, ingresses: { a: { incarnation: 'x', series: [series(100, 1)] } } }
    const now = [
      { ingressId: 'a', incarnation: 'x', series: [series(150, 3), series(9, 9, 'web', 'i-1')] },
      { ingressId: 'b', incarnation: 'y', series: [series(7, 2), series(3, 0, 'api')] },
    ]
    const toll = tollSince(baseline, now)
    expect(toll).toEqual({ sent: 60, failed: 4, causes: { reset: 4 } })
    expect(ledgerSince(baseline, now, 20).during).toMatchObject(toll)
  })
})

function series(
  sent: number,
  reset: number,
  service = 'web',
  instanceId: string | null = null,
): CounterSeries {
  const counters = zeroCounters()
  counters.sent = sent
  counters.answered = sent - reset
  counters.failed.reset = reset
  for (let count = 0; count < sent - reset; count++) record(counters.latency, 5)
  const backendId = `local/default/shop/${service}`
  return { backendId, pool: 'online', instanceId, releaseId: null, counters }
}
