import Type from 'typebox'
import { Refusal } from '../../base/errors.ts'
import type { Revision, State } from '../../store/port.ts'
import { EventView } from '../../wire/api.ts'
import { atQuery } from '../../wire/history.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { housekeeping } from './model.ts'

/** Entries in one answer where the caller does not say. */
const limitDefault = 100

/** The ordered log of commits: who, what, when, why. */
export function auditRoutes({ state }: { readonly state: State }): RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/events',
      rule: { roles: ['operator', 'developer', 'viewer'] },
      summary: 'The log of commits: the newest first, or from `after` on the oldest first.',
      tag: 'audit',
      query: Type.Object({
        after: Type.Optional(Type.Integer({ minimum: 0 })),
        before: Type.Optional(Type.Integer({ minimum: 1 })),
        /** Entries that touched a record whose key begins so: `instance/default/local/shop/`. */
        key: Type.Optional(Type.String({ maxLength: 700 })),
        /** Entries of this name alone. */
        who: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
        /** Entries whose verb begins so: `rollout.`, `app.scale`. */
        what: Type.Optional(Type.String({ pattern: '^[a-z.-]{1,128}$' })),
        /** Entries whose sentence contains it; capitals and small letters are the same. */
        text: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
        /** Entries from this wall time on (ms), oldest first; up to that one, newest first. */
        since: atQuery,
        until: atQuery,
        /** False leaves out what the program does for itself. */
        housekeeping: Type.Optional(Type.Boolean()),
      }),
      answers: { 200: Type.Object({ items: Type.Array(EventView) }) },
      async handle({ query }) {
        const { key, who, what, text, limit = limitDefault } = query
        const after = query.after ?? (await revisionBefore(state, query.since))
        const before = query.before ?? (await revisionAfter(state, query.until))
        const isNewestFirst = after === undefined
        const items = await state.log({
          after,
          before: isNewestFirst ? (before ?? state.snapshot.revision + 1) : before,
          keyPrefix: key,
          who,
          whatPrefix: what,
          text,
          without: query.housekeeping === false ? housekeeping : [],
          limit,
        })
        return { body: { items } }
      },
    }),
  ]
}

/** The newest revision before a time; 0 where the log that is kept begins later. */
async function revisionBefore(state: State, at: number | undefined): Promise<Revision | undefined> {
  if (at === undefined) return undefined
  try {
    return (await state.past.momentAt(at - 1)).revision
  } catch (error) {
    if (error instanceof Refusal && error.code === 'beyond-horizon') return 0
    throw error
  }
}

async function revisionAfter(state: State, at: number | undefined): Promise<Revision | undefined> {
  return at === undefined ? undefined : (await state.past.momentAt(at)).revision + 1
}
