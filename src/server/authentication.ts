import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { digestOf } from '../base/digest.ts'
import { Refusal } from '../base/errors.ts'
import type { Snapshot } from '../store/port.ts'
import { isAdmitted, sessionIdOf, sessionKey, tokenKey } from '../parts/access/model.ts'
import type { Caller, Rule } from '../parts/access/model.ts'
import { checkOrigin, credentialOf, type Headers } from '../parts/access/plan-credentials.ts'
import { sessionKind, tokenByHash, tokenKind } from '../parts/access/records.ts'
import type { FailedAttempts } from './failed-attempts.ts'

/** Who makes a request, and the records that this rests on. */
export interface Identity {
  readonly caller: Caller
  readonly tokenId: string
  /** Of a console's cookie; undefined for a bearer token. */
  readonly sessionId: string | undefined
}

/** What authentication looks at. */
export interface Knock {
  readonly headers: Headers
  /** The client's address. */
  readonly address: string
  readonly isWrite: boolean
}

export interface AuthenticationOptions {
  readonly snapshot: Snapshot
  readonly clock: Clock
  readonly scheme: 'http' | 'https'
  /** Where the token of a person lies, for the hint of a 401. */
  readonly tokenPlace: string
  readonly failures: FailedAttempts
}

/** Tells who makes a request, and whether the route's rule admits them. Deny by default. */
export class Authentication {
  readonly #options: AuthenticationOptions

  constructor(options: AuthenticationOptions) {
    this.#options = options
  }

  /**
   * Admits the request or throws: 401 without a valid credential, 403 with one of another role,
   * 429 after too many wrong ones. A public route looks at nothing.
   */
  admit(rule: Rule, knock: Knock): Identity | undefined {
    if (rule === 'public') return undefined
    const identity = this.#identify(knock)
    if (isAdmitted(rule, identity.caller)) return identity
    throw new Refusal(
      'role-refused',
      `${identity.caller.name} has the role ${identity.caller.role}; this route is for others`,
      { status: 403, details: { roles: rule.roles, caller: identity.caller.name } },
    )
  }

  /** Whether what the identity rests on still holds; asked again while a stream is open. */
  isCurrent(identity: Identity): boolean {
    const { snapshot } = this.#options
    if (snapshot.get(tokenKind, tokenKey(identity.tokenId)) === undefined) return false
    return identity.sessionId === undefined || this.#session(identity.sessionId) !== undefined
  }

  #identify({ headers, address, isWrite }: Knock): Identity {
    const credential = credentialOf(headers)
    if (credential.kind === 'none') throw this.#missing()
    const identity =
      credential.kind === 'bearer'
        ? this.#byToken(credential.token)
        : this.#byCookie(credential.cookie)
    if (identity === undefined) throw this.#wrong(credential.kind, address)
    if (credential.kind === 'session') checkOrigin(headers, this.#options.scheme, isWrite)
    return identity
  }

  #byToken(token: string): Identity | undefined {
    const hash = digestOf(token)
    const entry = tokenByHash(this.#options.snapshot, hash)
    if (entry === undefined || !isSame(entry.value.hash, hash)) return undefined
    const { id, name, role, may } = entry.value
    return { caller: { name, role, may }, tokenId: id, sessionId: undefined }
  }

  #byCookie(cookie: string): Identity | undefined {
    const session = this.#session(sessionIdOf(cookie))
    if (session === undefined) return undefined
    const token = this.#options.snapshot.get(tokenKind, tokenKey(session.tokenId))?.value
    if (token === undefined) return undefined
    const { id, name, role, may } = token
    return { caller: { name, role, may }, tokenId: id, sessionId: session.id }
  }

  #session(id: string) {
    const session = this.#options.snapshot.get(sessionKind, sessionKey(id))?.value
    return session === undefined || session.expiresAt <= this.#options.clock.now()
      ? undefined
      : session
  }

  #missing(): Refusal {
    return new Refusal('token-missing', 'this route needs a token', {
      status: 401,
      hint: `send Authorization: Bearer TOKEN; the token lies in ${this.#options.tokenPlace}`,
    })
  }

  #wrong(kind: 'bearer' | 'session', address: string): Refusal {
    // The right token is never held back, so nobody can lock others out; what is limited is the
    // work and the log that wrong ones cause.
    this.#options.failures.count(address)
    if (kind === 'session') {
      return new Refusal('session-over', 'the session is over', {
        status: 401,
        hint: 'log in again',
      })
    }
    return new Refusal('token-invalid', 'the token is not valid', {
      status: 401,
      hint: `the token of this server lies in ${this.#options.tokenPlace}`,
    })
  }
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
