import type { Clock } from '../../base/clock.ts'
import type { Controller, Plan } from '../../base/control-loop.ts'
import { unreachable } from '../../base/errors.ts'
import { partsOf } from '../../base/key.ts'
import type { Random } from '../../base/random.ts'
import {
  create,
  remove,
  replace,
  type Change,
  type Entry,
  type Snapshot,
  type State,
  type Write,
} from '../../store/port.ts'
import { putBack, runTimeoutMs, testTargetOf, type App, type Release } from '../apps/model.ts'
import { appAt, appKind, releasesOf, serviceOf } from '../apps/records.ts'
import { instanceById, instanceKind } from '../instances/records.ts'
import { migrateJob, testJob, type JobRun, type RunSpec } from '../jobs/model.ts'
import { journeyResources, newRun, runResources } from '../jobs/new-run.ts'
import { jobRunKind } from '../jobs/records.ts'
import { appCellName, appCellOf } from '../tenants/model.ts'
import { isOver, type Rollout, type SchemaStage } from './model.ts'
import { planRollout } from './plan.ts'
import type { RolloutAction } from './plan-actions.ts'
import { withoutHeldSuperseders } from './plan-gates.ts'
import { journeysCommand } from './plan-journeys.ts'
import type { PassedMigration, RunToStart } from './plan-progress.ts'
import { currentStep, statedStep } from './plan-steps.ts'
import { openRollouts, rolloutKind, schemaStageKind } from './records.ts'
import {
  observeRollout,
  rolloutsAt,
  type LastMinute,
  type ObservedRollout,
} from './rollout-view.ts'

/** Records of what is over that are kept per app and cell. */
const rolloutsKept = 50
/** Releases kept per app and cell: as far back as `revert` can go. */
const releasesKept = 10

interface View {
  readonly rollouts: readonly ObservedRollout[]
  /** Records beyond the bounds, to be forgotten when a rollout ends. */
  readonly stale: readonly Entry<Rollout | Release>[]
}

interface Action {
  readonly decision: RolloutAction
  readonly view: ObservedRollout
  readonly stale: readonly Entry<Rollout | Release>[]
}

/** Carries releases into cells, one rollout per app and cell at a time, forward or back. */
export function rolloutsController(options: {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
  readonly lastMinute: LastMinute
}): Controller<Change, Snapshot, View, Action> {
  return {
    name: 'rollouts',
    keysOf,
    *allKeys(snapshot) {
      for (const { value } of snapshot.list(appKind)) yield appCellName(value.at)
    },
    observe(key, snapshot) {
      const at = appCellOf(key)
      const rollouts = rolloutsAt(snapshot, at)
        .map((entry) => observeRollout(snapshot, entry, options.lastMinute))
        .filter((view) => view !== undefined)
      return rollouts.length === 0 ? undefined : { rollouts, stale: staleRecords(snapshot, key) }
    },
    plan(view, now): Plan<Action> {
      const rollouts = withoutHeldSuperseders(view.rollouts, now)
      const plans = rollouts.map((seen) => ({ seen, plan: planRollout(seen, now) }))
      const wakes = plans.map(({ plan }) => plan.wakeAt ?? Infinity)
      const wakeAt = Math.min(...wakes)
      return {
        actions: plans.flatMap(({ seen, plan }) =>
          plan.actions.map((decision) => ({ decision, view: seen, stale: view.stale })),
        ),
        because: plans.map(({ seen, plan }) => `${seen.rollout.id} ${plan.because}`).join('; '),
        wakeAt: wakeAt === Infinity ? undefined : wakeAt,
      }
    },
    async apply({ decision, view, stale }) {
      const { at, id } = view.rollout
      await options.state.commit({
        writes: [...writesOf(decision, view, options), ...pruning(decision, view, stale)],
        attribution: {
          who: 'rollouts',
          what: `rollout.${decision.type}`,
          why: `${at.app} ${id}: ${decision.because}`,
        },
      })
    },
  }
}

function* keysOf(change: Change, snapshot: Snapshot): Iterable<string> {
  switch (change.of) {
    case 'record': {
      // Gates have changed: whatever waits for one is looked at anew.
      if (change.kind === 'platform') {
        const open = [...snapshot.list(rolloutKind)].filter(({ value }) => !isOver(value.state))
        yield* new Set(open.map(({ value }) => appCellName(value.at)))
        return
      }
      if (!['rollout', 'instance', 'app', 'listener', 'job-run'].includes(change.kind)) return
      const { tenant, environment, app } = partsOf(change.key)
      const at = { tenant, environment, app }
      if (rolloutsAt(snapshot, at).length > 0) yield appCellName(at)
      return
    }
    case 'instance': {
      const instance = instanceById(snapshot, change.instanceId)?.value
      if (instance !== undefined && openRollouts(snapshot, instance.at).length > 0) {
        yield appCellName(instance.at)
      }
      return
    }
    case 'ingress':
      for (const { value } of snapshot.find(rolloutKind, 'counting', 'yes')) {
        yield appCellName(value.at)
      }
      return
    case 'node':
      return
    default:
      unreachable(change)
  }
}

function writesOf(
  decision: RolloutAction,
  view: ObservedRollout,
  options: { readonly clock: Clock; readonly random: Random },
): Write[] {
  const { entry, appEntry, rollout, app } = view
  const written = (changes: Partial<Rollout>): Write =>
    replace(rolloutKind, entry, { ...rollout, ...changes })
  switch (decision.type) {
    case 'begin':
    case 'settle':
      return [written(decision.changes)]
    case 'advance':
      return [
        written(decision.changes),
        ...schemaWrites(view, decision.passed, options.clock.now()),
      ]
    case 'start-run': {
      const run = newRunOf(decision.run, view, options)
      if (run === undefined) return []
      return [create(jobRunKind, run), written({ ...decision.changes, runId: run.id })]
    }
    case 'finish': {
      const over = written(decision.changes)
      const { releaseId } = decision
      if (releaseId === undefined) return [over]
      const after = { ...putBack(app, rollout.putsBack), releaseId }
      return [over, replace<App>(appKind, appEntry, after)]
    }
    default:
      return unreachable(decision)
  }
}

/** The run that a step waits for; undefined: no service of the release has anything to run. */
function newRunOf(
  what: RunToStart,
  { release, rollout }: ObservedRollout,
  making: { readonly clock: Clock; readonly random: Random },
): JobRun | undefined {
  const isTest = what.of !== 'migration'
  const spec = isTest ? checkSpec(release, rollout, what.of) : migrationSpec(release, what)
  if (spec === undefined) return undefined
  return newRun(
    {
      at: rollout.at,
      job: isTest ? testJob : migrateJob,
      purpose: isTest ? 'test' : 'migration',
      slot: null,
      rolloutId: rollout.id,
      releaseId: release.id,
      spec,
    },
    rollout.createdBy,
    making,
  )
}

/** Of a test or of journeys: what is run against the maintenance pool. */
function checkSpec(
  release: Release,
  { steps }: Rollout,
  kind: 'test' | 'journeys',
): RunSpec | undefined {
  const step = statedStep(release, kind, currentStep(steps))
  const artifact = release.files ?? testTargetOf(release)?.artifact
  if (step === undefined || artifact === undefined) return undefined
  const run = step.kind === 'test' ? step.run : journeysCommand(step)
  const resources = step.kind === 'test' ? runResources : journeyResources
  const timeoutMs = runTimeoutMs(step)
  return { run, timeoutMs, artifact, resources, service: null, retries: 0, overlap: 'allow' }
}

/** With the code and the environment of its service; those of one cell one after the other. */
function migrationSpec(
  release: Release,
  { stage, service }: Extract<RunToStart, { of: 'migration' }>,
): RunSpec | undefined {
  const spec = serviceOf(release, service)
  const run = spec?.migrate?.[stage] ?? null
  if (spec?.migrate === undefined || run === null) return undefined
  const { artifact, resources } = spec
  const { timeoutMs } = spec.migrate
  return { run, timeoutMs, artifact, resources, service, retries: 0, overlap: 'queue' }
}

/** What a migration has done to the schema, in the commit that takes note of its success. */
function schemaWrites(
  { release, rollout, schemaStages }: ObservedRollout,
  passed: PassedMigration | undefined,
  now: number,
): Write[] {
  if (passed === undefined) return []
  const { service, stage } = passed
  const by = { releaseId: release.id, number: release.number, at: now }
  const before = schemaStages.find((entry) => entry.value.service === service)
  const stages: SchemaStage = {
    at: rollout.at,
    service,
    expandedBy: before?.value.expandedBy ?? by,
    contractedBy: before?.value.contractedBy ?? null,
    ...(stage === 'contract' && before?.value.undo ? { undo: before.value.undo } : {}),
    [stage === 'expand' ? 'expandedBy' : 'contractedBy']: by,
  }
  return [
    before === undefined
      ? create(schemaStageKind, stages)
      : replace(schemaStageKind, before, stages),
  ]
}

/** What is beyond the bounds goes with the commit that ends a rollout. */
function pruning(
  decision: RolloutAction,
  view: ObservedRollout,
  stale: readonly Entry<Rollout | Release>[],
): Write[] {
  if (decision.type !== 'finish') return []
  return stale.filter((entry) => entry.key !== view.entry.key).map((entry) => remove(entry))
}

function staleRecords(snapshot: Snapshot, app: string): Entry<Rollout | Release>[] {
  const at = appCellOf(app)
  const needed = new Set<string | null>([appAt(snapshot, at)?.value.releaseId ?? null])
  for (const { value } of snapshot.find(instanceKind, 'app', app)) {
    if (value.state !== 'ended') needed.add(value.releaseId)
  }
  for (const { value } of openRollouts(snapshot, at)) {
    needed.add(value.releaseId)
    needed.add(value.fromReleaseId)
  }
  const releases = releasesOf(snapshot, at).slice(0, -releasesKept)
  const rollouts = [...snapshot.find(rolloutKind, 'app', app)].toSorted(
    (a, b) => a.createdRevision - b.createdRevision,
  )
  const proofs = proofsOfRunning(rollouts, releasesOf(snapshot, at).slice(-releasesKept))
  return [
    ...releases.filter(({ value }) => !needed.has(value.id)),
    ...rollouts
      .slice(0, -rolloutsKept)
      .filter(
        ({ key, value }) => value.endedAt !== null && value.baseline === null && !proofs.has(key),
      ),
  ]
}

/** The last rollout that began of each release that is kept: only what has begun can be reverted to. */
function proofsOfRunning(
  rollouts: readonly Entry<Rollout>[],
  releases: readonly Entry<Release>[],
): Set<string> {
  const last = (id: string): Entry<Rollout> | undefined =>
    rollouts.findLast(({ value }) => value.releaseId === id && value.startedAt !== null)
  return new Set(releases.flatMap(({ value }) => last(value.id)?.key ?? []))
}
