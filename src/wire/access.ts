import Type, { type Static } from 'typebox'
import { tokenNamePattern } from '../parts/access/model.ts'
import { namePattern } from '../parts/tenants/model.ts'

/** The bodies around tokens: who may come, and as whom. */

/** The roles that people get; agents and ingresses have tokens of their own. */
export const PersonRole = Type.Enum(['operator', 'developer', 'viewer'])

/** POST /v1/tokens: the client makes the token, and only its sha256 ever leaves it. */
export const TokenRequest = Type.Object({
  /** What the log calls its bearer; each name once. */
  name: Type.String({ pattern: tokenNamePattern }),
  role: PersonRole,
  /** Names of platform.yaml that its bearer answers to, such as `releaser`. */
  may: Type.Optional(Type.Array(Type.String({ pattern: namePattern }), { maxItems: 20 })),
  /** `sha256:` and the digits of the token's digest. */
  hash: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
})
export type TokenRequest = Static<typeof TokenRequest>

/** GET /v1/tokens → { items }: never a token, nor its digest. */
export const TokenView = Type.Object({
  name: Type.String(),
  role: Type.String(),
  may: Type.Array(Type.String()),
  /** Wall ms. */
  createdAt: Type.Number(),
})
export type TokenView = Static<typeof TokenView>

/** A token's name in a path. */
export const tokenParams = Type.Object({ name: Type.String({ pattern: tokenNamePattern }) })
