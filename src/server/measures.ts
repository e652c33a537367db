import Type from 'typebox'
import type { Bounds } from '../base/bounds.ts'
import type { Clock } from '../base/clock.ts'
import type { EventLoopWatch } from '../base/event-loop.ts'
import { nodeLostAfterMs } from '../parts/nodes/model.ts'
import { nodeKind } from '../parts/nodes/records.ts'
import type { Snapshot } from '../store/port.ts'
import { BoundView } from '../wire/bounds.ts'
import { route, type RouteDefinition } from '../wire/route.ts'
import { metricsContentType, metricsText, type Family } from './metrics-text.ts'

export interface MeasuresOptions {
  readonly bounds: Bounds
  readonly snapshot: Snapshot
  readonly clock: Clock
  /** Undefined in a simulated world, which has no event loop of its own. */
  readonly eventLoop?: EventLoopWatch | undefined
  readonly controllers: () => readonly {
    readonly name: string
    readonly passes: number
    readonly failures: number
  }[]
}

const people = { roles: ['operator', 'developer', 'viewer'] } as const
const tag = 'server'

/** How full everything is that grows, and how the server does. */
export function measureRoutes(options: MeasuresOptions): RouteDefinition[] {
  return [boundsRoute(options), metricsRoute(options)]
}

function boundsRoute({ bounds }: MeasuresOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/bounds',
    rule: people,
    summary: 'Every queue, stream and history of the server with its bound, and how full it is.',
    tag,
    answers: { 200: Type.Object({ items: Type.Array(BoundView) }) },
    async handle() {
      return { body: { items: bounds.read() } }
    },
  })
}

function metricsRoute(options: MeasuresOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/metrics',
    rule: people,
    summary: 'The same and more, as Prometheus scrapes it.',
    tag,
    answers: { 200: Type.String() },
    async handle() {
      const headers = { 'content-type': metricsContentType }
      return { headers, body: metricsText(familiesOf(options)) }
    },
  })
}

function familiesOf(options: MeasuresOptions): Family[] {
  return [...boundFamilies(options), ...processFamilies(options), ...stateFamilies(options)]
}

function boundFamilies({ bounds }: MeasuresOptions): Family[] {
  const readings = bounds.read()
  const of = (
    name: string,
    help: string,
    type: Family['type'],
    field: 'used' | 'limit' | 'lost',
  ) => ({
    name,
    help,
    type,
    samples: readings.map((reading) => ({
      labels: { name: reading.name, unit: reading.unit },
      value: reading[field],
    })),
  })
  return [
    of('roadstead_bound_used', 'What is in a queue, stream or history now.', 'gauge', 'used'),
    of('roadstead_bound_limit', 'What it holds at the most.', 'gauge', 'limit'),
    of('roadstead_bound_lost_total', 'Refused or dropped since the start.', 'counter', 'lost'),
  ]
}

function processFamilies({ eventLoop }: MeasuresOptions): Family[] {
  const gauge = (name: string, help: string, value: number): Family => ({
    name,
    help,
    type: 'gauge',
    samples: [{ value }],
  })
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  const lag = eventLoop?.read()
  return [
    gauge('process_resident_memory_bytes', 'Resident memory of the server.', rss),
    gauge('nodejs_heap_size_used_bytes', 'Heap in use.', heapUsed),
    {
      name: 'process_cpu_seconds_total',
      help: 'Processor time of the server.',
      type: 'counter',
      samples: [{ value: (user + system) / 1e6 }],
    },
    ...(lag === undefined
      ? []
      : [
          gauge('nodejs_eventloop_lag_p99_seconds', 'Since the last scrape.', lag.p99Ms / 1e3),
          gauge('nodejs_eventloop_lag_max_seconds', 'Since the last scrape.', lag.maxMs / 1e3),
        ]),
  ]
}

function stateFamilies({ snapshot, clock, controllers }: MeasuresOptions): Family[] {
  const counts = controllers()
  const counter = (name: string, help: string, field: 'passes' | 'failures'): Family => ({
    name,
    help,
    type: 'counter',
    samples: counts.map((one) => ({ labels: { controller: one.name }, value: one[field] })),
  })
  const nodes = [...snapshot.list(nodeKind)]
  const silent = nodes.filter(({ value }) => {
    const heardAt = snapshot.observations.node(value.id)?.heardAt ?? snapshot.observations.since
    return clock.now() - heardAt > nodeLostAfterMs
  })
  return [
    counter('roadstead_controller_passes_total', 'Passes of the control loops.', 'passes'),
    counter('roadstead_controller_failures_total', 'Passes that failed.', 'failures'),
    {
      name: 'roadstead_commits_total',
      help: 'The revision of the newest commit.',
      type: 'counter',
      samples: [{ value: snapshot.revision }],
    },
    {
      name: 'roadstead_nodes',
      help: 'Nodes that are known, and those of them that are not heard.',
      type: 'gauge',
      samples: [
        { labels: { is: 'known' }, value: nodes.length },
        { labels: { is: 'silent' }, value: silent.length },
      ],
    },
  ]
}
