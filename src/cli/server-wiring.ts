import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../base/clock.ts'
import { openLog, type Log } from '../base/log.ts'
import { systemRandom } from '../base/random.ts'
import { openFileBlobStore } from '../drivers/artifacts/file-blob-store.ts'
import { sessionKind, tokenKind } from '../parts/access/records.ts'
import { appsController } from '../parts/apps/controller.ts'
import { appKind, releaseKind } from '../parts/apps/records.ts'
import { deployRoute } from '../parts/apps/routes-deploy.ts'
import { appRoutes } from '../parts/apps/routes.ts'
import { artifactsController, sweepBlobs } from '../parts/artifacts/controller.ts'
import type { BlobStore } from '../parts/artifacts/driver.ts'
import { artifactKind } from '../parts/artifacts/records.ts'
import { artifactRoutes } from '../parts/artifacts/routes.ts'
import { ArtifactUsage } from '../parts/artifacts/usage.ts'
import { auditRoutes } from '../parts/audit/routes.ts'
import { discoveryController } from '../parts/discovery/controller.ts'
import { listenerKind, listenerPortKind } from '../parts/discovery/records.ts'
import { backendOf } from '../parts/ingress/records.ts'
import { ingressRoutes } from '../parts/ingress/routes.ts'
import { TrafficHistory } from '../parts/ingress/traffic.ts'
import { instancesController } from '../parts/instances/controller.ts'
import { instanceKind } from '../parts/instances/records.ts'
import { agentRoutes } from '../parts/instances/routes-agent.ts'
import { instanceRoutes } from '../parts/instances/routes.ts'
import { nodesController } from '../parts/nodes/controller.ts'
import { nodeKind } from '../parts/nodes/records.ts'
import { nodeRoutes } from '../parts/nodes/routes.ts'
import { rolloutsController } from '../parts/rollouts/controller.ts'
import { rolloutKind } from '../parts/rollouts/records.ts'
import { rolloutRoutes } from '../parts/rollouts/routes.ts'
import { schedulingController } from '../parts/scheduling/controller.ts'
import { schedulingRoutes } from '../parts/scheduling/routes.ts'
import { NodeUsage } from '../parts/scheduling/usage.ts'
import type { AnyController } from '../server/controllers.ts'
import { idempotencyKind } from '../server/idempotency.ts'
import { startServer, type RoutePieces } from '../server/server.ts'
import { ensureTokens } from '../server/tokens.ts'
import { ObservedState } from '../store/observed.ts'
import type { Kind, Leadership, Store } from '../store/port.ts'
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts'
import { openState, type OpenState } from '../store/state.ts'
import { openFileLogStore } from '../telemetry/logs/file-log-store.ts'
import type { LogStore } from '../telemetry/logs/port.ts'
import { logRoutes } from '../telemetry/logs/routes.ts'
import type { RouteDefinition } from '../wire/route.ts'
import { programVersion } from './program-version.ts'
import type { ServerCommandOptions } from './server.ts'

/** The one place where the server's parts, drivers and settings meet. */

/** Every kind of record that the store may hold. */
const kinds = [
  appKind,
  releaseKind,
  artifactKind,
  rolloutKind,
  instanceKind,
  nodeKind,
  listenerKind,
  listenerPortKind,
  tokenKind,
  sessionKind,
  idempotencyKind,
] as unknown as readonly Kind<never>[]

/** The minute before a rollout, in ms. */
const minuteMs = 60_000

/** What holds the server's data, opened. */
interface Stores {
  readonly state: OpenState
  readonly observed: ObservedState
  readonly blobs: BlobStore
  readonly logs: LogStore
}

/** Runs the server until it is told to stop, or its store is lost. */
export async function runServer(options: ServerCommandOptions): Promise<void> {
  const log = openLog('server', options.logLevel)
  const stopping = stopSignal(options.supervised === true)
  const data = resolve(options.data)
  const folder = join(data, 'server')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const store = await openSqliteStore({ file: join(folder, 'state.db'), clock: systemClock, log })
  const leadership = await store.campaign(stopping)
  const stores = await openStores(store, leadership, folder, log)
  const tokens = join(data, 'tokens')
  const { state, logs } = stores
  await ensureTokens({ state, directory: tokens, clock: systemClock, random: systemRandom })
  const server = await startServer({
    ...compose(options, stores, log),
    state,
    backendOf,
    clock: systemClock,
    random: systemRandom,
    log,
    listen: { host: options.host, port: options.port },
    scheme: options.https === true ? 'https' : 'http',
    tokenPlace: join(tokens, 'operator'),
    consoleDirectory: consoleDirectory(),
    version: programVersion,
  })
  await untilAborted(AbortSignal.any([stopping, leadership.lost]))
  const isLost = leadership.lost.aborted && !stopping.aborted
  log[isLost ? 'error' : 'info'](isLost ? 'leadership lost' : 'server stops')
  await server.stop()
  await state.close()
  await logs.close()
  await store.close()
  process.exit(isLost ? 1 : 0)
}

async function openStores(
  store: Store,
  leadership: Leadership,
  folder: string,
  log: Log,
): Promise<Stores> {
  const clock = systemClock
  const observed = new ObservedState(clock)
  const state = await openState({ store, kinds, clock, observations: observed, log, leadership })
  const blobs = await openFileBlobStore({ directory: join(folder, 'artifacts') })
  const swept = await sweepBlobs(state.snapshot, blobs)
  if (swept > 0) log.info('artifacts without a record swept', { swept })
  const logs = await openFileLogStore({ directory: join(folder, 'logs'), clock, log })
  return { state, observed, blobs, logs }
}

type Composition = Pick<Parameters<typeof startServer>[0], 'routes' | 'controllers'>

/** Routes and controllers of all parts. */
function compose(options: ServerCommandOptions, stores: Stores, log: Log): Composition {
  const { state, observed, blobs, logs } = stores
  const { snapshot } = state
  const clock = systemClock
  const random = systemRandom
  const traffic = new TrafficHistory()
  const nodes = new NodeUsage(state)
  const artifacts = new ArtifactUsage(state)
  const rates = (backendId: string) => traffic.rates(backendId, clock.now())
  const lastMinute = (backendIds: readonly string[]) =>
    traffic.windowSince(backendIds, clock.now() - minuteMs, clock.now())
  const controllers = [
    appsController(state),
    artifactsController({ state, blobs, usage: artifacts }),
    discoveryController({ state, ports: options.listenerPorts }),
    instancesController({ state, clock, random }),
    nodesController(state, clock),
    rolloutsController({ state, clock, random, lastMinute }),
    schedulingController({ state, clock, usage: nodes }),
  ] as unknown as AnyController[]
  const { ingressUrl } = options
  const routes = ({ state: routed, assignments, table }: RoutePieces): RouteDefinition[] => [
    ...appRoutes({ state: routed, clock, random, rates, ingressUrl }),
    deployRoute({ state: routed, clock, random }),
    ...rolloutRoutes({ state: routed, clock, lastMinute }),
    ...instanceRoutes({ snapshot }),
    ...schedulingRoutes({ state: routed, clock, usage: nodes }),
    ...nodeRoutes({ snapshot, clock }),
    ...auditRoutes({ state: routed }),
    ...artifactRoutes({ state: routed, blobs, clock, usage: artifacts }),
    ...logRoutes({ logs, state: routed, clock }),
    ...agentRoutes({ state: routed, clock, log, assignments, agents: observed, logs }),
    ...ingressRoutes({
      snapshot,
      clock,
      table,
      traffic,
      hear: (id, report) => observed.hearIngress(id, report),
    }),
  ]
  return { routes, controllers }
}

/** The built console: beside the bundle, or in the checkout's dist/ when run from source. */
function consoleDirectory(): string {
  const beside = fileURLToPath(new URL('./console', import.meta.url))
  return existsSync(join(beside, 'index.html'))
    ? beside
    : fileURLToPath(new URL('../../dist/console', import.meta.url))
}

/** Aborts on SIGTERM, SIGINT, and, supervised, when the supervisor's channel closes. */
function stopSignal(isSupervised: boolean): AbortSignal {
  const controller = new AbortController()
  const stop = (): void => controller.abort(new Error('told to stop'))
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  if (isSupervised) {
    process.once('disconnect', stop)
    if (process.connected !== true) stop()
  }
  return controller.signal
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
}
