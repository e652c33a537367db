import type { Clock } from '../../base/clock.ts'
import type { Controller, Plan } from '../../base/control-loop.ts'
import { unreachable } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import {
  create,
  remove,
  replace,
  type Change,
  type Entry,
  type Expectation,
  type Snapshot,
  type State,
  type Write,
} from '../../store/port.ts'
import { driverOf } from '../artifacts/model.ts'
import { nodeKey } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import type { JobRun } from '../jobs/model.ts'
import { isJobService, jobServiceOf, serviceName, spokenName, type Instance } from './model.ts'
import { planInstances, type InstanceAction } from './plan.ts'
import { planAttempts } from './plan-attempts.ts'
import type { Leases } from './leases.ts'
import { instanceById, instanceKind, instancesOn, singletonEpochKind } from './records.ts'
import { observeService, servicesOf, type ServiceView } from './service-view.ts'

/** A decision with all that `apply` needs to carry it out, since it may not look anything up. */
interface Action {
  readonly decision: InstanceAction
  /** The record it was decided on; undefined for a creation. */
  readonly entry: Entry<Instance> | undefined
  readonly view: ServiceView
}

/** Makes instances what releases and rollouts want of them: heals, promotes, drains, stops. */
export function instancesController(options: {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
  readonly leases: Pick<Leases, 'leftMs'>
  /** How long a singleton may run after the report that was acknowledged last, in ms. */
  readonly singletonLeaseMs?: number
}): Controller<Change, Snapshot, ServiceView, Action> {
  const { state, leases } = options
  return {
    name: 'instances',
    keysOf,
    *allKeys(snapshot) {
      const services = new Set<string>()
      for (const { value } of snapshot.list(instanceKind)) {
        services.add(serviceName(value.at, value.service))
      }
      for (const name of servicesOf(snapshot)) services.add(name)
      yield* services
    },
    observe: (key, snapshot) => observeService(key, snapshot, leases),
    plan(view, now): Plan<Action> {
      const plan = isJobService(view.service)
        ? planAttempts(view, view.wantedAttempts)
        : planInstances(view, now)
      return {
        ...plan,
        actions: plan.actions.map((decision) => ({
          decision,
          entry: decision.type === 'create' ? undefined : view.entries.get(decision.id),
          view,
        })),
      }
    },
    async apply(action) {
      const { decision, view } = action
      const because =
        decision.type === 'forget' ? 'history is kept within a bound' : decision.because
      const writes = writesOf(action, options)
      if (writes.length === 0) return
      await state.commit({
        writes,
        expectations: expectationsOf(action),
        attribution: {
          who: 'instances',
          what: `instance.${decision.type}`,
          why: `${spokenName(view.service)}: ${because}`,
        },
      })
    },
  }
}

/**
 * Rule 6 of docs/reference/rules.md: what was decided on a lost node's word is refused once that node
 * is heard again, and what leaves service is refused once somebody wants more of it.
 */
function expectationsOf({ decision, view }: Action): Expectation[] {
  const { type } = decision
  if (type !== 'drain' && type !== 'stop' && type !== 'end') return []
  const lost = type === 'drain' ? undefined : view.lostNodes.get(decision.id)
  const wanted = type === 'end' ? [] : view.wantedBy
  return lost === undefined ? [...wanted] : [...wanted, lost]
}

/** The services that a change may concern. */
function* keysOf(change: Change, snapshot: Snapshot): Iterable<string> {
  switch (change.of) {
    case 'instance': {
      const entry = instanceById(snapshot, change.instanceId)
      if (entry !== undefined) yield serviceName(entry.value.at, entry.value.service)
      return
    }
    case 'ingress':
      yield* drainingServices(snapshot)
      return
    case 'node':
      return
    case 'record':
      yield* keysOfRecord(change, snapshot)
      return
    default:
      unreachable(change)
  }
}

function* keysOfRecord(
  change: Extract<Change, { of: 'record' }>,
  snapshot: Snapshot,
): Iterable<string> {
  if (change.kind === 'instance') {
    const instance = (change.after ?? change.before) as Instance
    yield serviceName(instance.at, instance.service)
  } else if (change.kind === 'node') {
    const [, , , , nodeId = ''] = change.key.split('/')
    if (snapshot.get(nodeKind, nodeKey(nodeId))?.value.lost === undefined) return
    for (const { value } of instancesOn(snapshot, nodeId))
      yield serviceName(value.at, value.service)
  } else if (change.kind === 'job-run') {
    const { at, job } = (change.after ?? change.before) as JobRun
    yield serviceName(at, jobServiceOf(job))
  } else if (change.kind === 'app' || change.kind === 'rollout') {
    const [, tenant = '', environment = '', app = ''] = change.key.split('/')
    yield* servicesOf(snapshot, { tenant, environment, app })
  }
}

/** Only draining instances wait for what an ingress says. */
function* drainingServices(snapshot: Snapshot): Iterable<string> {
  for (const { value } of snapshot.find(instanceKind, 'draining', 'yes')) {
    yield serviceName(value.at, value.service)
  }
}

/** Leases end this long after a report at the latest, unless the operator says otherwise. */
const singletonLeaseMsUsual = 30_000

interface Making {
  readonly clock: Clock
  readonly random: Random
  readonly singletonLeaseMs?: number
}

function writesOf(action: Action, options: Making): Write[] {
  const { decision, entry, view } = action
  if (decision.type === 'create') return creationOf(view, options, decision)
  return entry === undefined ? [] : [changeOf(decision, entry, options.clock.now())]
}

type Creation = Extract<InstanceAction, { type: 'create' }>

/** A singleton comes with the next epoch, in one commit: of two that decide the same, one fails. */
function creationOf(view: ServiceView, options: Making, decision: Creation): Write[] {
  const instance = newInstance(view, options, decision)
  if (!view.wanted.singleton) return [create(instanceKind, instance)]
  const { at, service, epoch: before } = view
  const epoch = (before?.value.epoch ?? 0) + 1
  const leaseMs = options.singletonLeaseMs ?? singletonLeaseMsUsual
  const counted = { at, service, epoch }
  return [
    create(instanceKind, { ...instance, singleton: { epoch, leaseMs } }),
    before === undefined
      ? create(singletonEpochKind, counted)
      : replace(singletonEpochKind, before, counted),
  ]
}

function changeOf(
  decision: Exclude<InstanceAction, { type: 'create' }>,
  entry: Entry<Instance>,
  now: number,
): Write {
  const { value } = entry
  const { type } = decision
  switch (type) {
    case 'promote':
      return replace(instanceKind, entry, { ...value, pool: 'online', because: decision.because })
    case 'drain':
      return replace(instanceKind, entry, {
        ...value,
        pool: 'draining',
        drainingSince: now,
        because: decision.because,
      })
    case 'stop':
      return replace(instanceKind, entry, {
        ...value,
        desired: 'stopped',
        because: decision.because,
      })
    case 'end':
      return replace(instanceKind, entry, {
        ...value,
        state: 'ended',
        ended: { at: now, because: decision.because },
      })
    case 'forget':
      return remove(entry)
    default:
      return unreachable(type)
  }
}

function newInstance(
  view: ServiceView,
  options: Pick<Making, 'clock' | 'random'>,
  decision: Creation,
): Instance {
  const { at, service, wanted } = view
  const baseline = decision.of === 'baseline' ? wanted.baseline : undefined
  const spec = baseline === undefined ? view.spec : view.currentSpec
  const target = baseline ?? wanted.target
  return {
    id: newId('i', options.random),
    at,
    service,
    purpose: 'service',
    releaseId: target?.releaseId ?? '',
    specDigest: target?.specDigest ?? '',
    ...(baseline === undefined ? {} : { baselineOf: baseline.rolloutId }),
    resources: spec?.resources ?? { cpu: 0, memoryBytes: 0, diskBytes: 0 },
    needsPort: spec?.worker === false,
    ...(spec === undefined ? {} : driverOf(spec.artifact, spec)),
    state: 'pending',
    desired: 'running',
    pool: 'maintenance',
    drainingSince: null,
    placement: null,
    unplaced: null,
    because: decision.because,
    createdAt: options.clock.now(),
    ended: null,
  }
}
