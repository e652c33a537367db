import { checkTransition } from '../../base/state-table.ts'
import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import { isOver, Rollout, rolloutKey, rolloutTable } from './model.ts'

export const rolloutKind: Kind<Rollout> = {
  name: 'rollout',
  version: 1,
  schema: Rollout,
  keyOf: (rollout) => rolloutKey(rollout.at, rollout.id),
  upgraders: {},
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
