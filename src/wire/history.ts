import Type, { type Static } from 'typebox'

/** A commit in time, as answers about the past name it. */
export const MomentView = Type.Object({
  revision: Type.Integer(),
  /** Wall time in ms. */
  at: Type.Number(),
})
export type MomentView = Static<typeof MomentView>

/** `?at=` of routes that can answer for the past: a wall time in ms. */
export const atQuery = Type.Optional(Type.Number({ minimum: 0, maximum: 8.64e15 }))

/** One change of one record. */
export const HistoryEntry = Type.Object({
  ...MomentView.properties,
  who: Type.String(),
  what: Type.String(),
  why: Type.String(),
  key: Type.String(),
  change: Type.Enum(['created', 'changed', 'deleted']),
  /** What differs, at most 100 fields; `before` is absent where a field came, `after` where it went. */
  fields: Type.Array(
    Type.Object({
      path: Type.String(),
      before: Type.Optional(Type.Unknown()),
      after: Type.Optional(Type.Unknown()),
    }),
  ),
})
export type HistoryEntry = Static<typeof HistoryEntry>

/** GET /v1/history: changes, the newest first; `next` is the `before` of the next page. */
export const HistoryAnswer = Type.Object({
  items: Type.Array(HistoryEntry),
  next: Type.Optional(Type.Integer()),
})
export type HistoryAnswer = Static<typeof HistoryAnswer>
