import { checkTransition } from '../../base/state-table.ts'
import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import {
  isFollowed,
  isOver,
  Rollout,
  rolloutKey,
  rolloutTable,
  SchemaStage,
  schemaStageKey,
} from './model.ts'

export const rolloutKind: Kind<Rollout> = {
  name: 'rollout',
  version: 3,
  schema: Rollout,
  keyOf: (rollout) => rolloutKey(rollout.at, rollout.id),
  // 0.2: a test is a run of its own. One that was under way starts anew.
  // 0.3: a step waits for a run, be it a test or a migration.
  upgraders: { 1: withoutTestInstance, 2: withRun },
  indexes: {
    app: (rollout) => appCellName(rollout.at),
    /** Those whose counts are wanted: under way, or over for less than the time after. */
    counting: (rollout) => (rollout.baseline === null ? undefined : 'yes'),
    /** Those that have something left to do, if only the counts of the time after. */
    unsettled: (rollout) =>
      isOver(rollout.state) && rollout.baseline === null && !isFollowed(rollout)
        ? undefined
        : appCellName(rollout.at),
    /** Those that are not over: at most one that runs, and those that wait. */
    open: (rollout) => (isOver(rollout.state) ? undefined : appCellName(rollout.at)),
  },
  checkChange: (before, after) => checkTransition(rolloutTable, before?.state, after.state),
}

function withoutTestInstance(old: unknown): unknown {
  const { testInstanceId: _test, ...kept } = old as { testInstanceId?: unknown }
  return { ...kept, testRunId: null }
}

function withRun(old: unknown): unknown {
  const { testRunId = null, ...kept } = old as { testRunId?: unknown }
  return { ...kept, runId: testRunId }
}

export function rolloutById(
  snapshot: Snapshot,
  at: AppCell,
  id: string,
): Entry<Rollout> | undefined {
  return snapshot.get(rolloutKind, rolloutKey(at, id))
}

/** The rollouts of an app and cell that are not over, oldest first. */
export function openRollouts(snapshot: Snapshot, at: AppCell): Entry<Rollout>[] {
  return [...snapshot.find(rolloutKind, 'open', appCellName(at))].toSorted(
    (a, b) => a.createdRevision - b.createdRevision,
  )
}

/** The one that runs or reverts, if any. */
export function activeRollout(snapshot: Snapshot, at: AppCell): Entry<Rollout> | undefined {
  return openRollouts(snapshot, at).find((entry) => entry.value.state !== 'queued')
}

export const schemaStageKind: Kind<SchemaStage> = {
  name: 'schema-stage',
  version: 1,
  schema: SchemaStage,
  keyOf: ({ at, service }) => schemaStageKey(at, service),
  upgraders: {},
  indexes: { app: ({ at }) => appCellName(at) },
}

/** What is known of the schemas that an app's services work on. */
export function schemaStagesOf(snapshot: Snapshot, at: AppCell): Entry<SchemaStage>[] {
  return [...snapshot.find(schemaStageKind, 'app', appCellName(at))]
}
