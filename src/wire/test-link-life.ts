/**
 * How long a test link lives, in ms: unless said, at least and at most. Apart from the bodies, since
 * the tree of commands loads no schemas.
 */
export const testLinkLife = {
  usualMs: 60 * 60_000,
  leastMs: 1_000,
  mostMs: 7 * 24 * 60 * 60_000,
} as const
