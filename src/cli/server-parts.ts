import type { Bounds } from '../base/bounds.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { noCredentials } from '../base/registry-credentials.ts'
import { openRegistry } from '../drivers/registry/registry-client.ts'
import { inlineManifestReader } from '../drivers/manifests/inline-reader.ts'
import { sessionKind, tokenKind } from '../parts/access/records.ts'
import { tokenRoutes } from '../parts/access/routes-tokens.ts'
import { appsController } from '../parts/apps/controller.ts'
import type { ImageRegistry, ManifestReader } from '../parts/apps/driver.ts'
import { appKind, destroyedAppKind, releaseKind } from '../parts/apps/records.ts'
import { deployRoutes } from '../parts/apps/routes-deploy.ts'
import { explanationRoutes } from '../parts/apps/routes-explanation.ts'
import { destroyRoutes } from '../parts/apps/routes-destroy.ts'
import type { IntentOptions } from '../parts/apps/routes-intent.ts'
import { promoteRoutes } from '../parts/apps/routes-promote.ts'
import { appRoutes } from '../parts/apps/routes.ts'
import type { Origins } from '../parts/apps/view.ts'
import { artifactsController } from '../parts/artifacts/controller.ts'
import type { BlobStore } from '../parts/artifacts/driver.ts'
import { artifactKind } from '../parts/artifacts/records.ts'
import { artifactRoutes } from '../parts/artifacts/routes.ts'
import { ArtifactUsage } from '../parts/artifacts/usage.ts'
import type { AuditChain, Checkpoints } from '../parts/audit/driver.ts'
import { refusedAccessKind } from '../parts/audit/records.ts'
import { chainRoutes } from '../parts/audit/routes-chain.ts'
import { historyRoutes } from '../parts/audit/routes-history.ts'
import { auditRoutes } from '../parts/audit/routes.ts'
import type { BackupDriver } from '../parts/backups/driver.ts'
import { backupKind } from '../parts/backups/records.ts'
import { backupRoutes } from '../parts/backups/routes.ts'
import { execKind } from '../parts/execs/records.ts'
import { execRoutes } from '../parts/execs/routes.ts'
import { discoveryController } from '../parts/discovery/controller.ts'
import { listenerKind, listenerPortKind } from '../parts/discovery/records.ts'
import { testLinksController } from '../parts/ingress/controller.ts'
import { backendOf, testLinkKind } from '../parts/ingress/records.ts'
import { testLinkRoutes } from '../parts/ingress/routes-test-links.ts'
import { ingressRoutes, type IngressRoutesOptions } from '../parts/ingress/routes.ts'
import { TrafficHistory } from '../parts/ingress/traffic.ts'
import { Leases } from '../parts/instances/leases.ts'
import { instancesController } from '../parts/instances/controller.ts'
import { instanceKind, singletonEpochKind } from '../parts/instances/records.ts'
import { agentRoutes } from '../parts/instances/routes-agent.ts'
import { instanceRoutes } from '../parts/instances/routes.ts'
import { jobsController } from '../parts/jobs/controller.ts'
import { jobRunKind, jobStateKind } from '../parts/jobs/records.ts'
import { buildRoutes } from '../parts/jobs/routes-builds.ts'
import { jobRoutes } from '../parts/jobs/routes.ts'
import { nodesController } from '../parts/nodes/controller.ts'
import { findingKind, nodeKind } from '../parts/nodes/records.ts'
import { findingRoutes } from '../parts/nodes/routes-findings.ts'
import { nodeRoutes } from '../parts/nodes/routes.ts'
import { packingRoutes } from '../parts/nodes/routes-packing.ts'
import { rolloutsController } from '../parts/rollouts/controller.ts'
import { rolloutKind, schemaStageKind } from '../parts/rollouts/records.ts'
import { approveRoutes } from '../parts/rollouts/routes-approve.ts'
import { rolloutRoutes } from '../parts/rollouts/routes.ts'
import { schemaRoutes } from '../parts/rollouts/routes-schema.ts'
import { schedulingController } from '../parts/scheduling/controller.ts'
import { schedulingRoutes } from '../parts/scheduling/routes.ts'
import { NodeUsage } from '../parts/scheduling/usage.ts'
import { platformKind } from '../parts/tenants/records.ts'
import { platformRoutes } from '../parts/tenants/routes.ts'
import { volumeRoutes } from '../parts/volumes/routes.ts'
import { volumeKind } from '../parts/volumes/records.ts'
import type { AnyController } from '../server/controllers.ts'
import { idempotencyKind } from '../server/idempotency.ts'
import type { CoreOptions, RoutePieces } from '../server/core.ts'
import type { ObservedState } from '../store/observed.ts'
import type { Kind } from '../store/port.ts'
import type { OpenState } from '../store/state.ts'
import type { LogStore } from '../telemetry/logs/port.ts'
import { logRoutes } from '../telemetry/logs/routes.ts'
import type { RouteDefinition } from '../wire/route.ts'

/** The parts of the server, put together; what they store in is passed in. */

/** Every kind of record that the store may hold. */
export const recordKinds = [
  appKind,
  destroyedAppKind,
  releaseKind,
  artifactKind,
  rolloutKind,
  schemaStageKind,
  jobRunKind,
  jobStateKind,
  instanceKind,
  singletonEpochKind,
  nodeKind,
  volumeKind,
  findingKind,
  listenerKind,
  listenerPortKind,
  testLinkKind,
  tokenKind,
  sessionKind,
  idempotencyKind,
  backupKind,
  refusedAccessKind,
  execKind,
  platformKind,
] as unknown as readonly Kind<never>[]

/** The minute before a rollout, in ms. */
const minuteMs = 60_000

/** The audit chain and its checkpoints. */
export interface AuditFiles {
  readonly chain: AuditChain
  readonly checkpoints: Checkpoints
}

/** What holds the server's data, opened. */
export interface ServerStores {
  readonly state: OpenState
  readonly observed: ObservedState
  readonly blobs: BlobStore
  readonly logs: LogStore
  /** Makes backups; without one there is no route that does. */
  readonly backups?: BackupDriver
  /** Keeps what was sealed; without it there are no routes that show it. */
  readonly audit?: AuditFiles
}

/** What the parts need beyond the stores. */
export interface ServerSettings {
  readonly bounds?: Bounds | undefined
  /** Who reads manifests; without one they are read at once, on the caller's loop. */
  readonly manifests?: ManifestReader
  /** Who says what images are; without one every registry is asked without credentials. */
  readonly registry?: ImageRegistry
  readonly ingressUrl: string
  readonly privateUrl?: string | undefined
  readonly adminUrl?: string | undefined
  readonly listenerPorts: { readonly from: number; readonly to: number }
  /** How long a singleton runs on while its node is not heard; the controller's usual time. */
  readonly singletonLeaseMs?: number
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Where routes of each exposure are served. */
function originsOf({ ingressUrl, privateUrl, adminUrl }: ServerSettings): Origins {
  return { public: ingressUrl, private: privateUrl, admin: adminUrl }
}

/** Those that read manifests. */
function manifestRoutes(options: IntentOptions): RouteDefinition[] {
  return [...deployRoutes(options), ...promoteRoutes(options), ...explanationRoutes(options)]
}

/** Routes and controllers of all parts; `usage` is the scheduler's account of the nodes. */
export function composeServer(
  settings: ServerSettings,
  stores: ServerStores,
): Pick<CoreOptions, 'routes' | 'controllers' | 'backendOf'> & { readonly usage: NodeUsage } {
  const { clock, random, log, listenerPorts, singletonLeaseMs } = settings
  const { manifests = inlineManifestReader } = settings
  const { registry = openRegistry({ clock, credentials: noCredentials }) } = settings
  const { state, observed, blobs, logs, backups, audit } = stores
  const { snapshot } = state
  const leases = new Leases(clock)
  const singletons = singletonLeaseMs === undefined ? {} : { singletonLeaseMs }
  const traffic = new TrafficHistory()
  const nodes = new NodeUsage(state)
  const artifacts = new ArtifactUsage(state)
  const intents = { clock, random, usage: nodes, manifests, registry }
  const rates = (backendId: string) => traffic.rates(backendId, clock.now())
  const lastMinute = (backendIds: readonly string[]) =>
    traffic.windowSince(backendIds, clock.now() - minuteMs, clock.now())
  const hear: IngressRoutesOptions['hear'] = (id, report) => observed.hearIngress(id, report)
  const controllers = [
    appsController(state),
    artifactsController({ state, blobs, usage: artifacts }),
    discoveryController({ state, ports: listenerPorts }),
    instancesController({ state, clock, random, leases, ...singletons }),
    jobsController({ state, clock, random }),
    nodesController(state, clock),
    rolloutsController({ state, clock, random, lastMinute }),
    schedulingController({ state, clock, random, usage: nodes }),
    testLinksController(state),
  ] as unknown as AnyController[]
  const routes = ({ state: routed, assignments, table }: RoutePieces): RouteDefinition[] => [
    ...appRoutes({ ...settings, state: routed, rates }),
    ...destroyRoutes({ state: routed, clock, random }),
    ...manifestRoutes({ state: routed, ...intents }),
    ...approveRoutes({ state: routed, clock }),
    ...testLinkRoutes({ state: routed, clock, random, origins: originsOf(settings) }),
    ...rolloutRoutes({ state: routed, clock, lastMinute }),
    ...schemaRoutes({ state: routed, clock, random }),
    ...jobRoutes({ state: routed, clock, random, logs }),
    ...buildRoutes({ state: routed, clock, random, registry }),
    ...instanceRoutes({ state: routed, clock }),
    ...execRoutes({ state: routed, clock, random, log, bounds: settings.bounds }),
    ...schedulingRoutes({ state: routed, clock, usage: nodes }),
    ...findingRoutes({ state: routed }),
    ...volumeRoutes({ snapshot, clock }),
    ...nodeRoutes({ state: routed, clock }),
    ...packingRoutes({ snapshot: routed.snapshot }),
    ...tokenRoutes({ state: routed, clock, random }),
    ...platformRoutes({ state: routed, clock }),
    ...auditRoutes({ state: routed }),
    ...historyRoutes({ state: routed }),
    ...(audit === undefined ? [] : chainRoutes(audit)),
    ...(backups === undefined ? [] : backupRoutes({ state: routed, clock, backups })),
    ...artifactRoutes({ state: routed, blobs, clock, usage: artifacts }),
    ...logRoutes({ logs, state: routed, clock, bounds: settings.bounds }),
    ...agentRoutes({
      bounds: settings.bounds,
      state: routed,
      clock,
      log,
      assignments,
      agents: observed,
      leases,
      logs,
    }),
    ...ingressRoutes({ snapshot, clock, table, traffic, log, hear }),
  ]
  return { routes, controllers, backendOf, usage: nodes }
}
