import { Bounds } from '../base/bounds.ts'
import type { Clock } from '../base/clock.ts'
import type { EventLoopWatch } from '../base/event-loop.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { accessRoutes } from '../parts/access/routes.ts'
import type { Backend } from '../parts/ingress/model.ts'
import type { AppCell } from '../parts/tenants/model.ts'
import type { Snapshot, State } from '../store/port.ts'
import type { RouteDefinition } from '../wire/route.ts'
import { Assignments } from './assignments.ts'
import { Authentication } from './authentication.ts'
import { ControllerHost, type AnyController } from './controllers.ts'
import { FailedAttempts } from './failed-attempts.ts'
import { Idempotency } from './idempotency.ts'
import { measureRoutes } from './measures.ts'
import { RefusalAudit } from './refusal-audit.ts'
import { serverRoutes } from './routes.ts'
import { RoutingTable } from './routing-table.ts'
import { Watch } from './watch.ts'

/**
 * The server without its sockets: the control loops, the projections that agents and ingresses ask
 * for, and the table of routes with all that stands before them. `server.ts` puts HTTP around it,
 * `in-process.ts` nothing at all, for the simulator.
 */

/** What the parts' routes are made of; the server knows no part by name but access. */
export interface RoutePieces {
  /** Commits through it carry the idempotency key of the request under way. */
  readonly state: State
  readonly assignments: Assignments
  readonly table: RoutingTable
}

export interface CoreOptions {
  readonly state: State
  /** The parts' routes; the server's own are added. */
  readonly routes: (pieces: RoutePieces) => readonly RouteDefinition[]
  readonly controllers: readonly AnyController[]
  readonly backendOf: (snapshot: Snapshot, at: AppCell, service: string) => Backend | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** How browsers reach it; `https` behind a proxy that ends TLS. */
  readonly scheme: 'http' | 'https'
  /** Where a person finds the token, for hints. */
  readonly tokenPlace: string
  readonly version: string
  /** Where everything that grows tells how full it is. */
  readonly bounds?: Bounds | undefined
  readonly eventLoop?: EventLoopWatch | undefined
}

export interface ServerCore {
  /** All routes that it answers by, with their rules. */
  readonly routes: readonly RouteDefinition[]
  /** What routes commit through. */
  readonly state: State
  readonly authentication: Authentication
  readonly idempotency: Idempotency
  /** Is told of every request that fails. */
  readonly refusals: RefusalAudit
  /** Starts the control loops: as soon as the server can be asked. */
  start(): void
  /** Ends the control loops, once nothing is asked any more. */
  stop(): Promise<void>
}

/** Puts the server together; `openApi` gives the API's description as JSON text. */
export function openCore(options: CoreOptions, openApi: () => Promise<string>): ServerCore {
  const { state: records, clock, random, log, scheme, tokenPlace, version } = options
  const { snapshot } = records
  const { controllers } = options
  const host = new ControllerHost({ state: records, controllers, clock, random, log })
  const table = new RoutingTable({ snapshot, clock, backendOf: options.backendOf })
  const assignments = new Assignments(snapshot, clock)
  const watch = new Watch(snapshot, clock)
  const unsubscribe = records.subscribe((change) => {
    table.notice(change)
    assignments.notice(change)
    watch.notice(change)
  })
  const failures = new FailedAttempts(clock)
  const countFailure = (address: string): void => failures.count(address)
  const idempotency = new Idempotency(records, clock)
  const { state } = idempotency
  const refusals = new RefusalAudit({ state: records, clock, log })
  const { bounds = new Bounds(), eventLoop } = options
  bounds.addAll(host, watch, failures, idempotency, refusals)
  const measures = { bounds, snapshot, clock, eventLoop, controllers: () => host.counts() }
  const startedAt = clock.now()
  const plans = () => host.plans()
  return {
    routes: [
      ...options.routes({ state, assignments, table }),
      ...accessRoutes({ state, clock, random, scheme, countFailure }),
      watch.route(),
      ...measureRoutes(measures),
      ...serverRoutes({ snapshot, version, startedAt, clock, isReady: () => true, plans, openApi }),
    ],
    state,
    authentication: new Authentication({ snapshot, clock, scheme, tokenPlace, failures }),
    idempotency,
    refusals,
    start: () => host.start(),
    async stop() {
      await host.stop()
      await refusals.flush()
      unsubscribe()
    },
  }
}
