import Type from 'typebox'
import { Refusal } from '../../base/errors.ts'
import type { Entry, Snapshot } from '../../store/port.ts'
import { InstanceView } from '../../wire/api.ts'
import { pageOf, pageQuery, pageSchema, timePosition } from '../../wire/page.ts'
import { idParam } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { appCellName } from '../tenants/model.ts'
import type { Instance } from './model.ts'
import { instanceById, instanceKind } from './records.ts'
import { replaceRoutes, type ReplaceRoutesOptions } from './routes-replace.ts'

const people = { roles: ['operator', 'developer', 'viewer'] } as const
const tag = 'instances'
const name = Type.Optional(Type.String({ maxLength: 40 }))

const listQuery = Type.Object({
  ...pageQuery,
  environment: name,
  tenant: name,
  app: name,
  service: name,
  /** Those that are over too, as far as they are kept. */
  ended: Type.Optional(Type.Boolean()),
})

interface Filter {
  readonly environment?: string
  readonly tenant?: string
  readonly app?: string
  readonly service?: string
  readonly ended?: boolean
}

/** What runs where, desired beside observed. */
export function instanceRoutes(options: ReplaceRoutesOptions): RouteDefinition[] {
  const { snapshot } = options.state
  return [
    ...replaceRoutes(options),
    route({
      method: 'GET',
      path: '/v1/instances',
      rule: people,
      summary: 'Instances, oldest first, with what their agents observe.',
      tag,
      query: listQuery,
      answers: { 200: pageSchema(InstanceView) },
      async handle({ query }) {
        const page = pageOf(matching(snapshot, query), query, ({ value }) =>
          timePosition(value.createdAt, value.id),
        )
        const items = page.items.map((entry) => viewOfInstance(entry, snapshot))
        return { body: { ...page, items } }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/instances/:id',
      rule: people,
      summary: 'One instance.',
      tag,
      params: Type.Object({ id: idParam }),
      answers: { 200: InstanceView },
      async handle({ params }) {
        const entry = instanceById(snapshot, params.id)
        if (entry !== undefined) return { body: viewOfInstance(entry, snapshot) }
        throw new Refusal('instance-unknown', `there is no instance ${params.id}`, {
          status: 404,
          hint: '`roadstead ps --all` lists those that are kept',
        })
      },
    }),
  ]
}

function* matching(snapshot: Snapshot, filter: Filter): Iterable<Entry<Instance>> {
  for (const entry of candidates(snapshot, filter)) {
    const { at, service, state } = entry.value
    const isWanted =
      (filter.environment ?? at.environment) === at.environment &&
      (filter.tenant ?? at.tenant) === at.tenant &&
      (filter.app ?? at.app) === at.app &&
      (filter.service ?? service) === service &&
      (filter.ended === true || state !== 'ended')
    if (isWanted) yield entry
  }
}

/** Those of one app where the filter names one: no look at all the others. */
function candidates(
  snapshot: Snapshot,
  { environment, tenant, app }: Filter,
): Iterable<Entry<Instance>> {
  if (environment === undefined || tenant === undefined || app === undefined) {
    return snapshot.list(instanceKind)
  }
  return snapshot.find(instanceKind, 'app', appCellName({ environment, tenant, app }))
}

function viewOfInstance({ value }: Entry<Instance>, snapshot: Snapshot): InstanceView {
  return { ...value, observed: snapshot.observations.instance(value.id) ?? null }
}
