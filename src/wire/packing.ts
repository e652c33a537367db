import Type, { type Static } from 'typebox'
import { ObservedState, Pool } from '../parts/instances/model.ts'
import { NodeFinding } from '../parts/nodes/model.ts'
import { AppCell } from '../parts/tenants/model.ts'

/**
 * GET /v1/packing: what lies on which node, in as few bytes as a picture of 20,000 instances needs.
 * Services are told once and named by their place in `services`, which holds for one page only.
 */
export const PackingView = Type.Object({
  nodeId: Type.String(),
  instances: Type.Array(
    Type.Object({
      id: Type.String(),
      /** The place of its service in the page's `services`. */
      service: Type.Integer({ minimum: 0 }),
      cpu: Type.Number(),
      memoryBytes: Type.Integer(),
      pool: Pool,
      /** As its agent told last; null: nothing yet, or not since the server's start. */
      state: Type.Union([ObservedState, Type.Null()]),
    }),
  ),
})
export type PackingView = Static<typeof PackingView>

/** The services that a page of the packing names. */
export const PackedService = Type.Object({ at: AppCell, service: Type.String() })
export type PackedService = Static<typeof PackedService>

/** One page: nodes by name, `next` as in every list. */
export const PackingAnswer = Type.Object({
  items: Type.Array(PackingView),
  services: Type.Array(PackedService),
  /** Instances in all that no node takes. */
  unplaced: Type.Integer(),
  next: Type.Optional(Type.String()),
})
export type PackingAnswer = Static<typeof PackingAnswer>

/** GET /v1/findings → { items, next? }. */
export { NodeFinding }
