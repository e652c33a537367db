import Type, { type Static } from 'typebox'

/** PUT /v1/platform: platform.yaml, as it lies on the disk. */
export const PlatformRequest = Type.Object({ text: Type.String({ maxLength: 1_048_576 }) })
export type PlatformRequest = Static<typeof PlatformRequest>

/** The answer to it; `unchanged`: that is what was kept already, and nothing was written. */
export const PlatformAnswer = Type.Object({
  revision: Type.Integer(),
  digest: Type.String(),
  unchanged: Type.Boolean(),
})
export type PlatformAnswer = Static<typeof PlatformAnswer>

/** GET /v1/platform: the file in force. */
export const PlatformView = Type.Object({
  text: Type.String(),
  digest: Type.String(),
  appliedBy: Type.String(),
  /** Wall ms. */
  appliedAt: Type.Number(),
})
export type PlatformView = Static<typeof PlatformView>
