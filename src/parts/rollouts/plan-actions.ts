import type { App, Release } from '../apps/model.ts'
import type { Gate } from '../tenants/model.ts'
import type { LedgerWindow, Rollout } from './model.ts'
import type { IngressCounts } from './plan-ledger.ts'
import type { PassedMigration, RunSeen, RunToStart } from './plan-progress.ts'
import type { TablesView } from './plan-tables.ts'
import type { ServiceSeen } from './plan-targets.ts'

/** What the plan for one rollout looks at, and all that it can decide. */

/** `revision` is that of the rollout's record: tables at or after it show what it waited for. */
export interface RolloutView extends TablesView {
  readonly rollout: Rollout
  readonly app: App
  readonly release: Release
  /** What to come back to; null where nothing ran. */
  readonly from: Release | null
  /** What platform.yaml asks of a release here; missing: nothing. */
  readonly gate?: Gate | undefined
  /** Another rollout of this app and cell that runs, or stands before this one in the queue. */
  readonly ahead: { readonly id: string } | null
  /** A newer rollout that wants this one's place. */
  readonly superseder: string | null
  /** Services of the release that still have no listener ports. */
  readonly listenersMissing: readonly string[]
  readonly services: readonly ServiceSeen[]
  readonly run: RunSeen | null
  /** An earlier rollout whose contract is under way, by its id. */
  readonly contracting: string | null
  /** Of one that is over: the cell has gone on to another release, or is about to. */
  readonly isOvertaken: boolean
  /** Of one that is followed: an instance that still runs something older. */
  readonly oldInstance: string | null
  /** What every ingress has counted for this app up to now. */
  readonly counts: readonly IngressCounts[]
  /** The app's traffic in the last minute. */
  readonly lastMinute: LedgerWindow | null
}

/** Everything that the rollouts controller may ever do. */
export type RolloutAction =
  /** Begin: targets, steps and the ledger's baseline are set. */
  | { readonly type: 'begin'; readonly changes: Partial<Rollout>; readonly because: string }
  /** Go on: another step, other targets, another sentence. */
  | {
      readonly type: 'advance'
      readonly changes: Partial<Rollout>
      /** A migration that is through, for the record of the schema. */
      readonly passed?: PassedMigration | undefined
      readonly because: string
    }
  /** Start what the step waits for: a test, or a service's migration. */
  | {
      readonly type: 'start-run'
      readonly run: RunToStart
      readonly changes: Partial<Rollout>
      readonly because: string
    }
  /** End; `releaseId` is what the cell runs from now on (undefined: as before). */
  | {
      readonly type: 'finish'
      readonly changes: Partial<Rollout>
      readonly releaseId: string | null | undefined
      readonly because: string
    }
  /** Write the counts of the time after its end into the record. */
  | { readonly type: 'settle'; readonly changes: Partial<Rollout>; readonly because: string }
