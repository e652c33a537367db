import Type, { type Static } from 'typebox'
import { digestPattern, type Digest } from '../../base/digest.ts'

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

const DigestText = Type.String({ pattern: digestPattern })

/**
 * A commit as the audit chain keeps it. `hash` is the sha256 of all other fields in canonical form
 * (`canonicalJson`), `previous` the hash of the record before: nothing can be changed, taken out or
 * put in between without every later hash being another one.
 */
export const SealedRecord = Type.Object(
  {
    /** The format of the record; a reader refuses a newer one. */
    v: Type.Integer({ minimum: 1 }),
    revision: Type.Integer({ minimum: 1 }),
    /** Wall time of the commit, in ms. */
    at: Type.Number(),
    who: Type.String(),
    what: Type.String(),
    why: Type.String(),
    /** The keys of the records that the commit wrote or deleted. */
    keys: Type.Array(Type.String()),
    /** The sha256 of the commit's operations in canonical form: what exactly was written. */
    operations: DigestText,
    previous: DigestText,
    hash: DigestText,
    /** Of `audit.gap` only: the first of the revisions that could not be sealed any more. */
    from: Type.Optional(Type.Integer({ minimum: 1 })),
  },
  { additionalProperties: false },
)
export type SealedRecord = Static<typeof SealedRecord>

/** The format that this program writes. */
export const sealedFormat = 1

/** What the first record of a chain has in front of it. */
export const chainStart: Digest = `sha256:${'0'.repeat(64)}`

/** The end of a chain: what the next record is chained to. */
export interface ChainTip {
  readonly revision: number
  readonly hash: Digest
}

/** Where the chain stood at a time. */
export const CheckpointStatement = Type.Object({
  format: Type.Integer({ minimum: 1 }),
  /** The first revision that the chain holds, and how many records there are from there on. */
  first: Type.Integer({ minimum: 1 }),
  count: Type.Integer({ minimum: 1 }),
  /** The newest record. */
  revision: Type.Integer({ minimum: 1 }),
  hash: DigestText,
  /** Wall time in ms. */
  at: Type.Number(),
  /** The key that it is signed with: the first 16 digits of the public key's sha256. */
  key: Type.String({ pattern: '^[0-9a-f]{16}$' }),
})
export type CheckpointStatement = Static<typeof CheckpointStatement>

/** A statement with its Ed25519 signature (base64) over the canonical form of the statement. */
export const Checkpoint = Type.Object({
  ...CheckpointStatement.properties,
  signature: Type.String({ pattern: '^[A-Za-z0-9+/=]{88}$' }),
})
export type Checkpoint = Static<typeof Checkpoint>

/** The format that this program signs. */
export const checkpointFormat = 1

/** What one caller was refused again and again: access that it does not have, or a wrong token. */
export const RefusedAccess = Type.Object({
  /** Digits of the digest of all that tells it from others. */
  id: Type.String({ pattern: '^[0-9a-f]{16}$' }),
  /** The error's code: `role-refused`. */
  code: Type.String({ maxLength: 64 }),
  /** The caller's network address, or `others` when there were too many to tell apart. */
  address: Type.String({ maxLength: 64 }),
  /** The token's name; `-` for a caller whom nobody knows. */
  caller: Type.String({ maxLength: 128 }),
  /** How often within the minute that was noted last. */
  count: Type.Integer({ minimum: 1 }),
  /** The newest, wall ms. */
  lastAt: Type.Number(),
})
export type RefusedAccess = Static<typeof RefusedAccess>

/** Refusals that somebody who looks after security wants to know of. */
export const auditedRefusals: ReadonlySet<string> = new Set([
  'instance-foreign',
  'origin-refused',
  'role-refused',
  'token-invalid',
  'too-many-attempts',
])
