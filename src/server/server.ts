import type { AddressInfo } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { Fault, Refusal, systemCodeOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { State } from '../store/port.ts'
import { accessRoutes } from '../parts/access/routes.ts'
import type { Backend } from '../parts/ingress/model.ts'
import type { AppCell } from '../parts/tenants/model.ts'
import type { Snapshot } from '../store/port.ts'
import type { RouteDefinition } from '../wire/route.ts'
import { Assignments } from './assignments.ts'
import { Authentication } from './authentication.ts'
import { ControllerHost, type AnyController } from './controllers.ts'
import { FailedAttempts } from './failed-attempts.ts'
import { openHttp } from './http-kit.ts'
import { Idempotency } from './idempotency.ts'
import { WebPages } from './pages.ts'
import { serverRoutes } from './routes.ts'
import { RoutingTable } from './routing-table.ts'
import { Watch } from './watch.ts'

/** What the parts' routes are made of; the server knows no part by name but access. */
export interface RoutePieces {
  /** Commits through it carry the idempotency key of the request under way. */
  readonly state: State
  readonly assignments: Assignments
  readonly table: RoutingTable
}

export interface ServerOptions {
  readonly state: State
  /** The parts' routes; the kit's own are added. */
  readonly routes: (pieces: RoutePieces) => readonly RouteDefinition[]
  readonly controllers: readonly AnyController[]
  readonly backendOf: (snapshot: Snapshot, at: AppCell, service: string) => Backend | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly listen: { readonly host: string; readonly port: number }
  /** How browsers reach it; `https` behind a proxy that ends TLS. */
  readonly scheme: 'http' | 'https'
  /** Where a person finds the token, for hints. */
  readonly tokenPlace: string
  readonly consoleDirectory: string
  readonly version: string
}

export interface RunningServer {
  readonly host: string
  readonly port: number
  /** `http://127.0.0.1:7070`. */
  readonly url: string
  /** All routes that it answers by, with their rules. */
  readonly routes: readonly RouteDefinition[]
  /** Ends polls and streams, lets requests under way end, then the control loops. */
  stop(): Promise<void>
}

/** Requests under way get this long to end when the server stops, in ms. */
const stopGraceMs = 5_000

/** Starts the API, the console and the control loops; resolves when it answers. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { state, clock, random, log } = options
  const host = new ControllerHost({ state, controllers: options.controllers, clock, random, log })
  const table = new RoutingTable({
    snapshot: state.snapshot,
    clock,
    backendOf: options.backendOf,
  })
  const assignments = new Assignments(state.snapshot, clock)
  const watch = new Watch(state.snapshot, clock)
  const unsubscribe = state.subscribe((change) => {
    table.notice(change)
    assignments.notice(change)
    watch.notice(change)
  })
  const http = composeHttp(options, { host, table, assignments, watch })
  const { port } = await listen(http.app, options)
  host.start()
  const url = `${options.scheme}://${urlHost(options.listen.host)}:${port}`
  log.info('server listens', { url })
  return {
    host: options.listen.host,
    port,
    url,
    routes: http.routes,
    async stop() {
      await endHttp(http, clock)
      await host.stop()
      unsubscribe()
    },
  }
}

interface Projections {
  readonly host: ControllerHost
  readonly table: RoutingTable
  readonly assignments: Assignments
  readonly watch: Watch
}

function composeHttp(options: ServerOptions, { host, table, assignments, watch }: Projections) {
  const { clock, random, scheme, tokenPlace, version } = options
  const { snapshot } = options.state
  const failures = new FailedAttempts(clock)
  const idempotency = new Idempotency(options.state, clock)
  const { state } = idempotency
  const routes: RouteDefinition[] = [
    ...options.routes({ state, assignments, table }),
    ...accessRoutes({
      state,
      clock,
      random,
      scheme,
      countFailure: (address) => failures.count(address),
    }),
    watch.route(),
  ]
  const pages = new WebPages({ routes, version, consoleDirectory: options.consoleDirectory })
  routes.push(
    ...serverRoutes({
      snapshot,
      version,
      startedAt: clock.now(),
      isReady: () => true,
      plans: () => host.plans(),
      openApi: () => pages.openApi(),
    }),
  )
  const authentication = new Authentication({ snapshot, clock, scheme, tokenPlace, failures })
  const kit = openHttp({ ...options, state, routes, authentication, idempotency, pages })
  return { ...kit, routes }
}

async function listen(
  app: ReturnType<typeof openHttp>['app'],
  { listen: { host, port } }: ServerOptions,
): Promise<AddressInfo> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    if (systemCodeOf(cause) !== 'EADDRINUSE') {
      throw new Fault('listen-failed', `the server cannot listen on ${host}:${port}`, {
        cause,
        retry: 'never',
      })
    }
    throw new Refusal('port-taken', `port ${port} on ${host} is taken by another process`, {
      status: 409,
      hint: 'give another with --port, or end the process that holds it',
      details: { host, port },
    })
  }
  return app.server.address() as AddressInfo
}

async function endHttp(http: ReturnType<typeof composeHttp>, clock: Clock): Promise<void> {
  const patience = clock.after(stopGraceMs, () => http.app.server.closeAllConnections())
  await http.close()
  patience.cancel()
}

/** IPv6 addresses stand in brackets in a URL. */
function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
