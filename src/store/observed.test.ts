import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../base/virtual-clock.ts'
import type { CounterSeries, IngressReport } from '../parts/ingress/model.ts'
import type { ObservedInstance } from '../parts/instances/model.ts'
import { ObservedState, type NodeReport } from './observed.ts'
import type { Change } from './port.ts'

function anInstance(instanceId: string, changes: Partial<ObservedInstance> = {}): ObservedInstance {
  return {
    instanceId,
    state: 'ready',
    because: 'its checks pass',
    since: 1,
    runs: 1,
    pid: 42,
    lastExit: null,
    warmedUp: null,
    ...changes,
  }
}

function aReport(sequence: number, changes: Partial<NodeReport> = {}): NodeReport {
  return { incarnation: 'boot-1', sequence, portsTaken: [], full: true, instances: [], ...changes }
}

function aSeries(sent: number, instanceId: string | null = null): CounterSeries {
  const failed = { noServer: 0, refused: 0, reset: 0, timedOut: 0, cut: 0 }
  const rest = { retried: 0, clientAborted: 0, appErrors: 0, latency: [] }
  const counters = { sent, answered: sent, failed, ...rest }
  return {
    backendId: 'local/default/shop/web',
    pool: 'online',
    instanceId,
    releaseId: null,
    counters,
  }
}

function anIngressReport(sequence: number, changes: Partial<IngressReport> = {}): IngressReport {
  return {
    incarnation: 'start-1',
    sequence,
    appliedRevision: 0,
    leaving: {},
    series: [],
    troubles: [],
    ...changes,
  }
}

function anObservedState() {
  const clock = new VirtualClock()
  const observed = new ObservedState(clock)
  const heard: string[] = []
  observed.subscribe((change: Change) => {
    if (change.of === 'instance') heard.push(`instance ${change.instanceId}`)
    if (change.of === 'node') heard.push(`node ${change.nodeId}`)
    if (change.of === 'ingress') heard.push(`ingress ${change.ingressId}`)
  })
  /** What was heard since the last call. */
  return { clock, observed, news: () => heard.splice(0) }
}

describe('observed instances', () => {
  it('a heartbeat wakes nobody, and is noted all the same', async () => {
    const { clock, observed, news } = anObservedState()
    observed.hearNode('n1', aReport(1, { instances: [anInstance('i-1')] }))
    expect(news()).toEqual(['node n1', 'node n1', 'instance i-1'])
    await clock.advance(2_000)
    observed.hearNode('n1', aReport(2, { instances: [anInstance('i-1')] }))
    observed.hearNode('n1', aReport(3, { full: false }))
    expect(news()).toEqual([])
    expect(observed.node('n1')).toMatchObject({ sequence: 3, heardAt: clock.now() })
  })

  it('a change of one instance tells of that one', () => {
    const { observed, news } = anObservedState()
    observed.hearNode('n1', aReport(1, { instances: [anInstance('i-1'), anInstance('i-2')] }))
    news()
    const instances = [anInstance('i-2', { state: 'unhealthy' })]
    observed.hearNode('n1', aReport(2, { full: false, instances }))
    expect(news()).toEqual(['instance i-2'])
    expect(observed.instance('i-1')?.state).toBe('ready')
    expect(observed.instance('i-2')?.state).toBe('unhealthy')
  })

  it('ports that are taken stay the same list while the same is told of them', () => {
    const { observed } = anObservedState()
    observed.hearNode('n1', aReport(1, { portsTaken: [21_000] }))
    const before = observed.node('n1')?.portsTaken
    observed.hearNode('n1', aReport(2, { portsTaken: [21_000] }))
    expect(observed.node('n1')?.portsTaken).toBe(before)
    observed.hearNode('n1', aReport(3, { portsTaken: [21_001] }))
    expect(observed.node('n1')?.portsTaken).toEqual([21_001])
  })

  it('a report that comes late, or twice, is ignored', () => {
    const { observed, news } = anObservedState()
    observed.hearNode('n1', aReport(5, { instances: [anInstance('i-1')] }))
    news()
    const late = aReport(4, { instances: [anInstance('i-1', { state: 'starting' })] })
    expect(observed.hearNode('n1', late)).toBe('old')
    expect(observed.hearNode('n1', aReport(5))).toBe('old')
    expect(observed.instance('i-1')?.state).toBe('ready')
    expect(news()).toEqual([])
  })

  it('a new incarnation counts from the start; reports of the old one are old for ever', () => {
    const { observed } = anObservedState()
    observed.hearNode('n1', aReport(900, { instances: [anInstance('i-1')] }))
    observed.registerNode('n1', 'boot-2', '1.1')
    expect(observed.instance('i-1')).toBeDefined()
    const report = aReport(0, {
      incarnation: 'boot-2',
      instances: [anInstance('i-1', { runs: 2 })],
    })
    expect(observed.hearNode('n1', report)).toBe('heard')
    expect(observed.hearNode('n1', aReport(901))).toBe('old')
    expect(observed.instance('i-1')?.runs).toBe(2)
    expect(observed.node('n1')).toMatchObject({ incarnation: 'boot-2', version: '1.1' })
  })

  it('asks for a full report until it has had one of this incarnation', () => {
    const { observed } = anObservedState()
    expect(observed.hearNode('n1', aReport(1, { full: false }))).toBe('full')
    expect(observed.hearNode('n1', aReport(2))).toBe('heard')
    expect(observed.hearNode('n1', aReport(3, { full: false }))).toBe('heard')
    observed.registerNode('n1', 'boot-2', '1.0')
    const partial = aReport(1, { incarnation: 'boot-2', full: false })
    expect(observed.hearNode('n1', partial)).toBe('full')
  })

  it('a full report forgets the instances that it does not name', () => {
    const { observed, news } = anObservedState()
    observed.hearNode('n1', aReport(1, { instances: [anInstance('i-1'), anInstance('i-2')] }))
    news()
    observed.hearNode('n1', aReport(2, { instances: [anInstance('i-2')] }))
    expect(news()).toEqual(['instance i-1'])
    expect(observed.instance('i-1')).toBeUndefined()
  })

  it('a node cannot speak for the instances of another', () => {
    const { observed } = anObservedState()
    observed.hearNode('n1', aReport(1, { instances: [anInstance('i-1')] }))
    observed.hearNode('n2', aReport(1, { instances: [anInstance('i-1', { state: 'exited' })] }))
    observed.hearNode('n2', aReport(2))
    expect(observed.instance('i-1')?.state).toBe('ready')
  })

  it('tells when a node that was silent for long is heard again', async () => {
    const { clock, observed, news } = anObservedState()
    observed.hearNode('n1', aReport(1))
    news()
    await clock.advance(15_001)
    observed.hearNode('n1', aReport(2))
    expect(news()).toEqual(['node n1'])
  })

  it('holds no more nodes and ingresses than its bound, and those that it holds', () => {
    const { observed } = anObservedState()
    for (let n = 0; n <= 2_000; n++) {
      observed.registerNode(`n-${n}`, 'run-1', '1.0')
      observed.hearIngress(`in-${n}`, anIngressReport(1))
    }
    expect([observed.node('n-1999'), observed.ingress('in-1999')]).not.toContain(undefined)
    expect([observed.node('n-2000'), observed.ingress('in-2000')]).toEqual([undefined, undefined])
    expect(observed.hearNode('n-0', aReport(1))).toBe('heard')
  })

  it('holds no more instances of one node than its bound', () => {
    const { observed } = anObservedState()
    const instances = Array.from({ length: 10_001 }, (_, n) => anInstance(`i-${n}`))
    observed.hearNode('n1', aReport(1, { instances }))
    expect(observed.instance('i-9999')).toBeDefined()
    expect(observed.instance('i-10000')).toBeUndefined()
  })
})

describe('observed ingresses', () => {
  it('puts cumulative series together from reports that tell only what changed', () => {
    const { observed } = anObservedState()
    observed.hearIngress('in', anIngressReport(1, { series: [aSeries(3), aSeries(3, 'i-1')] }))
    observed.hearIngress('in', anIngressReport(2, { series: [aSeries(5)] }))
    const { series } = observed.ingress('in')!
    expect(
      [...series.values()].map(({ counters }) => counters.sent).toSorted((a, b) => a - b),
    ).toEqual([3, 5])
  })

  it('tells of traffic, of an applied table and of a drain that moves, not of a heartbeat', () => {
    const { observed, news } = anObservedState()
    const leaving = { 'i-1': 2 }
    const reports: Partial<IngressReport>[] = [
      {},
      {},
      { series: [aSeries(1)] },
      { appliedRevision: 7 },
      { appliedRevision: 7, leaving },
      { appliedRevision: 7, leaving },
      { appliedRevision: 7, leaving: {} },
    ]
    const told = reports.map((changes, index) => {
      observed.hearIngress('in', anIngressReport(index, changes))
      return news().length
    })
    expect(told).toEqual([1, 0, 1, 1, 1, 0, 1])
  })

  it('begins anew with each incarnation, and takes no late report of an earlier one', () => {
    const { observed } = anObservedState()
    observed.hearIngress('in', anIngressReport(9, { series: [aSeries(100)] }))
    const restarted = { incarnation: 'start-2', series: [aSeries(1, 'i-1')] }
    expect(observed.hearIngress('in', anIngressReport(0, restarted))).toBe('heard')
    expect(observed.hearIngress('in', anIngressReport(10))).toBe('old')
    expect(observed.ingress('in')?.series.size).toBe(1)
    expect([...observed.ingresses()].map(([id]) => id)).toEqual(['in'])
  })
})
