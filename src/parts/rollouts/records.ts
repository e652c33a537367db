import { checkTransition } from '../../base/state-table.ts'
import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import { isOver, Rollout, rolloutKey, rolloutTable } from './model.ts'

export const rolloutKind: Kind<Rollout> = {
  name: 'rollout',
  version: 2,
  schema: Rollout,
  keyOf: (rollout) => rolloutKey(rollout.at, rollout.id),
  // 0.2: a test is a run of its own. One that was under way starts anew.
  upgraders: { 1: withoutTestInstance },
  indexes: {
    app: (rollout) => appCellName(rollout.at),
    /** Those whose counts are wanted: under way, or over for less than the time after. */
    counting: (rollout) => (rollout.baseline === null ? undefined : 'yes'),
    /** Those that have something left to do, if only the counts of the time after. */
    unsettled: (rollout) =>
      isOver(rollout.state) && rollout.baseline === null ? undefined : appCellName(rollout.at),
    /** Those that are not over: at most one that runs, and those that wait. */
    open: (rollout) => (isOver(rollout.state) ? undefined : appCellName(rollout.at)),
  },
  checkChange: (before, after) => checkTransition(rolloutTable, before?.state, after.state),
}

function withoutTestInstance(old: unknown): unknown {
  const { testInstanceId: _test, ...kept } = old as { testInstanceId?: unknown }
  return { ...kept, testRunId: null }
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
