import Type, { type Static } from 'typebox'

/**
 * Who, what and why: every commit carries them, so that audit, `events` and the console's time line
 * are one ordered log.
 */
export const Attribution = Type.Object({
  /** A token's name (`operator`), or a role's controller (`rollouts`). */
  who: Type.String({ maxLength: 128 }),
  /** A verb of the closed vocabulary `noun.verb`, such as `app.deploy` or `instance.create`. */
  what: Type.String({ pattern: '^[a-z-]+\\.[a-z-]+$' }),
  /** One sentence for people. */
  why: Type.String({ maxLength: 1_024 }),
})
export type Attribution = Static<typeof Attribution>

/** What the program does for itself: of no interest to people unless they look for it. */
export const housekeeping: readonly string[] = [
  'artifact.remove',
  'idempotency.keep',
  'instance.forget',
  'release.forget',
  'rollout.forget',
  'session.end',
  'session.open',
]

/** One line of the ordered log of commits. */
export const LogEntry = Type.Object({
  revision: Type.Integer(),
  /** Wall time in ms. */
  at: Type.Number(),
  who: Type.String(),
  what: Type.String(),
  why: Type.String(),
  /** The keys of the records that the commit wrote or deleted. */
  keys: Type.Array(Type.String()),
})
export type LogEntry = Static<typeof LogEntry>
