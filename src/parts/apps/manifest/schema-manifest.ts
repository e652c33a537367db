import Type, { type TSchema } from 'typebox'
import { namePattern } from '../../tenants/model.ts'
import { deltaOf } from './delta.ts'
import { DeployBlock, operations } from './schema-operation.ts'
import { ReleaseBlock } from './schema-release.ts'
import { Defaults, Service } from './schema-service.ts'
import { block, bounds, choice, name, named } from './schema.ts'

/** The developers' file, roadstead.yaml, as it is written. */

const { Optional } = Type

const nameOrStar = `^\\*$|${namePattern}`
const cellPattern = '^[a-z][a-z0-9-]{0,39}/[a-z][a-z0-9-]{0,39}$'

const operationDeltas = Object.fromEntries(
  Object.entries(operations).map(([key, schema]) => [key, Optional(deltaOf(schema))]),
)

const delta = (description: string, more: Record<string, TSchema> = {}) =>
  block(
    {
      services: Optional(
        named(removableService(), 'Changes to services; "*" means every one.', {
          pattern: nameOrStar,
          keys: 'the name of a service, or "*" for all of them',
          most: bounds.services,
        }),
      ),
      release: Optional(deltaOf(ReleaseBlock)),
      ...operationDeltas,
      ...more,
    },
    description,
  )

/** A service in a layer: any part of it, or `none`, which removes it there. */
function removableService(): TSchema {
  const description = 'What is different here.'
  return Type.Union([deltaOf(Service), Type.Literal('none')], { description })
}

const environmentDelta = delta('What is different in this environment.', {
  deploy: Optional(DeployBlock),
})

export const ManifestDocument = block(
  {
    roadstead: Type.Literal('v1', { description: 'The version of this grammar.' }),
    app: name('The name of the app.'),
    team: Optional(name('Who may deploy it, whose quota it uses, who is paged.')),
    network: Optional(
      choice(
        ['shared'],
        'All containers on one node and in one network; singletons are found by their names.',
      ),
    ),
    resources: operationDeltas['resources']!,
    defaults: Optional(deltaOf(Defaults)),
    services: named(deltaOf(Service), 'The components of the app.', {
      least: 1,
      most: bounds.services,
    }),
    jobs: operationDeltas['jobs']!,
    release: Optional(deltaOf(ReleaseBlock)),
    journeys: operationDeltas['journeys']!,
    flags: operationDeltas['flags']!,
    alerts: operationDeltas['alerts']!,
    environments: Optional(named(environmentDelta, 'Deltas for environments.')),
    tenants: Optional(named(delta('What is different for this tenant.'), 'Deltas for tenants.')),
    cells: Optional(
      named(delta('What is different in this cell.'), 'Deltas for single cells.', {
        pattern: cellPattern,
        keys: 'a cell as environment/tenant, such as prod/cz',
      }),
    ),
  },
  'An app: one or more services that are released together.',
)

/** The JSON Schema that the server gives to editors: GET /v1/schema/manifest.json. */
export function manifestJsonSchema(): unknown {
  const schema = withoutNotes(ManifestDocument)
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'roadstead.yaml',
    ...(schema as Record<string, unknown>),
  }
}

/** Without the `x-` keys, which mean something to our own check only. */
function withoutNotes(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutNotes)
  if (typeof schema !== 'object' || schema === null) return schema
  const entries = Object.entries(schema).filter(([key]) => !key.startsWith('x-'))
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutNotes(value)]))
}
