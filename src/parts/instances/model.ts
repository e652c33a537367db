import Type, { type Static } from 'typebox'
import { keyOf, type Key } from '../../base/key.ts'
import type { StateTable } from '../../base/state-table.ts'
import { Resources } from '../nodes/model.ts'
import { AppCell, appCellName } from '../tenants/model.ts'

/** Where a running instance stands for the ingress. Writer: the instances controller. */
export const Pool = Type.Enum([
  /** Out of customers' sight: being made ready, warmed up, tested. */
  'maintenance',
  /** Customers reach it. */
  'online',
  /** No new request; those under way may end. */
  'draining',
])
export type Pool = Static<typeof Pool>

/** The stored part of an instance's life; what happens in between is observed, not committed. */
export const InstanceState = Type.Enum([
  /** Wants a node. Owner: scheduling. */
  'pending',
  /** Has a node and port; its agent runs it. Owner: instances. */
  'placed',
  /** Over for good; kept a while for people. */
  'ended',
])
export type InstanceState = Static<typeof InstanceState>

/** Who moves an instance on from each stored state. */
export const instanceTable: StateTable<InstanceState, 'scheduling' | 'instances'> = {
  initial: 'pending',
  transitions: [
    { from: 'pending', to: 'placed', by: 'scheduling' },
    { from: 'pending', to: 'ended', by: 'scheduling' },
    { from: 'placed', to: 'ended', by: 'instances' },
  ],
}

/**
 * What makes an instance the only one of its service: its fencing token, which rises with each
 * instance and is given to its process as ROADSTEAD_EPOCH, and how long it may run after the report
 * that the server acknowledged last.
 */
export const SingletonTerms = Type.Object({
  epoch: Type.Integer({ minimum: 1 }),
  leaseMs: Type.Integer({ minimum: 1 }),
})
export type SingletonTerms = Static<typeof SingletonTerms>

/** Why an instance has no node. */
export const Unplaced = Type.Object({
  because: Type.String(),
  fix: Type.String(),
  /** A node would take it once instances there gave their room. */
  lacksRoom: Type.Optional(Type.Boolean()),
})

/** One running copy of a service, or one attempt at a job, on one node. */
export const Instance = Type.Object({
  id: Type.String(),
  at: AppCell,
  service: Type.String(),
  /** A copy of a service, or an attempt at a job, which runs once to its end. */
  purpose: Type.Enum(['service', 'job']),
  /** The release whose spec it runs; empty for the build of an image, which comes before it. */
  releaseId: Type.String(),
  /** `specDigest` of what it runs: tells successors from predecessors. */
  specDigest: Type.String(),
  resources: Resources,
  needsPort: Type.Boolean(),
  /** What its node has to have; missing: any runs it, as a process. */
  driver: Type.Optional(
    Type.Enum([
      /** An engine for its image. */
      'docker',
      /** What holds a process to its limits, all of them. */
      'limits',
      /** An engine, and its operator's word that images may be built there. */
      'builds',
      /** A network of its own for a process that insists on its port. */
      'ports',
      /** What holds it to its limits, and a network of its own. */
      'limited-ports',
      /** What shows a process files at paths of its own. */
      'mounts',
    ]),
  ),
  /** Of a singleton; missing for all others. Written once, at its creation. */
  singleton: Type.Optional(SingletonTerms),
  /** The rollout that compares its new version with this one, a fresh instance of the old. */
  baselineOf: Type.Optional(Type.String()),
  state: InstanceState,
  /** What the instances controller wants of it. */
  desired: Type.Enum(['running', 'stopped']),
  pool: Pool,
  /** Since when it drains, wall ms; null before. */
  drainingSince: Type.Union([Type.Number(), Type.Null()]),
  /** Writer: scheduling. */
  placement: Type.Union([
    Type.Object({ nodeId: Type.String(), port: Type.Union([Type.Integer(), Type.Null()]) }),
    Type.Null(),
  ]),
  /** Why there is no node for it, and the smallest change that would make it fit. */
  unplaced: Type.Union([Unplaced, Type.Null()]),
  /** One sentence: why it exists, and later why it stops. Writer: instances. */
  because: Type.String(),
  createdAt: Type.Number(),
  /** Who wants another in its place, since when (wall ms); writer: the replace route, once. */
  replaceAsked: Type.Optional(Type.Object({ by: Type.String(), at: Type.Number() })),
  /** How it ended; null until then. */
  ended: Type.Union([Type.Object({ at: Type.Number(), because: Type.String() }), Type.Null()]),
})
export type Instance = Static<typeof Instance>

export function instanceKey(at: AppCell, id: string): Key {
  const { tenant, environment, app } = at
  return keyOf({ kind: 'instance', tenant, environment, app, name: id })
}

/**
 * The epoch that a singleton's newest instance was given. It outlives the instances, and the app:
 * a storage that has seen an epoch never sees it again.
 */
export const SingletonEpoch = Type.Object({
  at: AppCell,
  service: Type.String(),
  epoch: Type.Integer({ minimum: 1 }),
})
export type SingletonEpoch = Static<typeof SingletonEpoch>

export function singletonEpochKey({ tenant, environment, app }: AppCell, service: string): Key {
  return keyOf({ kind: 'singleton-epoch', tenant, environment, app, name: service })
}

/** `local/default/shop/storefront`: one service in one cell; a backend's id and a loop's key. */
export function serviceName(at: AppCell, service: string): string {
  return `${appCellName(at)}/${service}`
}

/**
 * The service name that the attempts at a job stand under, such as `~reindex`; those of a release's
 * tests and migrations stand under `~test` and `~migrate`, builds of images under `~build`. No service
 * can be called so.
 */
export function jobServiceOf(job: string): string {
  return job.startsWith('~') ? job : `~${job}`
}

/** Whether what stands under this name runs to its end. */
export function isJobService(service: string): boolean {
  return service.startsWith('~')
}

/** A service's name in a sentence for people. */
export function spokenName(service: string): string {
  if (!isJobService(service)) return service
  const job = service.slice(1)
  return platformJobs.get(job) ?? `the job ${job}`
}

/** Jobs that no manifest names. */
const platformJobs: ReadonlyMap<string, string> = new Map([
  ['test', 'the test'],
  ['migrate', 'the migration'],
  ['build', 'the build of an image'],
])

/** What an agent sees of an instance; an observation, never a commit. */
export const ObservedState = Type.Enum([
  /** Fetching and unpacking its artifact. */
  'pulling',
  /** Its process runs; its checks have not passed yet. */
  'starting',
  /** Checks pass; its warm-up is under way. */
  'warming',
  /** It can serve. A test that runs is `ready` too. */
  'ready',
  /** It was ready; its checks fail now. */
  'unhealthy',
  /** Its process died or could not start; the agent starts it again after a wait. */
  'backing-off',
  /** Told to end: SIGTERM sent, the grace runs. */
  'stopping',
  /** Its process tree is gone and will not come back. */
  'exited',
  /** This node cannot take it (its port is held by another process); it needs another place. */
  'refused',
])
export type ObservedState = Static<typeof ObservedState>

/** Who moves an observed instance on; all of it is the agent's. */
export const observedTable: StateTable<ObservedState, 'agent'> = {
  initial: 'pulling',
  transitions: [
    { from: 'pulling', to: 'starting', by: 'agent' },
    { from: 'pulling', to: 'backing-off', by: 'agent' },
    { from: 'pulling', to: 'refused', by: 'agent' },
    { from: 'pulling', to: 'exited', by: 'agent' },
    { from: 'starting', to: 'warming', by: 'agent' },
    { from: 'starting', to: 'ready', by: 'agent' },
    { from: 'starting', to: 'backing-off', by: 'agent' },
    { from: 'starting', to: 'refused', by: 'agent' },
    { from: 'starting', to: 'stopping', by: 'agent' },
    { from: 'starting', to: 'exited', by: 'agent' },
    { from: 'warming', to: 'ready', by: 'agent' },
    { from: 'warming', to: 'backing-off', by: 'agent' },
    { from: 'warming', to: 'stopping', by: 'agent' },
    { from: 'ready', to: 'unhealthy', by: 'agent' },
    { from: 'ready', to: 'backing-off', by: 'agent' },
    { from: 'ready', to: 'stopping', by: 'agent' },
    { from: 'ready', to: 'exited', by: 'agent' },
    { from: 'unhealthy', to: 'ready', by: 'agent' },
    { from: 'unhealthy', to: 'backing-off', by: 'agent' },
    { from: 'unhealthy', to: 'stopping', by: 'agent' },
    { from: 'backing-off', to: 'pulling', by: 'agent' },
    { from: 'backing-off', to: 'exited', by: 'agent' },
    { from: 'stopping', to: 'exited', by: 'agent' },
  ],
}

/** An agent's report of one instance. */
export const ObservedInstance = Type.Object({
  instanceId: Type.String(),
  state: ObservedState,
  /** One sentence on how it came into this state, for people. */
  because: Type.String({ maxLength: 1_024 }),
  /** Wall ms since which it is in this state. */
  since: Type.Number(),
  /** It will fail at the same again, wherever and whenever it is tried: its archive is refused. */
  hopeless: Type.Optional(Type.Boolean()),
  /** Of a job: it was ended because its time had run out. */
  timedOut: Type.Optional(Type.Boolean()),
  /** How often it was held back at its share of the cores in this run; missing: never. */
  throttled: Type.Optional(
    Type.Object({
      /** Periods of 100 ms in which it was. */
      periods: Type.Integer({ minimum: 0 }),
      /** For how long in all. */
      ms: Type.Integer({ minimum: 0 }),
    }),
  ),
  /** What people should know of how it runs: that it is root, or what it is not held to. */
  remark: Type.Optional(Type.String({ maxLength: 256 })),
  /** The digest of the archive or image that it was started from (since protocol 2). */
  artifact: Type.Optional(Type.String({ maxLength: 80 })),
  /** What it was started from was changed by hand since: another is to take its place. */
  altered: Type.Optional(Type.Boolean()),
  /** Starts of its process so far; the first is 1. */
  runs: Type.Integer({ minimum: 0 }),
  pid: Type.Union([Type.Integer(), Type.Null()]),
  /** Of the last process that ended: its code, or the signal's name. */
  lastExit: Type.Union([
    Type.Object({
      code: Type.Union([Type.Integer(), Type.Null()]),
      signal: Type.Union([Type.String(), Type.Null()]),
      /** The kernel ended it at the limit of its memory, in bytes. */
      memoryLimit: Type.Optional(Type.Integer()),
      at: Type.Number(),
    }),
    Type.Null(),
  ]),
  /** Of its warm-up: requests sent, and the slowest of its last tenth in ms. */
  warmedUp: Type.Union([
    Type.Object({ requests: Type.Integer(), firstMs: Type.Number(), lastMs: Type.Number() }),
    Type.Null(),
  ]),
})
export type ObservedInstance = Static<typeof ObservedInstance>
