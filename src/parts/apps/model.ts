import Type, { type Static } from 'typebox'
import { digestOfData, type Digest } from '../../base/digest.ts'
import { keyOf, type Key } from '../../base/key.ts'
import { ArtifactRef, Runnable } from '../artifacts/model.ts'
import { Resources } from '../nodes/model.ts'
import { AppCell } from '../tenants/model.ts'

/** The command of an instance: arguments, never a shell's line unless the manifest says `shell:`. */
export const Command = Type.Array(Type.String(), { minItems: 1 })

/** How an instance shows that it can serve. */
export const HealthCheck = Type.Object({
  probe: Type.Union([
    Type.Object({ kind: Type.Literal('http'), path: Type.String() }),
    Type.Object({ kind: Type.Literal('tcp') }),
    Type.Object({ kind: Type.Literal('exec'), run: Command }),
    /** A worker without a check: ready as soon as it has run for a second. */
    Type.Object({ kind: Type.Literal('none') }),
  ]),
  everyMs: Type.Integer(),
  timeoutMs: Type.Integer(),
  /** Successes in a row that make an instance ready. */
  passes: Type.Integer(),
  /** Failures in a row that make a ready instance unhealthy. */
  fails: Type.Integer(),
  /** Time from start to ready, after which the start counts as failed. */
  startDeadlineMs: Type.Integer(),
})
export type HealthCheck = Static<typeof HealthCheck>

/** Host and path to a service, with its exposure. */
export const Route = Type.Object({
  host: Type.String(),
  path: Type.String(),
  expose: Type.Enum(['public', 'private', 'admin']),
})
export type Route = Static<typeof Route>

const SpreadRule = Type.Enum([
  /** As far apart as possible; together where it must be. */
  'prefer',
  /**
   * Zones: evenly, so that the loss of one of Z takes no more than the Zth part, rounded up. Nodes:
   * never two of a service in one version on one. An instance waits rather than break the rule.
   */
  'require',
  /** Wherever it fits best. */
  'none',
])

/** Changes of a schema, one run at a time in a cell. */
export const Migrate = Type.Object({
  /** Before the new version starts; the old one must go on with what it leaves. */
  expand: Type.Union([Command, Type.Null()]),
  /** When no old instance is left: it closes the way back. */
  contract: Type.Union([Command, Type.Null()]),
  /** Takes the expand back; only when somebody asks for it by name. */
  undo: Type.Union([Command, Type.Null()]),
  /** Of each run. */
  timeoutMs: Type.Integer({ minimum: 1 }),
})
export type Migrate = Static<typeof Migrate>

/** Static files that are still answered when a newer version has taken the place of theirs. */
export const Assets = Type.Object({
  /** Below the service's source. */
  directory: Type.String(),
  /** So long after the deploy that followed theirs, in ms. */
  keepMs: Type.Integer({ minimum: 1 }),
})
export type Assets = Static<typeof Assets>

/**
 * What a container may be let to do beyond an ordinary user, in the kernel's words: what images ask for
 * that change their user themselves. Whatever else takes an operator's rule.
 */
export const capabilities = [
  'chown',
  'dac_override',
  'fowner',
  'kill',
  'net_bind_service',
  'setgid',
  'setuid',
] as const

export const Capability = Type.Enum([...capabilities])
export type Capability = Static<typeof Capability>

/** A folder of a node that outlives the instances of its service. */
export const VolumeMount = Type.Object({
  /** Names it within its service. */
  name: Type.String(),
  /** Where a container finds it. */
  path: Type.String(),
})
export type VolumeMount = Static<typeof VolumeMount>

/** Paths inside that one service is shown files at, at the most. */
const mountsMax = 32

/**
 * Files that went along with the release, which instances see read-only. The archive is laid out as
 * they are seen: what it has at `etc/nginx/nginx.conf` is at `/etc/nginx/nginx.conf` inside.
 */
export const FileMounts = Type.Object({
  artifact: ArtifactRef,
  /** Files and folders, each absolute; none lies in another one. */
  paths: Type.Array(Type.String(), { minItems: 1, maxItems: mountsMax }),
})
export type FileMounts = Static<typeof FileMounts>

/** A service as rendered for one cell: all that is needed to place, run and route it. */
export const ServiceSpec = Type.Object({
  name: Type.String(),
  /** A component without a port. */
  worker: Type.Boolean(),
  /** Empty: what the image says that runs. */
  run: Type.Array(Type.String()),
  artifact: Runnable,
  instances: Type.Integer({ minimum: 0 }),
  resources: Resources,
  /** Of a process: it runs only where it is held to all of its limits; missing: where there is room. */
  limits: Type.Optional(Type.Literal('required')),
  spread: Type.Object({ zone: SpreadRule, node: SpreadRule }),
  health: HealthCheck,
  /** `drainMs`: time for requests under way to end; `graceMs`: from SIGTERM to SIGKILL. */
  stop: Type.Object({ drainMs: Type.Integer(), graceMs: Type.Integer() }),
  route: Type.Union([Route, Type.Null()]),
  /** Services of the same app that it calls; each gives it `NAME_URL`. */
  needs: Type.Array(Type.String()),
  env: Type.Record(Type.String(), Type.String()),
  /** Requests sent before the first customer's: each path, `times` times. */
  warmup: Type.Union([
    Type.Object({ get: Type.Array(Type.String()), times: Type.Integer() }),
    Type.Null(),
  ]),
  /** At most one, and the old one stops before the new one starts. */
  singleton: Type.Boolean(),
  /** Changes of the schema that it works on; missing: none. */
  migrate: Type.Optional(Migrate),
  /** Missing: nothing of an earlier version goes along. */
  assets: Type.Optional(Assets),
  /** What its image's own entrypoint is given in place of the image's arguments; missing: those. */
  args: Type.Optional(Type.Array(Type.String())),
  /** The port that its program insists on, inside; missing: the one that its node assigns. */
  port: Type.Optional(Type.Integer()),
  /** Data that its one instance finds again; missing: none. */
  volumes: Type.Optional(Type.Array(VolumeMount)),
  /** Missing: its instances see what they are made of, and no more. */
  mounts: Type.Optional(FileMounts),
  /** Of its container; missing: none. */
  capabilities: Type.Optional(Type.Array(Capability)),
  /** Who its container runs as, never root; missing: whom its image names. */
  user: Type.Optional(Type.String()),
  /** Where its container starts; missing: where its image says. */
  workingDirectory: Type.Optional(Type.String()),
  /** Its container may write to its own root; missing: it may not. */
  writable: Type.Optional(Type.Literal(true)),
  /** All containers of its app stand on one node, in one network; missing: each by itself. */
  network: Type.Optional(Type.Literal('shared')),
})
export type ServiceSpec = Static<typeof ServiceSpec>

/** What makes the new version fail when it is compared; missing: it is not looked at. */
export const JudgeLimits = Type.Object({
  /** By how much its share of errors may exceed the baseline's, 0 to 1. */
  errors: Type.Optional(Type.Number()),
  /** By how much it may be slower than the baseline, as a share of it: 0.2 is a fifth. */
  p50: Type.Optional(Type.Number()),
  p95: Type.Optional(Type.Number()),
  p99: Type.Optional(Type.Number()),
})
export type JudgeLimits = Static<typeof JudgeLimits>

/** What follows a release later, in nobody's way: a newer one cancels it. */
export const AfterStep = Type.Union([
  /** Nothing but time. */
  Type.Object({ kind: Type.Literal('soak'), ms: Type.Integer() }),
  /** Every service's `migrate.contract`, once no old instance is left. */
  Type.Object({ kind: Type.Literal('contract') }),
])
export type AfterStep = Static<typeof AfterStep>

/** Journeys of one step of a release. */
export const journeysMax = 50

/** An earlier version's archive whose assets go along with a release. */
export const CarriedAssets = Type.Object({
  artifact: ArtifactRef,
  /** Where in that archive they lie. */
  directory: Type.String(),
  /** Wall ms; the next deploy after it leaves them out. */
  until: Type.Number(),
})
export type CarriedAssets = Static<typeof CarriedAssets>

/** Archives that go along with one service at the most: each is fetched and copied by each node. */
export const carriedMax = 5

/** How a release goes out; the first form of the manifest's `release.steps`. */
export const ReleaseStep = Type.Union([
  /** That share of each service, extra and out of customers' sight, made ready and warmed up. */
  Type.Object({
    kind: Type.Literal('maintenance'),
    /** 0 to 1. */
    portion: Type.Number(),
    min: Type.Integer(),
  }),
  /** A command run against the maintenance pool (ROADSTEAD_TARGET); exit code 0 passes. */
  Type.Object({ kind: Type.Literal('test'), run: Command, timeoutMs: Type.Integer() }),
  /** Scripts of `release.files` that drive a browser against the maintenance pool. */
  Type.Object({
    kind: Type.Literal('journeys'),
    journeys: Type.Array(Type.Object({ name: Type.String(), script: Type.String() })),
    /** Of each journey. */
    timeoutMs: Type.Integer(),
  }),
  /** Every service's `migrate.expand`, one after the other. */
  Type.Object({ kind: Type.Literal('migrate'), stage: Type.Literal('expand') }),
  /** The portion goes online, and gets that share (0 to 1) of the customers' requests at first. */
  Type.Object({
    kind: Type.Literal('online'),
    weight: Type.Number(),
    /** A customer stays on the side where he came first. */
    sticky: Type.Boolean(),
  }),
  /** Old and new are compared under customers' load. */
  Type.Object({ kind: Type.Literal('judge'), forMs: Type.Integer(), stop: JudgeLimits }),
  /** The rest, in batches of that share (0 to 1), with a pause between two. */
  Type.Object({
    kind: Type.Literal('remaining'),
    batch: Type.Number(),
    pauseMs: Type.Integer(),
  }),
])
export type ReleaseStep = Static<typeof ReleaseStep>

/** A browser that has not started by then does not, in ms. */
const browserStartMs = 30_000

/** How long the run of a test or of journeys may take, in ms; 0: the step has no run. */
export function runTimeoutMs(step: ReleaseStep | undefined): number {
  if (step?.kind === 'test') return step.timeoutMs
  return step?.kind === 'journeys' ? browserStartMs + step.journeys.length * step.timeoutMs : 0
}

/** What happens when a job's time comes while the run before is still under way. */
export const Overlap = Type.Enum([
  /** This time is left out. */
  'skip',
  /** It waits for the run before. */
  'queue',
  /** Both run. */
  'allow',
])
export type Overlap = Static<typeof Overlap>

/** Something that runs to its end: on a schedule, or when somebody asks for it. */
export const JobSpec = Type.Object({
  name: Type.String(),
  /** Whose code, environment and needs it has. */
  service: Type.String(),
  run: Command,
  /** Five fields of cron, and whose clock they mean; null: only when somebody asks. */
  schedule: Type.Union([
    Type.Object({ cron: Type.String(), timezone: Type.String() }),
    Type.Null(),
  ]),
  overlap: Overlap,
  /** Of each attempt. */
  timeoutMs: Type.Integer({ minimum: 1 }),
  /** Attempts after the first, when one fails. */
  retries: Type.Integer({ minimum: 0 }),
  /** It is late when it has not succeeded for so long; null: never. */
  lateAfterMs: Type.Union([Type.Integer(), Type.Null()]),
})
export type JobSpec = Static<typeof JobSpec>

/** An immutable version of an app, as it is rendered for one cell. */
export const Release = Type.Object({
  id: Type.String(),
  at: AppCell,
  /** Counts up from 1 in its cell, for people: "release 7". */
  number: Type.Integer(),
  /** What the deployer called it: `v2`, a commit; may be empty. */
  version: Type.String(),
  services: Type.Array(ServiceSpec),
  steps: Type.Array(ReleaseStep),
  /** Missing: nothing. */
  after: Type.Optional(Type.Array(AfterStep)),
  /** Missing: none. */
  jobs: Type.Optional(Type.Array(JobSpec)),
  /** The rollout reverts when more requests than this have failed; null: never for that. */
  revertAboveFailed: Type.Union([Type.Integer(), Type.Null()]),
  /** What tests need, from `release.files`. */
  files: Type.Union([ArtifactRef, Type.Null()]),
  /** The manifest as it was sent, for `render` and for people. */
  manifest: Type.String(),
  /** The cell and the release that it was tested as; missing: it was deployed, not promoted. */
  promotedFrom: Type.Optional(
    Type.Object({
      environment: Type.String(),
      tenant: Type.String(),
      releaseId: Type.String(),
      number: Type.Integer(),
      /** Who brought it that far. */
      authors: Type.Array(Type.String()),
    }),
  ),
  /**
   * By service, newest first: whose assets its own are laid over. It is no part of the contents: it
   * follows from what ran before and from the time, so that the same manifest is the same release.
   */
  carried: Type.Optional(
    Type.Record(Type.String(), Type.Array(CarriedAssets, { maxItems: carriedMax })),
  ),
  /** Of the plan that it was deployed by; missing on releases of before there were plans. */
  planHash: Type.Optional(Type.String()),
  createdBy: Type.String(),
  createdAt: Type.Number(),
})
export type Release = Static<typeof Release>

/** Who did something by hand, and when (wall ms). */
const Hand = Type.Object({ by: Type.String(), at: Type.Number() })

/** What people did by hand to services, where it makes them differ from the manifest. */
export const HandChanges = Type.Object({
  /** Instances per service, instead of the manifest's. */
  scale: Type.Record(Type.String(), Type.Integer()),
  /** Services that have none. */
  stopped: Type.Array(Type.String()),
})
export type HandChanges = Static<typeof HandChanges>

/** An app in one cell. */
export const App = Type.Object({
  at: AppCell,
  team: Type.String(),
  /** The release that the cell runs; writer: rollouts. Null until the first rollout has ended. */
  releaseId: Type.Union([Type.String(), Type.Null()]),
  /** The number that the next release gets; writer: deploy. */
  nextReleaseNumber: Type.Integer(),
  /** Instances per service where a person has scaled; writer: the scale route. */
  scale: Type.Record(Type.String(), Type.Integer()),
  /** Services that a person has stopped; writer: the stop and start routes. */
  stopped: Type.Array(Type.String()),
  /** Whose hand it was, by `scale` or `stop` and service; writers: as above. */
  hands: Type.Optional(
    Type.Object({
      scale: Type.Record(Type.String(), Hand),
      stop: Type.Record(Type.String(), Hand),
    }),
  ),
  /** Set once by `destroy`: all of it goes, then the record itself. */
  destroying: Type.Boolean(),
})
export type App = Static<typeof App>

export function appKey(at: AppCell): Key {
  return keyOf({ kind: 'app', ...cellParts(at) })
}

export function releaseKey(at: AppCell, id: string): Key {
  return keyOf({ kind: 'release', ...cellParts(at), name: id })
}

function cellParts(at: AppCell): { tenant: string; environment: string; app: string } {
  return { tenant: at.tenant, environment: at.environment, app: at.app }
}

/** The app once these changes by hand are undone; what was done since stays. */
export function putBack(app: App, changes: HandChanges | undefined): App {
  if (changes === undefined) return app
  const isBack = ([name, count]: [string, number]): boolean => changes.scale[name] !== count
  const scale = Object.fromEntries(Object.entries(app.scale).filter(isBack))
  const stopped = app.stopped.filter((name) => !changes.stopped.includes(name))
  const keep = <T>(hands: Record<string, T> = {}, names: readonly string[]): Record<string, T> =>
    Object.fromEntries(Object.entries(hands).filter(([name]) => names.includes(name)))
  const hands = {
    scale: keep(app.hands?.scale, Object.keys(scale)),
    stop: keep(app.hands?.stop, stopped),
  }
  return { ...app, scale, stopped, hands }
}

/** Everybody who brought a release to where it is, each once: through all cells before. */
export function authorsOf({ createdBy, promotedFrom }: Release): string[] {
  return [...new Set([createdBy, ...(promotedFrom?.authors ?? [])])]
}

/** How many instances of a service the cell should have now. */
export function wantedCount(app: App, spec: ServiceSpec): number {
  if (app.destroying || app.stopped.includes(spec.name)) return 0
  const count = app.scale[spec.name] ?? spec.instances
  return spec.singleton ? Math.min(1, count) : count
}

const specDigests = new WeakMap<ServiceSpec, Digest>()

/**
 * The digest of all that makes an instance what it is. Two releases with the same digest for a
 * service share its instances: what did not change is not rolled. Counts, routes and spread are
 * not part of it, nor is what a release carries along of earlier ones: time alone rolls nothing.
 * Specs are immutable, so each is digested once.
 */
export function specDigest(spec: ServiceSpec): Digest {
  const known = specDigests.get(spec)
  if (known !== undefined) return known
  const { worker, run, artifact, resources, health, stop, needs, env, warmup, assets } = spec
  const parts = { worker, run, resources, health, stop, needs, env, warmup }
  const place = assets === undefined ? {} : { assets: assets.directory }
  const digest = digestOfData({
    ...parts,
    ...place,
    ...containerTerms(spec),
    artifact: artifact.digest,
  })
  specDigests.set(spec, digest)
  return digest
}

/** What is asked of its container beyond the usual; empty for most, as it was before there was any. */
function containerTerms(spec: ServiceSpec): Partial<ServiceSpec> {
  const { args, port, volumes, mounts, network } = spec
  const { capabilities, user, workingDirectory, writable } = spec
  const asked = { capabilities, user, workingDirectory, writable }
  const terms = { args, port, volumes, mounts, network, ...asked }
  return Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined))
}

/** What a release's test aims at: the first service with a route, else with a port, else any. */
export function testTargetOf({ services }: Release): ServiceSpec | undefined {
  return (
    services.find((spec) => spec.route !== null) ??
    services.find((spec) => !spec.worker) ??
    services[0]
  )
}

/** What brings a destroyed app back; kept for a time after it is gone. */
export const DestroyedApp = Type.Object({
  /** Its record as it was. */
  app: App,
  /** The release that it ran last. */
  release: Release,
  /** Instances that its end ended. */
  instances: Type.Integer({ minimum: 0 }),
  destroyedBy: Type.String(),
  destroyedAt: Type.Number(),
})
export type DestroyedApp = Static<typeof DestroyedApp>

export function destroyedAppKey({ tenant, environment, app }: AppCell): Key {
  return keyOf({ kind: 'destroyed-app', tenant, environment, app })
}
