import Type, { type Static } from 'typebox'
import { keyOf, type Key } from '../../base/key.ts'
import { AppCell } from '../tenants/model.ts'

/** An instance as the ingress sees it. */
export const Endpoint = Type.Object({
  instanceId: Type.String(),
  releaseId: Type.String(),
  address: Type.String(),
  port: Type.Integer(),
  /** Whether its agent's checks pass; one that is not ready serves only when no other is. */
  ready: Type.Boolean(),
})
export type Endpoint = Static<typeof Endpoint>

/**
 * Instances of the online pool that get a share of the customers' requests of their own, while a
 * rollout compares versions: `canary` runs the new one, `baseline` is as many fresh ones of the old.
 */
export const SplitGroup = Type.Object({
  name: Type.Enum(['canary', 'baseline']),
  /** 0 to 1; what the groups leave goes to the other instances of the pool. */
  share: Type.Number(),
  instanceIds: Type.Array(Type.String()),
})
export type SplitGroup = Static<typeof SplitGroup>

/** How customers' requests are divided among the online pool. */
export const Split = Type.Object({
  groups: Type.Array(SplitGroup),
  /** A customer stays on the side where he came first (the cookie `roadstead-side`). */
  sticky: Type.Boolean(),
})
export type Split = Static<typeof Split>

/**
 * Whoever sends this token in the header or cookie `roadstead-release` meets the instances of that
 * release, wherever they stand, and those of the online pool where it has none.
 */
export const TestPass = Type.Object({
  /** SHA-256 of the token, in hex: the ingress never learns the token itself. */
  digest: Type.String(),
  releaseId: Type.String(),
  /** Wall ms after which it is refused. */
  until: Type.Number(),
})
export type TestPass = Static<typeof TestPass>

/** A test link of an app, whose services all get its pass. Writer: the test link routes. */
export const TestLink = Type.Object({
  id: Type.String(),
  at: AppCell,
  ...TestPass.properties,
  createdBy: Type.String(),
  /** Wall ms. */
  createdAt: Type.Number(),
})
export type TestLink = Static<typeof TestLink>

/** Test links of one app in one cell at once; each is a pass in every row of its table. */
export const testLinksMax = 20

export function testLinkKey(at: AppCell, id: string): Key {
  const { tenant, environment, app } = at
  return keyOf({ kind: 'test-link', tenant, environment, app, name: id })
}

/** One service's instances by pool, with the ways that lead to them. */
export const Backend = Type.Object({
  /** `serviceName`: environment/tenant/app/service. */
  id: Type.String(),
  online: Type.Array(Endpoint),
  maintenance: Type.Array(Endpoint),
  /** Host and path of the public ingress, or null. */
  route: Type.Union([
    Type.Object({ host: Type.String(), path: Type.String(), expose: Type.String() }),
    Type.Null(),
  ]),
  /** Local ports for callers and for tests; null while none are given. */
  listener: Type.Union([
    Type.Object({ port: Type.Integer(), maintenancePort: Type.Integer() }),
    Type.Null(),
  ]),
  /** Missing: every instance of the online pool gets its part. */
  split: Type.Optional(Split),
  /** Missing: nobody is let in before customers are. */
  passes: Type.Optional(Type.Array(TestPass)),
})
export type Backend = Static<typeof Backend>

/**
 * What changed in the routing table since the version that the ingress asked with:
 * GET /v1/ingresses/{ingressId}/table?after=VERSION&waitMs=…, answered 200 or 204 (nothing new).
 */
export const TableDelta = Type.Object({
  /**
   * Ask with it (`after`) next time; 0 at first. It rises with every change of the table, those
   * that agents observe included, which are no commits. It means nothing to another server
   * process: one that does not know it answers in full.
   */
  version: Type.Integer(),
  /**
   * The store's revision that the table is true for after this delta: what the ingress reports as
   * `appliedRevision`. It may come alone, without any backend: report it all the same.
   */
  revision: Type.Integer(),
  /** True: `backends` is the whole table, and any other is to be forgotten. */
  full: Type.Boolean(),
  backends: Type.Array(Backend),
  /** Ids of backends that are no more. */
  removed: Type.Array(Type.String()),
})
export type TableDelta = Static<typeof TableDelta>

/** Why the platform failed a request (product.md: the app's own 5xx is no such failure). */
export const FailureCause = Type.Enum([
  /** The pool was empty. */
  'noServer',
  /** No connection could be made, not even after retrying elsewhere. */
  'refused',
  /** The connection broke before the answer was whole. */
  'reset',
  /** No answer within the time-out. */
  'timedOut',
  /** Cut by the ingress itself because its instance's drain time ran out. */
  'cut',
])
export type FailureCause = Static<typeof FailureCause>

/**
 * Counts of one series since the ingress process started; they only rise, so that a lost or
 * repeated report does no harm. `sent` = answered + failed + clientAborted + those under way.
 */
export const Counters = Type.Object({
  sent: Type.Integer(),
  answered: Type.Integer(),
  failed: Type.Object({
    noServer: Type.Integer(),
    refused: Type.Integer(),
    reset: Type.Integer(),
    timedOut: Type.Integer(),
    cut: Type.Integer(),
  }),
  /** Tried again on another instance; not failures, and not counted in `sent` again. */
  retried: Type.Integer(),
  /** The client went away first; nobody's failure. */
  clientAborted: Type.Integer(),
  /** Answers with a status of 500 and above: the app's own, counted in `answered`. */
  appErrors: Type.Integer(),
  /** base/histogram.ts: time from the request's arrival to the end of the answer. */
  latency: Type.Array(Type.Integer()),
})
export type Counters = Static<typeof Counters>

/** One series of counts: a backend's pool, in all (`instanceId` null) or of one instance. */
export const CounterSeries = Type.Object({
  backendId: Type.String(),
  pool: Type.Enum(['online', 'maintenance']),
  instanceId: Type.Union([Type.String(), Type.Null()]),
  releaseId: Type.Union([Type.String(), Type.Null()]),
  counters: Counters,
})
export type CounterSeries = Static<typeof CounterSeries>

/** What an ingress reports: every second, and at once when a table is applied or a drain is over. */
export const IngressReport = Type.Object({
  /** Made anew at each start: the counters begin at zero with it. */
  incarnation: Type.String(),
  sequence: Type.Integer(),
  /** The revision of the table that every new request has met since before this report. */
  appliedRevision: Type.Integer(),
  /** Requests under way per instance, for instances that are in no pool of the table any more. */
  leaving: Type.Record(Type.String(), Type.Integer()),
  /**
   * Series that changed since the last report that was acknowledged; cumulative values. All of
   * them in the first report of an incarnation, and whenever the last answer asked for `full`.
   */
  series: Type.Array(CounterSeries),
  /** The table that it has: the version of the delta that was applied last, and its digest. */
  table: Type.Optional(
    Type.Object({ version: Type.Integer(), digest: Type.String({ maxLength: 64 }) }),
  ),
  /** Listeners that could not be opened, with the reason. */
  troubles: Type.Array(Type.Object({ port: Type.Integer(), because: Type.String() })),
})
export type IngressReport = Static<typeof IngressReport>

/** The answer to a report; `full` asks for all series next (after a restart of the server). */
export const IngressReportAnswer = Type.Object({
  full: Type.Boolean(),
  /** The table that it reports is not the one that it was told: ask for all of it again. */
  tableAgain: Type.Optional(Type.Boolean()),
})
export type IngressReportAnswer = Static<typeof IngressReportAnswer>

/** Time between an ingress's reports when nothing urgent happens, in ms. */
export const ingressReportIntervalMs = 1_000

/** Silence after which an ingress is not waited for any more when an instance drains, in ms. */
export const ingressLostAfterMs = 5_000

/** All failures of the platform in `counters`, whatever their cause. */
export function failedOf(counters: Counters): number {
  const { noServer, refused, reset, timedOut, cut } = counters.failed
  return noServer + refused + reset + timedOut + cut
}
