import Type, { type Static } from 'typebox'
import { ArtifactRef } from '../parts/artifacts/model.ts'
import { LogEntry } from '../parts/audit/model.ts'
import { LedgerWindow, Rollout } from '../parts/rollouts/model.ts'
import { Instance, ObservedInstance } from '../parts/instances/model.ts'
import { Node } from '../parts/nodes/model.ts'
import { AppCell } from '../parts/tenants/model.ts'
import { HandDrift, Notes } from './deploy-plan.ts'
import { MomentView } from './history.ts'

export { LogLineView } from './logs.ts'

/** The REST API's bodies, beyond the records themselves; one object gives type, check and OpenAPI. */

/** Every error's body. */
export const ErrorBody = Type.Object({
  error: Type.Object({
    /** Registered in docs/errors.md. */
    code: Type.String(),
    message: Type.String(),
    hint: Type.Optional(Type.String()),
    /** Where in the input. */
    path: Type.Optional(Type.String()),
    details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    requestId: Type.String(),
  }),
})
export type ErrorBody = Static<typeof ErrorBody>

/** The answer to a write: read with `Roadstead-Revision: N` to see at least this. */
export const Written = Type.Object({ revision: Type.Integer() })
export type Written = Static<typeof Written>

/** GET /v1/health, without a token. */
export const HealthBody = Type.Object({
  status: Type.Enum(['ok', 'starting']),
  version: Type.String(),
  revision: Type.Integer(),
  startedAt: Type.Number(),
  /** The server's wall clock, in ms. */
  now: Type.Number(),
})
export type HealthBody = Static<typeof HealthBody>

/**
 * POST /v1/cells/{environment}/{tenant}/apps/{app}/deploy → 202 DeployAnswer, or 200 UnchangedAnswer;
 * POST …/plan with the same body → 200 DeployPlanView (both in deploy-plan.ts).
 */
export const DeployRequest = Type.Object({
  manifest: Type.String({ maxLength: 1_048_576 }),
  /** platform.yaml, where one lies beside the manifest; not looked at where one is in force. */
  platform: Type.Optional(Type.String({ maxLength: 1_048_576 })),
  /** By `source` directory as the manifest spells it (`.` by default). */
  artifacts: Type.Record(Type.String(), ArtifactRef),
  /** By service: the files that it mounts, packed as it sees them; missing: none mounts any. */
  mounts: Type.Optional(Type.Record(Type.String(), ArtifactRef)),
  files: Type.Union([ArtifactRef, Type.Null()]),
  /** By the folder of a `build`; missing: no image is built. */
  contexts: Type.Optional(Type.Record(Type.String(), ArtifactRef)),
  version: Type.String({ maxLength: 128 }),
  supersede: Type.Boolean(),
  /** Leave what was scaled or stopped by hand as it is. */
  keepDrift: Type.Optional(Type.Boolean()),
  /** The hash of a plan: deploy exactly that, or nothing (409 `plan-stale`). */
  plan: Type.Optional(Type.String({ maxLength: 128 })),
})
export type DeployRequest = Static<typeof DeployRequest>

export const DeployAnswer = Type.Object({
  revision: Type.Integer(),
  releaseId: Type.String(),
  releaseNumber: Type.Integer(),
  rolloutId: Type.String(),
  /** `queued` behind another rollout, or about to run. */
  state: Type.Enum(['queued', 'running']),
  /** The rollout was there already, with the same contents. */
  attached: Type.Optional(Type.Boolean()),
  /** The gate that it waits at; missing: none holds it. */
  heldBy: Type.Optional(
    Type.Object({
      /** "waits for the approval of 1 releaser, not its author alice". */
      because: Type.String(),
      /** Somebody has to approve it: POST …/rollouts/{id}/approve. */
      approval: Type.Boolean(),
    }),
  ),
  notes: Notes,
})
export type DeployAnswer = Static<typeof DeployAnswer>

export const ScaleRequest = Type.Object({
  service: Type.String(),
  instances: Type.Integer({ minimum: 0, maximum: 1_000 }),
})
export type ScaleRequest = Static<typeof ScaleRequest>

/** POST …/stop and …/start: one service, or all of the app's. */
export const ServicesRequest = Type.Object({ service: Type.Optional(Type.String()) })
export type ServicesRequest = Static<typeof ServicesRequest>

/** POST …/revert → 202 DeployAnswer: to the release before, or to the one with this number. */
export const RevertRequest = Type.Object({ releaseNumber: Type.Optional(Type.Integer()) })
export type RevertRequest = Static<typeof RevertRequest>

/** Rates and latency over the last ten seconds at the online pool. */
export const TrafficView = Type.Object({
  requestsPerSecond: Type.Number(),
  failedPerSecond: Type.Number(),
  appErrorsPerSecond: Type.Number(),
  p50Ms: Type.Union([Type.Number(), Type.Null()]),
  p99Ms: Type.Union([Type.Number(), Type.Null()]),
  /** Since the ingress started. */
  sentTotal: Type.Integer(),
  failedTotal: Type.Integer(),
})
export type TrafficView = Static<typeof TrafficView>

/** GET /v1/traffic → { items }: what the console polls each second; GET /v1/apps has it too. */
export const AppTrafficView = Type.Object({
  at: AppCell,
  traffic: Type.Union([TrafficView, Type.Null()]),
  services: Type.Array(
    Type.Object({ name: Type.String(), traffic: Type.Union([TrafficView, Type.Null()]) }),
  ),
})
export type AppTrafficView = Static<typeof AppTrafficView>

export const ServiceView = Type.Object({
  name: Type.String(),
  worker: Type.Boolean(),
  wanted: Type.Integer(),
  /** Online and ready; of the past online alone, since nothing that was observed is kept. */
  ready: Type.Integer(),
  maintenance: Type.Integer(),
  draining: Type.Integer(),
  stopped: Type.Boolean(),
  needs: Type.Array(Type.String()),
  /** Of a service of containers: its image with the digest that the release resolved. */
  image: Type.Optional(Type.String()),
  /** Full URL of its route, at the address of its exposure; null: none, or none that is known. */
  url: Type.Union([Type.String(), Type.Null()]),
  traffic: Type.Union([TrafficView, Type.Null()]),
})
export type ServiceView = Static<typeof ServiceView>

/** GET /v1/apps → { items }, GET /v1/cells/{environment}/{tenant}/apps/{app}. */
export const AppView = Type.Object({
  at: AppCell,
  /** `ok`: all wanted instances serve; `degraded`: some; `down`: none; `rolling`; `stopped`. */
  health: Type.Enum(['ok', 'degraded', 'down', 'rolling', 'stopped', 'destroying']),
  releaseId: Type.Union([Type.String(), Type.Null()]),
  releaseNumber: Type.Union([Type.Integer(), Type.Null()]),
  version: Type.String(),
  services: Type.Array(ServiceView),
  /** Of the rollout under way, or null. */
  rolloutId: Type.Union([Type.String(), Type.Null()]),
  /** Where people's hands made it differ from the manifest of the release that it runs. */
  drift: Type.Array(HandDrift),
  traffic: Type.Union([TrafficView, Type.Null()]),
  /** Of the past: the newest commit of that time. Only what records knew is told then. */
  asOf: Type.Optional(MomentView),
})
export type AppView = Static<typeof AppView>

/** GET /v1/instances?environment=&tenant=&app=&service=&ended=true → { items }. */
export const InstanceView = Type.Object({
  ...Instance.properties,
  observed: Type.Union([ObservedInstance, Type.Null()]),
})
export type InstanceView = Static<typeof InstanceView>

/** GET /v1/nodes → { items }. */
export const NodeView = Type.Object({
  ...Node.properties,
  /** `lost` after 15 s of silence; `unknown` right after the server's start. */
  status: Type.Enum(['ready', 'lost', 'unknown']),
  heardAt: Type.Union([Type.Number(), Type.Null()]),
  reserved: Type.Object({
    cpu: Type.Number(),
    memoryBytes: Type.Integer(),
    diskBytes: Type.Integer(),
    instances: Type.Integer(),
  }),
})
export type NodeView = Static<typeof NodeView>

/** GET …/rollouts/{id}: the record, its ledger brought up to this instant while it runs. */
export const RolloutView = Type.Object({
  ...Rollout.properties,
  releaseNumber: Type.Integer(),
  version: Type.String(),
  fromVersion: Type.Union([Type.String(), Type.Null()]),
  /** Instances by service and pool, as the rollout's picture shows them. */
  pools: Type.Array(
    Type.Object({
      service: Type.String(),
      instanceId: Type.String(),
      releaseId: Type.String(),
      /** Runs the release that is being carried in. */
      successor: Type.Boolean(),
      pool: Type.Enum(['maintenance', 'online', 'draining']),
      state: Type.String(),
    }),
  ),
  /** The app's traffic now. */
  live: Type.Union([LedgerWindow, Type.Null()]),
})
export type RolloutView = Static<typeof RolloutView>

/** GET /v1/instances/{id}/why. */
export const WhyView = Type.Object({
  instanceId: Type.String(),
  /** One sentence that answers. */
  because: Type.String(),
  /** The smallest change that would make it fit, or null when it runs. */
  fix: Type.Union([Type.String(), Type.Null()]),
  /** Of a container: its image with the digest that the release resolved. */
  image: Type.Optional(Type.String()),
  /** What its agent says of how it runs: that its container is root, or what it is not held to. */
  remark: Type.Optional(Type.String()),
  /** How often it was held back at its share of the cores, in one sentence; missing: never. */
  throttled: Type.Optional(Type.String()),
  /** Node by node: chosen, possible, or why not. */
  nodes: Type.Array(
    Type.Object({
      nodeId: Type.String(),
      zone: Type.String(),
      verdict: Type.Enum(['chosen', 'fits', 'refused']),
      because: Type.String(),
    }),
  ),
  /** What happened to it, oldest first. */
  events: Type.Array(Type.Object({ at: Type.Number(), who: Type.String(), why: Type.String() })),
})
export type WhyView = Static<typeof WhyView>

/** GET /v1/plans → { items }: the last plans of the control loops. */
export const PlanView = Type.Object({
  controller: Type.String(),
  key: Type.String(),
  at: Type.Number(),
  because: Type.String(),
  actions: Type.Integer(),
  error: Type.Union([Type.String(), Type.Null()]),
})
export type PlanView = Static<typeof PlanView>

/** GET /v1/events?after&before&limit&key → { items }: the ordered log; newest first with `before`. */
export const EventView = LogEntry
export type EventView = LogEntry

/** GET /v1/session: who the cookie or token belongs to. */
export const SessionView = Type.Object({ name: Type.String(), role: Type.String() })
export type SessionView = Static<typeof SessionView>

/**
 * GET /v1/watch?after=REVISION&kinds=app,rollout: server-sent events. `event: change`, `id:` the
 * revision, data ChangeEvent. Resumes with Last-Event-ID; `event: reset` says to read again.
 */
export const ChangeEvent = Type.Object({
  revision: Type.Integer(),
  kind: Type.String(),
  key: Type.String(),
  /** Null when it was deleted. */
  value: Type.Unknown(),
})
export type ChangeEvent = Static<typeof ChangeEvent>
