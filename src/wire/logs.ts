import Type, { type Static } from 'typebox'
import { AppCell } from '../parts/tenants/model.ts'

/** A line as it was printed; terminal codes and all. */
export const LogLineView = Type.Object({
  at: Type.Number(),
  instanceId: Type.String(),
  service: Type.String(),
  /** Where its app runs. */
  cell: AppCell,
  releaseId: Type.String(),
  stream: Type.Enum(['stdout', 'stderr']),
  text: Type.String(),
  cut: Type.Optional(Type.Boolean()),
  /** Its place in the order of all lines: `before` and `after` take it. */
  position: Type.String(),
})
export type LogLineView = Static<typeof LogLineView>

/** GET /v1/logs: one page of lines, oldest first. */
export const LogAnswer = Type.Object({
  items: Type.Array(LogLineView),
  /** One search reads so much and no more: how far it came, wall ms. Ask again with it as `until`. */
  reachedAt: Type.Optional(Type.Number()),
})
export type LogAnswer = Static<typeof LogAnswer>

/** Bars in one histogram at the most. */
export const logBucketsMax = 240

/** GET /v1/logs/histogram: how many lines match, by time, oldest first, none left out. */
export const LogHistogram = Type.Object({
  since: Type.Number(),
  until: Type.Number(),
  bucketMs: Type.Number(),
  items: Type.Array(
    Type.Object({
      /** When the bucket begins, wall ms. */
      at: Type.Number(),
      lines: Type.Integer(),
      /** Of them, by what they say of themselves. */
      warnings: Type.Integer(),
      errors: Type.Integer(),
    }),
  ),
  /** What is older was not counted in this answer, wall ms. */
  reachedAt: Type.Optional(Type.Number()),
})
export type LogHistogram = Static<typeof LogHistogram>
