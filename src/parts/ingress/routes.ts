import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Snapshot } from '../../store/port.ts'
import { AppTrafficView } from '../../wire/api.ts'
import { ingressProtocol } from '../../wire/ingress-protocol.ts'
import { longPollQuery } from '../../wire/long-poll.ts'
import { machineParam } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import type { App } from '../apps/model.ts'
import { appKind } from '../apps/records.ts'
import { viewOfApp } from '../apps/view.ts'
import { IngressReport, IngressReportAnswer, TableDelta } from './model.ts'
import type { TrafficHistory } from './traffic.ts'

export interface IngressRoutesOptions {
  readonly snapshot: Snapshot
  readonly clock: Clock
  readonly table: TableSource
  /** Remembers what an ingress said; `old` when it had said something newer before. */
  readonly hear: (ingressId: string, report: IngressReport) => 'heard' | 'full' | 'old'
  readonly traffic: TrafficHistory
  readonly log: Log
}

/** The routing table, as the server keeps it. */
export interface TableSource {
  /** What is new after a version; undefined when nothing came within `waitMs`. */
  next(after: number, waitMs: number, signal: AbortSignal): Promise<TableDelta | undefined>
  /** Whether a table of this version and digest is what was told. */
  isSame(version: number, digest: string): boolean
}

const people = { roles: ['operator', 'developer', 'viewer'] } as const
const ingresses = { roles: ['ingress'] } as const
const params = Type.Object({ ingressId: machineParam })
const tag = 'ingress'

/** The ingress protocol, and the traffic that ingresses count. */
export function ingressRoutes(options: IngressRoutesOptions): RouteDefinition[] {
  return [tableRoute(options), reportRoute(options), trafficRoute(options)]
}

function tableRoute({ table }: IngressRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/ingresses/:ingressId/table',
    rule: ingresses,
    summary: 'What changed in the routing table after a version; waits for the next change.',
    tag,
    params,
    query: Type.Object({
      ...longPollQuery.properties,
      /** Of the ingress protocol; missing: 1. */
      protocol: Type.Optional(Type.Integer()),
    }),
    answers: { 200: TableDelta, 204: Type.Null() },
    async handle({ query, signal }) {
      checkProtocol(query.protocol ?? 1)
      const delta = await table.next(query.after ?? 0, query.waitMs ?? 0, signal)
      return delta === undefined ? { status: 204 } : { body: delta }
    },
  })
}

function reportRoute(options: IngressRoutesOptions): RouteDefinition {
  const { snapshot, clock, hear, traffic, table, log } = options
  return route({
    method: 'POST',
    path: '/v1/ingresses/:ingressId/report',
    rule: ingresses,
    summary: 'Takes in what an ingress has applied and counted.',
    tag,
    params,
    body: IngressReport,
    answers: { 200: IngressReportAnswer },
    bodyBytesMax: 16 * 1024 * 1024,
    async handle({ params: { ingressId }, body }) {
      const before = snapshot.observations.ingress(ingressId)
      const heard = hear(ingressId, body)
      if (heard !== 'old') traffic.hear(ingressId, body, clock.now())
      // Of an incarnation that is new here only the first report is sure to hold every series.
      const isNew = before?.incarnation !== body.incarnation && body.sequence > 1
      const full = heard === 'full' || isNew
      const told = body.table
      if (told === undefined || table.isSame(told.version, told.digest)) return { body: { full } }
      log.error('an ingress has another table than it was told', { ingressId, ...told })
      return { body: { full, tableAgain: true } }
    },
  })
}

function checkProtocol(protocol: number): void {
  const { oldest, newest } = ingressProtocol
  if (protocol >= oldest && protocol <= newest) return
  throw new Refusal('protocol-unsupported', `this server does not speak protocol ${protocol}`, {
    status: 426,
    hint: 'run server and ingress of versions that are at most one apart',
    details: { oldest, newest },
  })
}

function trafficRoute({ snapshot, clock, traffic }: IngressRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/traffic',
    rule: people,
    summary: 'Requests, failures and latency of every app over the last ten seconds.',
    tag,
    answers: { 200: Type.Object({ items: Type.Array(AppTrafficView) }) },
    async handle() {
      const now = clock.now()
      const apps = [...snapshot.list(appKind)].toSorted((a, b) => (a.key < b.key ? -1 : 1))
      return { body: { items: apps.map(({ value }) => trafficOf(value, snapshot, traffic, now)) } }
    },
  })
}

function trafficOf(
  app: App,
  snapshot: Snapshot,
  traffic: TrafficHistory,
  now: number,
): AppTrafficView {
  const view = viewOfApp(snapshot, app, {
    rates: (id) => traffic.rates(id, now),
    origins: { public: 'http://127.0.0.1' },
  })
  return {
    at: view.at,
    traffic: view.traffic,
    services: view.services.map(({ name, traffic: rates }) => ({ name, traffic: rates })),
  }
}
