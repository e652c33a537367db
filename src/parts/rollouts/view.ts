import type { Snapshot } from '../../store/port.ts'
import type { RolloutView } from '../../wire/api.ts'
import { specDigest, type Release } from '../apps/model.ts'
import { releaseAt, serviceOf } from '../apps/records.ts'
import { instancesOf } from '../instances/records.ts'
import { isOver, type LedgerWindow, type Rollout } from './model.ts'
import { ledgerSince } from './plan-ledger.ts'
import { countsOf } from './rollout-view.ts'

/** A rollout as API, CLI and console show it: its ledger is brought up to `now` while it runs. */
export function viewOfRollout(
  snapshot: Snapshot,
  rollout: Rollout,
  now: number,
  live: LedgerWindow | null,
): RolloutView {
  const release = releaseAt(snapshot, rollout.at, rollout.releaseId)
  const from =
    rollout.fromReleaseId === null
      ? undefined
      : releaseAt(snapshot, rollout.at, rollout.fromReleaseId)
  const counts = rollout.baseline === null ? [] : countsOf(snapshot, rollout)
  const span =
    rollout.baseline === null || isOver(rollout.state)
      ? {}
      : ledgerSince(rollout.baseline, counts, now)
  return {
    ...rollout,
    baseline: null,
    ledger: { ...rollout.ledger, ...span },
    releaseNumber: release?.number ?? 0,
    version: release?.version ?? '',
    fromVersion: from?.version ?? null,
    pools: rollout.targets.flatMap(({ service }) => poolsOf(snapshot, rollout, release, service)),
    live,
  }
}

function poolsOf(
  snapshot: Snapshot,
  rollout: Rollout,
  release: Release | undefined,
  service: string,
): RolloutView['pools'] {
  const pools: RolloutView['pools'] = []
  const spec = serviceOf(release, service)
  const carriedIn = spec === undefined ? undefined : specDigest(spec)
  for (const { value } of instancesOf(snapshot, rollout.at, service)) {
    if (value.state === 'ended') continue
    pools.push({
      service: value.service,
      instanceId: value.id,
      releaseId: value.releaseId,
      successor: value.specDigest === carriedIn,
      pool: value.desired === 'stopped' ? 'draining' : value.pool,
      state: snapshot.observations.instance(value.id)?.state ?? 'pending',
    })
  }
  return pools.toSorted((a, b) => (a.instanceId < b.instanceId ? -1 : 1))
}
