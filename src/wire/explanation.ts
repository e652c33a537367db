import Type, { type Static } from 'typebox'
import { pageQuery } from './page.ts'

/**
 * GET …/apps/{app}/releases/{number}/explanation: how a release's manifest reads in its cell, and
 * where each line is from. A page holds lines in their order.
 */

const Origin = {
  /** `default`, `app`, `environment prod`, `tenant cz` or `cell prod/cz`; a later one is stronger. */
  layer: Type.String(),
  /** Empty for a default. */
  file: Type.String(),
  /** From 1; 0 for what stands in no file (a default). */
  line: Type.Integer(),
}

/** A line of YAML. */
export const ExplainedLineView = Type.Object({
  text: Type.String(),
  /** Missing: the line opens a block, whose own lines tell. */
  from: Type.Optional(Type.Object(Origin)),
  /** What lower layers had said, the nearest first; missing: nothing. */
  over: Type.Optional(Type.Array(Type.Object({ ...Origin, text: Type.String() }))),
})
export type ExplainedLineView = Static<typeof ExplainedLineView>

export const ExplanationQuery = Type.Object(pageQuery)
export type ExplanationQuery = Static<typeof ExplanationQuery>

export const ExplanationView = Type.Object({
  items: Type.Array(ExplainedLineView),
  next: Type.Optional(Type.String()),
  /** Of what app and cell. */
  headline: Type.String(),
  release: Type.Object({ id: Type.String(), number: Type.Integer(), version: Type.String() }),
  /** The platform.yaml in force, which it is read with; null: none was applied. */
  platform: Type.Union([
    Type.Object({
      digest: Type.String(),
      appliedBy: Type.String(),
      /** Wall ms. */
      appliedAt: Type.Number(),
      /** It was put in force after this release was made, so that the release may have read otherwise. */
      isNewer: Type.Boolean(),
    }),
    Type.Null(),
  ]),
})
export type ExplanationView = Static<typeof ExplanationView>
