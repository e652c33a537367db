import Type, { type Static } from 'typebox'
import { testLinkLife } from './test-link-life.ts'

/** Bodies around test links: who may meet a release before customers do. */

/**
 * POST /v1/cells/{environment}/{tenant}/apps/{app}/test-links → 201 TestLinkAnswer. The client makes
 * the token, of base64url, and only its sha256 ever leaves it.
 */
export const TestLinkRequest = Type.Object({
  /** `sha256:` and the digits of the token's digest. */
  hash: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
  /** Missing: that of the rollout under way, or the newest that stands in maintenance. */
  releaseNumber: Type.Optional(Type.Integer({ minimum: 1 })),
  /** How long it lives, in ms; an hour unless said. */
  forMs: Type.Optional(
    Type.Integer({ minimum: testLinkLife.leastMs, maximum: testLinkLife.mostMs }),
  ),
})
export type TestLinkRequest = Static<typeof TestLinkRequest>

/** GET …/test-links → { items }: never a token, nor its digest. */
export const TestLinkView = Type.Object({
  id: Type.String(),
  releaseNumber: Type.Integer(),
  version: Type.String(),
  createdBy: Type.String(),
  /** Wall ms. */
  createdAt: Type.Number(),
  /** Wall ms after which the ingress refuses it. */
  until: Type.Number(),
})
export type TestLinkView = Static<typeof TestLinkView>

export const TestLinkAnswer = Type.Object({
  ...TestLinkView.properties,
  revision: Type.Integer(),
  /** The link is one of these and the token: `http://shop.localhost:8080/.roadstead/test/`. */
  entrances: Type.Array(Type.String()),
})
export type TestLinkAnswer = Static<typeof TestLinkAnswer>
