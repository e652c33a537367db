import Type from 'typebox'
import type { Clock } from '../base/clock.ts'
import { HealthBody, PlanView } from '../wire/api.ts'
import { route, type RouteDefinition } from '../wire/route.ts'
import type { Snapshot } from '../store/port.ts'

export interface ServerRoutesOptions {
  readonly snapshot: Snapshot
  readonly version: string
  readonly startedAt: number
  readonly clock: Clock
  readonly isReady: () => boolean
  readonly plans: () => Iterable<PlanView>
  /** The API's description as JSON text. */
  readonly openApi: () => Promise<string>
}

const tag = 'server'

/** Plans in one answer where the caller does not say. */
const plansDefault = 100

/** What the server says of itself. */
export function serverRoutes(options: ServerRoutesOptions): RouteDefinition[] {
  return [healthRoute(options), plansRoute(options), openApiRoute(options), manifestSchemaRoute()]
}

function healthRoute({ snapshot, version, startedAt, clock, isReady }: ServerRoutesOptions) {
  return route({
    method: 'GET',
    path: '/v1/health',
    rule: 'public',
    summary: 'Whether the server runs; open to all.',
    tag,
    answers: { 200: HealthBody },
    async handle() {
      const status = isReady() ? 'ok' : 'starting'
      return { body: { status, version, revision: snapshot.revision, startedAt, now: clock.now() } }
    },
  })
}

function plansRoute({ plans }: ServerRoutesOptions) {
  return route({
    method: 'GET',
    path: '/v1/plans',
    rule: { roles: ['operator', 'developer', 'viewer'] },
    summary: 'What the control loops decided last, each with one sentence why, newest first.',
    tag,
    query: Type.Object({
      controller: Type.Optional(Type.String({ maxLength: 64 })),
      /** Keys that begin so: `local/default/shop`. */
      key: Type.Optional(Type.String({ maxLength: 512 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    }),
    answers: { 200: Type.Object({ items: Type.Array(PlanView) }) },
    async handle({ query }) {
      const { controller, key = '', limit = plansDefault } = query
      const items: PlanView[] = []
      for (const plan of plans()) {
        if (items.length === limit) break
        const isWanted = (controller ?? plan.controller) === plan.controller
        if (isWanted && plan.key.startsWith(key)) items.push(plan)
      }
      return { body: { items } }
    },
  })
}

function openApiRoute({ openApi }: ServerRoutesOptions) {
  return route({
    method: 'GET',
    path: '/v1/openapi.json',
    rule: 'public',
    summary: 'This description, as OpenAPI 3.1.',
    tag,
    answers: { 200: Type.Unknown() },
    async handle() {
      const headers = { 'content-type': 'application/json; charset=utf-8' }
      return { headers, body: await openApi() }
    },
  })
}

/** Open to all, since editors fetch it and bring no token. */
function manifestSchemaRoute() {
  return route({
    method: 'GET',
    path: '/v1/schema/manifest.json',
    rule: 'public',
    summary: 'The JSON Schema of roadstead.yaml, for editors.',
    tag,
    answers: { 200: Type.Unknown() },
    async handle() {
      const { manifestJsonSchema } = await import('../parts/apps/manifest/schema-manifest.ts')
      return { body: manifestJsonSchema() }
    },
  })
}
