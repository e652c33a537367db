import Type from 'typebox'

/** Longest that a long poll waits, in ms: below the time after which proxies give up. */
export const longPollMsMax = 30_000

/** The query of every long poll: what the caller has seen, and how long it is willing to wait. */
export const longPollQuery = Type.Object({
  after: Type.Optional(Type.Integer({ minimum: 0 })),
  waitMs: Type.Optional(Type.Integer({ minimum: 0, maximum: longPollMsMax })),
})
