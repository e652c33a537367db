import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import { create, remove, type Entry, type State } from '../../store/port.ts'
import { TokenRequest, tokenParams, TokenView } from '../../wire/access.ts'
import { Written } from '../../wire/api.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import type { Token } from './model.ts'
import { tokenByHash, tokenKind } from './records.ts'

/** Tokens of people: each has a name, by which the log and the gates know its bearer. */

export interface TokenRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
}

/** Tokens at once: more than a company has people who deploy. */
const tokensMax = 1_000

const operators = { roles: ['operator'] } as const
const tag = 'access'

export function tokenRoutes(options: TokenRoutesOptions): RouteDefinition[] {
  const { state } = options
  return [
    route({
      method: 'GET',
      path: '/v1/tokens',
      rule: operators,
      summary: 'Who has a token: names and roles, never the tokens.',
      tag,
      answers: { 200: Type.Object({ items: Type.Array(TokenView) }) },
      async handle() {
        const items = [...state.snapshot.list(tokenKind)].map(({ value }) => viewOf(value))
        return { body: { items: items.toSorted((a, b) => (a.name < b.name ? -1 : 1)) } }
      },
    }),
    createRoute(options),
    revokeRoute(options),
  ]
}

function createRoute({ state, clock, random }: TokenRoutesOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: '/v1/tokens',
    rule: operators,
    summary: 'Admits a token that the client has made, by its sha256, under a name.',
    tag,
    body: TokenRequest,
    answers: { 201: Written },
    async handle({ caller, body }) {
      const { name, role, may = [], hash } = body
      const all = [...state.snapshot.list(tokenKind)]
      const isTaken = all.some(({ value }) => value.name === name)
      if (isTaken || tokenByHash(state.snapshot, hash) !== undefined) {
        throw new Refusal('token-exists', `there is a token of ${name} already`, {
          status: 409,
          path: '/body/name',
          hint: `\`roadstead tokens revoke ${name}\` ends it; or take another name`,
        })
      }
      if (all.length >= tokensMax) {
        throw new Refusal('tokens-full', `there are ${tokensMax} tokens already`, {
          status: 409,
          hint: 'revoke those that nobody uses',
        })
      }
      const roles = [...new Set(may)]
      const token: Token = {
        id: newId('tok', random),
        name,
        role,
        ...(roles.length === 0 ? {} : { may: roles }),
        hash,
        createdAt: clock.now(),
      }
      const revision = await state.commit({
        writes: [create(tokenKind, token)],
        attribution: {
          who: caller?.name ?? '',
          what: 'token.create',
          why: `a token for ${name}: ${[role, ...roles].join(', ')}`,
        },
      })
      return { status: 201, body: { revision } }
    },
  })
}

function revokeRoute({ state }: TokenRoutesOptions): RouteDefinition {
  return route({
    method: 'DELETE',
    path: '/v1/tokens/:name',
    rule: operators,
    summary: 'Revokes a token; sessions that were opened with it end too.',
    tag,
    params: tokenParams,
    answers: { 200: Written },
    async handle({ caller, params: { name } }) {
      const entry = requireToken(state, name)
      const { role } = entry.value
      if (name === role) {
        throw new Refusal('token-kept', `the token of ${name} is the program's own`, {
          status: 409,
          hint: `the server would adopt its file, <data>/tokens/${name}, at the next start`,
        })
      }
      const who = caller?.name ?? ''
      const revision = await state.commit({
        writes: [remove(entry)],
        attribution: { who, what: 'token.revoke', why: `the token of ${name}, ${role}` },
      })
      return { body: { revision } }
    },
  })
}

function requireToken(state: State, name: string): Entry<Token> {
  for (const entry of state.snapshot.list(tokenKind)) {
    if (entry.value.name === name) return entry
  }
  throw new Refusal('token-unknown', `there is no token of ${name}`, {
    status: 404,
    hint: '`roadstead tokens` lists them',
  })
}

function viewOf({ name, role, may = [], createdAt }: Token): TokenView {
  return { name, role, may: [...may], createdAt }
}
