import { urlVariableOf, volumeVariableOf } from '../../base/variables.ts'
import { assert } from '../../base/errors.ts'
import type { AssignedContainer, AssignedInstance } from '../../wire/agent.ts'
import { buildProgram } from '../../wire/builds.ts'
import { isImage, type Runnable } from '../artifacts/model.ts'
import { testTargetOf, type Release, type ServiceSpec } from '../apps/model.ts'
import type { Listener } from '../discovery/model.ts'
import type { JobRun } from '../jobs/model.ts'
import type { ServiceTarget } from '../rollouts/model.ts'
import type { Volume } from '../volumes/model.ts'
import { appCellName } from '../tenants/model.ts'
import type { Instance } from './model.ts'

/** An instance that its node is to run, with all that says what it runs. */
export interface PlacedInstance {
  readonly instance: Instance
  readonly release: Release
  /** The listeners of its app, by service. */
  readonly listeners: ReadonlyMap<string, Pick<Listener, 'port' | 'maintenancePort'>>
  /** Those of its app, in any order; missing: none. */
  readonly volumes?: readonly Volume[]
  /** Of a job: the run that it is an attempt at; undefined when its record is gone. */
  readonly run?: JobRun | undefined
  /** Of a test: what its rollout wants of each service that it changes. */
  readonly targets: readonly ServiceTarget[]
}

/** A build's attempt: it belongs to no release yet. */
export interface PlacedBuild {
  readonly instance: Instance
  readonly run: JobRun
}

/** A job has nothing to drain; what it started gets this long to end, in ms. */
const jobGraceMs = 5_000

/** A job's checks: it is over when it exits, so nothing is probed. */
const jobHealth: AssignedInstance['health'] = {
  probe: { kind: 'none' },
  everyMs: 1_000,
  timeoutMs: 1_000,
  passes: 1,
  fails: 1,
  startDeadlineMs: 60_000,
}

/** The whole assignment of a node: what it is told to run, or to have stopped, in order of id. */
export function planAssignment(
  placed: readonly PlacedInstance[],
  builds: readonly PlacedBuild[] = [],
): AssignedInstance[] {
  const assigned = placed
    .map((one) => (one.instance.purpose === 'job' ? assignJob(one) : assignService(one)))
    .filter((one) => one !== undefined)
  return [...assigned, ...builds.map(assignBuild)].toSorted((a, b) =>
    a.instanceId < b.instanceId ? -1 : 1,
  )
}

/** Undefined when its release has no such service: a record that nobody could have placed. */
function assignService(placed: PlacedInstance): AssignedInstance | undefined {
  const { instance, release, listeners } = placed
  const spec = release.services.find((service) => service.name === instance.service)
  if (spec === undefined) return undefined
  const { run, args, artifact, health, stop, warmup } = spec
  const port = instance.placement?.port ?? null
  const calls = urlsOf(spec, listeners)
  return {
    ...identity(instance),
    port,
    run,
    ...(args === undefined ? {} : { args }),
    artifact,
    health,
    stop,
    warmup,
    timeoutMs: null,
    ...carriedAlong(spec, release),
    ...(isHeld(instance) ? { limits: 'required' as const } : {}),
    ...reachesOf(spec, calls),
    ...containerOf(instance, spec),
    ...volumesOf(placed, spec),
    ...mountsOf(spec),
    // The platform's own variables go last: no manifest can put another address in their place.
    env: {
      ...spec.env,
      ...calls,
      ...placesOf(spec),
      ...platformVariables(instance, release),
      ...(port === null ? {} : { PORT: String(spec.port ?? port) }),
    },
  }
}

function isHeld({ driver }: Instance): boolean {
  return driver === 'limits' || driver === 'limited-ports'
}

/** What its container is asked for beyond the usual; of a process its port. */
function containerOf(instance: Instance, spec: ServiceSpec): Pick<AssignedInstance, 'container'> {
  const { name, port, capabilities, writable, network, singleton } = spec
  const container = {
    ...runsAs(spec),
    ...(port === undefined ? {} : { port }),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(writable === undefined ? {} : { writable }),
    // Of others several stand side by side, some out of customers' sight: a name may not lead there.
    ...(network === undefined ? {} : { network: networkOf(instance, singleton ? name : null) }),
  }
  return Object.keys(container).length === 0 ? {} : { container }
}

/** Of its jobs as well: they look for what they run where the service does. */
function runsAs({ user, workingDirectory }: ServiceSpec): AssignedContainer {
  return {
    ...(user === undefined ? {} : { user }),
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
  }
}

function jobContainer(
  instance: Instance,
  served: ServiceSpec | undefined,
): Pick<AssignedInstance, 'container'> {
  if (served === undefined) return {}
  const network = served.network === undefined ? {} : { network: networkOf(instance, null) }
  const container = { ...runsAs(served), ...network }
  return Object.keys(container).length === 0 ? {} : { container }
}

function networkOf({ at }: Instance, alias: string | null) {
  return { app: appCellName(at), alias }
}

/** Each that it mounts was recorded with its placement; one that is to go is its own until it ends. */
function volumesOf(
  { instance, volumes = [] }: PlacedInstance,
  spec: ServiceSpec,
): Pick<AssignedInstance, 'volumes'> {
  const mounts = spec.volumes ?? []
  const found = mounts.flatMap(({ name, path }) => {
    const isOwn = (one: Volume): boolean => one.name === name && one.service === instance.service
    const own = volumes.filter(isOwn)
    const volume = own.find(({ doomed }) => doomed === undefined) ?? own[0]
    return volume === undefined ? [] : [{ id: volume.id, name, path, begins: !volume.made }]
  })
  return found.length === 0 ? {} : { volumes: found }
}

function mountsOf({ mounts }: ServiceSpec): Pick<AssignedInstance, 'mounts'> {
  return mounts === undefined ? {} : { mounts }
}

/** `VOLUME_NAME` for each of its volumes: where a container finds it. */
function placesOf({ volumes = [] }: ServiceSpec): Record<string, string> {
  return Object.fromEntries(volumes.map(({ name, path }) => [volumeVariableOf(name), path]))
}

function carriedAlong(
  { name, assets }: ServiceSpec,
  { carried }: Release,
): Pick<AssignedInstance, 'assets'> {
  const entries = carried?.[name] ?? []
  if (assets === undefined || entries.length === 0) return {}
  const archives = entries.map(({ artifact, directory }) => ({ artifact, directory }))
  return { assets: { directory: assets.directory, carried: archives } }
}

/** Undefined when its run is gone: then nobody waits for how it ends. */
function assignJob(placed: PlacedInstance): AssignedInstance | undefined {
  const { instance, release, run } = placed
  if (run === undefined) return undefined
  const { spec } = run
  const served = release.services.find(({ name }) => name === spec.service)
  const ofService = served === undefined ? {} : urlsOf(served, placed.listeners)
  const calls = run.purpose === 'test' ? testVariables(placed) : ofService
  return {
    ...identity(instance),
    port: null,
    run: spec.run,
    artifact: spec.artifact,
    health: jobHealth,
    stop: { drainMs: 0, graceMs: jobGraceMs },
    warmup: null,
    timeoutMs: spec.timeoutMs,
    ...reachesOf({ artifact: spec.artifact }, calls),
    ...jobContainer(instance, served),
    ...(served === undefined || run.purpose === 'test' ? {} : mountsOf(served)),
    // A job has what its service has: its environment, and the addresses of what it needs.
    env: {
      ...(run.purpose === 'test' ? {} : served?.env),
      ...calls,
      ...platformVariables(instance, release),
      ...runVariables(run),
    },
  }
}

/** It has nothing of the app's environment: what a build may know is in its order. */
function assignBuild({ instance, run }: PlacedBuild): AssignedInstance {
  const { build, artifact, timeoutMs } = run.spec
  return {
    ...identity(instance),
    port: null,
    run: [buildProgram],
    artifact,
    health: jobHealth,
    stop: { drainMs: 0, graceMs: jobGraceMs },
    warmup: null,
    timeoutMs,
    env: runVariables(run),
    ...(build === undefined ? {} : { build }),
  }
}

/** Where a test finds what it tests. */
function testVariables({ release, listeners, targets }: PlacedInstance): Record<string, string> {
  const target = testTargetOf(release)
  const port = target && listeners.get(target.name)?.maintenancePort
  return {
    ...targetsOf(targets, listeners),
    ...(port === undefined ? {} : { ROADSTEAD_TARGET: localUrl(port) }),
  }
}

/**
 * What has a network of its own (a container, a process that insists on its port) does not share its
 * node's loopback: the ports there that it is let to.
 */
function reachesOf(
  { artifact, port }: { readonly artifact: Runnable; readonly port?: number },
  calls: Readonly<Record<string, string>>,
): Pick<AssignedInstance, 'reaches'> {
  const ports = Object.values(calls).map((url) => Number(new URL(url).port))
  const isApart = isImage(artifact) || port !== undefined
  return isApart && ports.length > 0 ? { reaches: [...new Set(ports)] } : {}
}

/** Which run it is, so that a job can tell a repetition from a new time. */
function runVariables({ id, job, slot, attempts }: JobRun): Record<string, string> {
  return {
    ROADSTEAD_JOB: job,
    ROADSTEAD_RUN: id,
    ROADSTEAD_ATTEMPT: String(attempts.length),
    ...(slot === null ? {} : { ROADSTEAD_SLOT: new Date(slot).toISOString() }),
  }
}

function identity(instance: Instance) {
  const { id, at, service, releaseId, purpose, desired, singleton, resources } = instance
  const terms = singleton === undefined ? {} : { singleton }
  return { instanceId: id, at, service, releaseId, purpose, desired, resources, ...terms }
}

/** `NAME_URL` for each service that it needs: its own node's listener, which outlives rollouts. */
function urlsOf(spec: ServiceSpec, listeners: PlacedInstance['listeners']): Record<string, string> {
  const urls: Record<string, string> = {}
  for (const needed of spec.needs) {
    const listener = listeners.get(needed)
    if (listener !== undefined) urls[urlVariableOf(needed)] = localUrl(listener.port)
  }
  return urls
}

/** `credit-check` → ROADSTEAD_TARGET_CREDIT_CHECK. */
function targetVariableOf(service: string): string {
  const url = urlVariableOf(service)
  assert(url.endsWith('_URL'), 'a URL variable ends in _URL')
  return `ROADSTEAD_TARGET_${url.slice(0, -'_URL'.length)}`
}

/**
 * `ROADSTEAD_TARGET_NAME` for each service that the release has something new of: its maintenance
 * pool, or its listener where the new is online already, as a new service without a route is. A
 * test may rely on it: what is named has to answer.
 */
function targetsOf(
  targets: readonly ServiceTarget[],
  listeners: PlacedInstance['listeners'],
): Record<string, string> {
  const urls: Record<string, string> = {}
  for (const { service, target, successors, online } of targets) {
    const listener = listeners.get(service)
    if (listener === undefined || target === null || successors === 0) continue
    const port = online > 0 ? listener.port : listener.maintenancePort
    urls[targetVariableOf(service)] = localUrl(port)
  }
  return urls
}

function localUrl(port: number): string {
  return `http://127.0.0.1:${port}`
}

/** Who and where it is, for its own logs and metrics. */
function platformVariables(instance: Instance, release: Release): Record<string, string> {
  return {
    ROADSTEAD_ENVIRONMENT: instance.at.environment,
    ROADSTEAD_TENANT: instance.at.tenant,
    ROADSTEAD_APP: instance.at.app,
    ROADSTEAD_SERVICE: instance.service,
    ROADSTEAD_INSTANCE: instance.id,
    ROADSTEAD_RELEASE: String(release.number),
    ROADSTEAD_VERSION: release.version,
    ...(instance.singleton === undefined
      ? {}
      : { ROADSTEAD_EPOCH: String(instance.singleton.epoch) }),
  }
}
