import Type, { type Static } from 'typebox'

/** How full a bound is. */
export const BoundView = Type.Object({
  /** `store.commits-waiting`: the part, then what grows. */
  name: Type.String(),
  /** What grows there, and what happens when it is full. */
  says: Type.String(),
  unit: Type.Enum(['items', 'bytes']),
  overflow: Type.Enum(['refuses', 'drops-oldest', 'drops-newest', 'waits']),
  limit: Type.Number(),
  used: Type.Number(),
  /** Refused or dropped since the start. */
  lost: Type.Number(),
})
export type BoundView = Static<typeof BoundView>
