import Type, { type Static } from 'typebox'

const By = Type.Object({ releaseId: Type.String(), number: Type.Integer(), at: Type.Number() })

/** What migrations have done to the schema that a service works on. */
export const SchemaView = Type.Object({
  /** `environment/tenant/app`. */
  app: Type.String(),
  service: Type.String(),
  expandedBy: By,
  contractedBy: Type.Union([By, Type.Null()]),
  /** The undoing of that expand, if somebody asked for it, with the state of its run. */
  undo: Type.Union([
    Type.Object({
      runId: Type.String(),
      by: Type.String(),
      at: Type.Number(),
      state: Type.String(),
    }),
    Type.Null(),
  ]),
})
export type SchemaView = Static<typeof SchemaView>
