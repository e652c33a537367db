import type { Release } from '../apps/model.ts'
import type { JobRun } from '../jobs/model.ts'
import type { JudgeReport } from './judge-model.ts'
import type { Judging, Rollout, ServiceTarget } from './model.ts'
import type { IngressCounts } from './plan-ledger.ts'
import type { ServiceProgress } from './plan-targets.ts'

/** What a step looks at, and what it can say of itself. */

/** What is seen of the run that the step under way waits for. */
export type RunSeen = Pick<JobRun, 'state' | 'because' | 'attempts'>

export interface StepsView {
  readonly rollout: Rollout
  readonly release: Release
  /** What ran before; null where nothing did. */
  readonly from: Release | null
  /** In the order in which they go out. */
  readonly services: readonly ServiceProgress[]
  readonly run: RunSeen | null
  /** What every ingress has counted, for the step that compares. */
  readonly counts: readonly IngressCounts[]
  /** Every ingress has the pools as they were when the step began, or as they are now. */
  readonly isTold: boolean
}

/** A test may not begin before its requests have a way: it would fail for nothing. */
export const waitsForTables = {
  outcome: 'waits',
  waitsFor: 'every ingress to know the maintenance pool',
} as const satisfies StepProgress

/** How far a step is: done, still on its way (with new targets perhaps), or failed. */
export type StepProgress =
  | { readonly outcome: 'done'; readonly report?: JudgeReport }
  | { readonly outcome: 'failed'; readonly because: string; readonly report?: JudgeReport }
  | {
      readonly outcome: 'waits'
      readonly waitsFor: string
      readonly targets?: readonly ServiceTarget[]
      /** A run to start and to wait for. */
      readonly start?: RunToStart
      /** What else the rollout's record says from now on. */
      readonly changes?: Partial<Rollout>
      /** What the comparison has come to. */
      readonly judged?: Judged
      /** A migration that is through: for the record of the schema. */
      readonly passed?: PassedMigration
      readonly resumeAt?: number
      /** Wall ms at which to look again. */
      readonly wakeAt?: number
      /** True: it may take as long as it takes; its own time-outs end it. */
      readonly isPatient?: boolean
    }

/** A service's migration that has succeeded. */
export interface PassedMigration {
  readonly stage: MigrationStage
  readonly service: string
}

/** A run of a test, of journeys, or of a service's migration. */
export type RunToStart =
  | { readonly of: 'test' | 'journeys' }
  | { readonly of: 'migration'; readonly stage: MigrationStage; readonly service: string }

/** A half of a migration. */
export type MigrationStage = 'expand' | 'contract'

/** What a look at the comparison changes in its record. */
export interface Judged {
  readonly begun?: Omit<Judging, 'baseline'>
  readonly looked?: Partial<Judging>
}
