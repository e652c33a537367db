import Type, { type Static } from 'typebox'
import { Capability, carriedMax, FileMounts, HealthCheck } from '../parts/apps/model.ts'
import { ArtifactRef, Runnable } from '../parts/artifacts/model.ts'
import { ObservedInstance, SingletonTerms } from '../parts/instances/model.ts'
import { BuildOrder } from '../parts/jobs/model.ts'
import { Finding, Resources } from '../parts/nodes/model.ts'
import { VolumeReport } from '../parts/volumes/model.ts'
import { AppCell } from '../parts/tenants/model.ts'
import { findingsMax, logBatchLinesMax } from './agent-protocol.ts'
import { AssignedExec } from './exec.ts'

/** The agent protocol: the agent calls, the server answers; nothing ever goes the other way. */

export { agentProtocol, logLineBytesMax } from './agent-protocol.ts'

/** POST /v1/agents/{nodeId}/register: at each start, and after an answer of 404. */
export const RegisterRequest = Type.Object({
  protocol: Type.Integer(),
  incarnation: Type.String({ minLength: 1, maxLength: 64 }),
  version: Type.String({ maxLength: 64 }),
  zone: Type.String({ minLength: 1, maxLength: 64 }),
  address: Type.String({ minLength: 1, maxLength: 253 }),
  capacity: Resources,
  ports: Type.Object({
    from: Type.Integer({ minimum: 1, maximum: 65_535 }),
    to: Type.Integer({ minimum: 1, maximum: 65_535 }),
  }),
  labels: Type.Record(Type.String(), Type.String({ maxLength: 256 }), { maxProperties: 64 }),
  /**
   * What it can run: `process` archives, `mounts` those that mount files, `docker` images, `limits`
   * processes that require their limits, `builds` images from their Dockerfiles; missing: archives only.
   */
  drivers: Type.Optional(Type.Array(Type.String({ maxLength: 32 }), { maxItems: 8 })),
})
export type RegisterRequest = Static<typeof RegisterRequest>

/** Files of earlier archives that an instance finds beside its own. */
export const AssignedAssets = Type.Object({
  /** Where in its own directory they go; what is there already stays. */
  directory: Type.String(),
  /** Newest first, and where in each archive its files lie. */
  carried: Type.Array(Type.Object({ artifact: ArtifactRef, directory: Type.String() }), {
    minItems: 1,
    maxItems: carriedMax,
  }),
})
export type AssignedAssets = Static<typeof AssignedAssets>

/** What is asked of a container beyond the usual. */
export const AssignedContainer = Type.Object({
  /** Where its program listens, inside; missing: at the port that its node assigned. */
  port: Type.Optional(Type.Integer()),
  /** Missing: none. */
  capabilities: Type.Optional(Type.Array(Capability)),
  /** Missing: whom and where its image says. */
  user: Type.Optional(Type.String()),
  workingDirectory: Type.Optional(Type.String()),
  /** It may write to its root; missing: it may not. */
  writable: Type.Optional(Type.Literal(true)),
  /** The app whose containers share a network, and by which name this one is found; null: by none. */
  network: Type.Optional(
    Type.Object({ app: Type.String(), alias: Type.Union([Type.String(), Type.Null()]) }),
  ),
})
export type AssignedContainer = Static<typeof AssignedContainer>

/** Data of a service that its instance finds again. */
export const AssignedVolume = Type.Object({
  id: Type.String(),
  name: Type.String(),
  path: Type.String(),
  /** It is not known to be made yet; false: it has to be there, and nothing takes its place. */
  begins: Type.Boolean(),
})
export type AssignedVolume = Static<typeof AssignedVolume>

/** One instance that this node is to run, or to have stopped. */
export const AssignedInstance = Type.Object({
  instanceId: Type.String(),
  at: AppCell,
  service: Type.String(),
  releaseId: Type.String(),
  purpose: Type.Enum(['service', 'job', 'test']),
  desired: Type.Enum(['running', 'stopped']),
  port: Type.Union([Type.Integer(), Type.Null()]),
  /** Empty: what the image says that runs. */
  run: Type.Array(Type.String()),
  /** For the entrypoint of an image whose `run` is empty; missing: the image's own. */
  args: Type.Optional(Type.Array(Type.String())),
  /** The whole environment but PATH, HOME and the like, which the driver adds. */
  env: Type.Record(Type.String(), Type.String()),
  /** An image for nodes only that registered the driver `docker`. */
  artifact: Runnable,
  health: HealthCheck,
  stop: Type.Object({ drainMs: Type.Integer(), graceMs: Type.Integer() }),
  warmup: Type.Union([
    Type.Object({ get: Type.Array(Type.String()), times: Type.Integer() }),
    Type.Null(),
  ]),
  /** Of a job: the time it may run; null for a service. */
  timeoutMs: Type.Union([Type.Integer(), Type.Null()]),
  /** Listeners of its node that its environment names; missing: none (since protocol 2). */
  reaches: Type.Optional(Type.Array(Type.Integer())),
  /** What it takes of the node, which admits it against what really runs (since protocol 2). */
  resources: Type.Optional(Resources),
  /** Of a process: it is not to run where it cannot be held to all of them; missing: it may. */
  limits: Type.Optional(Type.Literal('required')),
  /** Of a singleton: it runs only while its lease does (since protocol 2). */
  singleton: Type.Optional(SingletonTerms),
  /**
   * What of earlier versions goes along; missing: nothing. It came late into protocol 2: an agent
   * that does not know it starts the same program, and answers its own files only.
   */
  assets: Type.Optional(AssignedAssets),
  /** Missing: a container like any other. */
  container: Type.Optional(AssignedContainer),
  /** Missing: none. */
  volumes: Type.Optional(Type.Array(AssignedVolume)),
  /** Files that it sees read-only; missing: none. An agent that does not know it shows none. */
  mounts: Type.Optional(FileMounts),
  /** Its artifact is the context of a build, for nodes only that registered `builds`. */
  build: Type.Optional(BuildOrder),
})
export type AssignedInstance = Static<typeof AssignedInstance>

/** GET /v1/agents/{nodeId}/assignment?after=REVISION&waitMs=…: the whole assignment, or 204. */
export const Assignment = Type.Object({
  /** Ask with it next time; the answer waits until it is outdated. */
  revision: Type.Integer(),
  instances: Type.Array(AssignedInstance),
  /** Commands that people run beside them; missing: none (since protocol 2). */
  execs: Type.Optional(Type.Array(AssignedExec)),
  /** Ids of volumes that are to go with their data; missing: none. */
  volumesToRemove: Type.Optional(Type.Array(Type.String())),
})
export type Assignment = Static<typeof Assignment>

/** POST /v1/agents/{nodeId}/report: every 2 s, and at once when an instance changed its state. */
export const AgentReport = Type.Object({
  incarnation: Type.String({ maxLength: 64 }),
  sequence: Type.Integer({ minimum: 0 }),
  portsTaken: Type.Array(Type.Integer(), { maxItems: 1_000 }),
  /** True: `instances` is all that the node knows of. False: those that changed. */
  full: Type.Boolean(),
  instances: Type.Array(ObservedInstance, { maxItems: 10_000 }),
  /** What was found on the node that nobody asked for; told until it is acknowledged. */
  findings: Type.Optional(Type.Array(Finding, { maxItems: findingsMax })),
  /** Volumes that were made or have gone, told until the assignment shows that it was heard. */
  volumes: Type.Optional(VolumeReport),
})
export type AgentReport = Static<typeof AgentReport>

/** The answer to a report; `full` asks for a full one next (after a restart of the server). */
export const ReportAnswer = Type.Object({
  full: Type.Boolean(),
  /**
   * Singletons whose lease this report renews, counted from when it was sent (since protocol 2);
   * one that is not named is to end when its lease does.
   */
  leases: Type.Optional(Type.Array(Type.String())),
  /** Ids of findings that are kept now, and need not be told again (since protocol 2). */
  findings: Type.Optional(Type.Array(Type.String())),
})
export type ReportAnswer = Static<typeof ReportAnswer>

/** One line that an instance printed. */
export const LogLine = Type.Object({
  /** Wall ms at which the agent read it. */
  at: Type.Number(),
  stream: Type.Enum(['stdout', 'stderr']),
  /** Without its newline; longer lines are cut at `logLineBytesMax` and marked `cut`. */
  text: Type.String(),
  cut: Type.Optional(Type.Boolean()),
})
export type LogLine = Static<typeof LogLine>

/**
 * POST /v1/agents/{nodeId}/logs: lines of one instance in order. `offset` is the number of lines
 * of that instance before these, so a repeated batch is stored once.
 */
export const LogBatch = Type.Object({
  batches: Type.Array(
    Type.Object({
      instanceId: Type.String(),
      at: AppCell,
      service: Type.String(),
      releaseId: Type.String(),
      offset: Type.Integer({ minimum: 0 }),
      /** Lines lost to a bound before `offset`, told once. */
      lost: Type.Integer({ minimum: 0 }),
      lines: Type.Array(LogLine, { maxItems: logBatchLinesMax }),
    }),
    { maxItems: 1_000 },
  ),
})
export type LogBatch = Static<typeof LogBatch>
