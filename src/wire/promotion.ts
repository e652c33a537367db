import Type, { type Static } from 'typebox'
import { Cell } from '../parts/tenants/model.ts'

/**
 * POST /v1/cells/{environment}/{tenant}/apps/{app}/promote → 202 DeployAnswer, or 200
 * UnchangedAnswer; POST …/promote/plan with the same body → 200 DeployPlanView. The path names the
 * cell to go to.
 */
export const PromoteRequest = Type.Object({
  /** The cell whose release goes, with exactly its artifacts. */
  from: Cell,
  supersede: Type.Boolean(),
  /** Leave what was scaled or stopped by hand as it is. */
  keepDrift: Type.Optional(Type.Boolean()),
  /** The hash of a plan: promote exactly that, or nothing (409 `plan-stale`). */
  plan: Type.Optional(Type.String({ maxLength: 128 })),
})
export type PromoteRequest = Static<typeof PromoteRequest>

/** POST …/rollouts/{id}/approve → 202, or 200 where the same person had approved it before. */
export const ApproveAnswer = Type.Object({
  revision: Type.Integer(),
  /** Whose approval counts. */
  approvedBy: Type.Array(Type.String()),
  /** What it waits for still; null: nothing but its turn. */
  waitsFor: Type.Union([Type.String(), Type.Null()]),
})
export type ApproveAnswer = Static<typeof ApproveAnswer>
