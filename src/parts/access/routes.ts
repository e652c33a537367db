import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { digestOf } from '../../base/digest.ts'
import { Refusal } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { create, remove, type Snapshot, type State, type Write } from '../../store/port.ts'
import { SessionView } from '../../wire/api.ts'
import { route, type RouteDefinition, type RouteRequest } from '../../wire/route.ts'
import { sessionIdOf, sessionKey, sessionLifeMs, type Session, type Token } from './model.ts'
import { checkOrigin, credentialOf, sessionCookieHeader } from './plan-credentials.ts'
import { sessionKind, tokenByHash } from './records.ts'

/** Sessions at once; beyond it the one that ends first makes room. */
const sessionsMax = 1_000

export interface AccessRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
  readonly scheme: 'http' | 'https'
  /** Counts a wrong token from an address; throws when it was one too many. */
  readonly countFailure: (address: string) => void
}

const roles = ['operator', 'developer', 'viewer', 'agent', 'ingress'] as const

/** Logging in and out of the console, and who am I. */
export function accessRoutes(options: AccessRoutesOptions): RouteDefinition[] {
  return [logIn(options), whoAmI(), logOut(options)]
}

function logIn(options: AccessRoutesOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: '/v1/session',
    rule: 'public',
    summary: 'Opens a session of the console with a token; answers with a cookie.',
    tag: 'access',
    body: Type.Object({ token: Type.String({ maxLength: 256 }) }),
    answers: { 200: SessionView },
    async handle(request) {
      const { state, random, scheme } = options
      if (request.headers['origin'] !== undefined) checkOrigin(request.headers, scheme, true)
      const token = tokenByHash(state.snapshot, digestOf(request.body.token.trim()))?.value
      if (token === undefined) {
        options.countFailure(request.address)
        throw new Refusal('token-invalid', 'the token is not valid', {
          status: 401,
          path: '/body/token',
        })
      }
      const cookie = Buffer.from(random.bytes(32)).toString('base64url')
      await openSession(token, cookie, options)
      return {
        headers: { 'set-cookie': sessionCookieHeader(cookie, sessionLifeMs, scheme === 'https') },
        body: { name: token.name, role: token.role },
      }
    },
  })
}

async function openSession(
  token: Token,
  cookie: string,
  { state, clock }: AccessRoutesOptions,
): Promise<void> {
  const createdAt = clock.now()
  const session: Session = {
    id: sessionIdOf(cookie),
    tokenId: token.id,
    createdAt,
    expiresAt: createdAt + sessionLifeMs,
  }
  await state.commit({
    writes: [create(sessionKind, session), ...outdated(state.snapshot, createdAt)],
    attribution: { who: token.name, what: 'session.open', why: `${token.name} logged in` },
  })
}

/** Sessions that have ended go when a new one comes; never more than one commit can hold. */
function outdated(snapshot: Snapshot, now: number): Write[] {
  const all = [...snapshot.list(sessionKind)].toSorted(
    (a, b) => a.value.expiresAt - b.value.expiresAt,
  )
  const surplus = all.length + 1 - sessionsMax
  return all
    .filter(({ value }, index) => value.expiresAt <= now || index < surplus)
    .slice(0, 50)
    .map((entry) => remove(entry))
}

function whoAmI(): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/session',
    rule: { roles },
    summary: 'Says whom the token or cookie belongs to.',
    tag: 'access',
    answers: { 200: SessionView },
    handle: async ({ caller }) => ({ body: { name: caller?.name, role: caller?.role } }),
  })
}

function logOut({ state, scheme }: AccessRoutesOptions): RouteDefinition {
  return route({
    method: 'DELETE',
    path: '/v1/session',
    rule: { roles },
    summary: 'Ends the session of the cookie; its event streams are cut.',
    tag: 'access',
    answers: { 204: Type.Null() },
    async handle(request) {
      const entry = sessionOf(request, state.snapshot)
      if (entry !== undefined) {
        const who = request.caller?.name ?? 'nobody'
        await state.commit({
          writes: [remove(entry)],
          attribution: { who, what: 'session.end', why: `${who} logged out` },
        })
      }
      const ended = sessionCookieHeader('', 0, scheme === 'https')
      return { status: 204, headers: { 'set-cookie': ended } }
    },
  })
}

function sessionOf(request: Pick<RouteRequest, 'headers'>, snapshot: Snapshot) {
  const credential = credentialOf(request.headers)
  if (credential.kind !== 'session') return undefined
  return snapshot.get(sessionKind, sessionKey(sessionIdOf(credential.cookie)))
}
