import Type, { type Static } from 'typebox'
import { digestOf } from '../../base/digest.ts'
import { keyOf, type Key } from '../../base/key.ts'

/** Who may do what, first form: a bearer token has one role. */
export const Role = Type.Enum([
  /** People who run the platform: everything. */
  'operator',
  /** People who release apps: they see what a viewer sees, and neither gates nor tokens are theirs. */
  'developer',
  /** People who look only. */
  'viewer',
  /** The agent of one node: its own assignment, reports, logs, and artifacts. */
  'agent',
  /** The ingress of one node: the routing table and its counts. */
  'ingress',
])
export type Role = Static<typeof Role>

/** A token as it is stored: never the token itself, only its sha256. */
export const Token = Type.Object({
  id: Type.String(),
  /** What the log calls its bearer. */
  name: Type.String(),
  role: Role,
  /** Names of platform.yaml that its bearer answers to beside the role, such as `releaser`. */
  may: Type.Optional(Type.Array(Type.String())),
  hash: Type.String(),
  createdAt: Type.Number(),
})
export type Token = Static<typeof Token>

/** Letters, digits and what stands in names of accounts: `alice`, `ci-main`, `jan.novak@shop`. */
export const tokenNamePattern = '^[a-z0-9][a-z0-9._@-]{0,62}$'

export function tokenKey(id: string): Key {
  return keyOf({ kind: 'token', name: id })
}

/** How long a session of the console lives, in ms: a working day, so that nobody logs in twice. */
export const sessionLifeMs = 12 * 60 * 60 * 1_000

/** A person's session in the console. It lives no longer than the token that it was opened with. */
export const Session = Type.Object({
  /** The sha256 of the cookie in hexadecimal digits; the cookie itself is never stored. */
  id: Type.String(),
  tokenId: Type.String(),
  createdAt: Type.Number(),
  expiresAt: Type.Number(),
})
export type Session = Static<typeof Session>

/** A session's id: the digits of its cookie's sha256. */
export function sessionIdOf(cookie: string): string {
  return digestOf(cookie).slice('sha256:'.length)
}

export function sessionKey(id: string): Key {
  return keyOf({ kind: 'session', name: id })
}

/** Who makes a request, once the token is recognised. */
export interface Caller {
  readonly name: string
  readonly role: Role
  readonly may?: readonly string[] | undefined
}

/** Whether a caller holds a role that platform.yaml names: by the token's role, or beside it. */
export function holdsRole(caller: Caller, role: string): boolean {
  return caller.role === role || (caller.may ?? []).includes(role)
}

/** The rule that each route states: open to all, or to the roles named. */
export type Rule = 'public' | { readonly roles: readonly [Role, ...Role[]] }

/** Whether `rule` admits `caller` (undefined: nobody has identified themselves). */
export function isAdmitted(rule: Rule, caller: Caller | undefined): boolean {
  if (rule === 'public') return true
  return caller !== undefined && rule.roles.includes(caller.role)
}
