import Type from 'typebox'
import type { State } from '../../store/port.ts'
import { EventView } from '../../wire/api.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'

/** Entries in one answer where the caller does not say. */
const limitDefault = 100

/** The ordered log of commits: who, what, when, why. */
export function auditRoutes({ state }: { readonly state: State }): RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/events',
      rule: { roles: ['operator', 'viewer'] },
      summary: 'The log of commits: the newest first, or from `after` on the oldest first.',
      tag: 'audit',
      query: Type.Object({
        after: Type.Optional(Type.Integer({ minimum: 0 })),
        before: Type.Optional(Type.Integer({ minimum: 1 })),
        /** Entries that touched a record whose key begins so: `instance/default/local/shop/`. */
        key: Type.Optional(Type.String({ maxLength: 700 })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
      }),
      answers: { 200: Type.Object({ items: Type.Array(EventView) }) },
      async handle({ query }) {
        const { after, before, key, limit = limitDefault } = query
        const isNewestFirst = after === undefined
        const items = await state.log({
          after,
          before: isNewestFirst ? (before ?? state.snapshot.revision + 1) : before,
          keyPrefix: key,
          limit,
        })
        return { body: { items } }
      },
    }),
  ]
}
