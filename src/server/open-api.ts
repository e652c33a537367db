import type { FastifyInstance } from 'fastify'
import { ErrorBody } from '../wire/api.ts'
import type { RouteDefinition } from '../wire/route.ts'

/**
 * The API's description (OpenAPI 3.1), made from the very table that the server answers by, so
 * that the two cannot differ. Its libraries are loaded when somebody asks for the first time.
 */

/** What describes the API, without answering it: a fastify instance that has only its schemas. */
export async function describeApi(
  routes: readonly RouteDefinition[],
  version: string,
): Promise<FastifyInstance> {
  const { fastify } = await import('fastify')
  const { default: swagger } = await import('@fastify/swagger')
  const app = fastify({ logger: false, exposeHeadRoutes: false })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  await app.register(swagger, {
    exposeHeadRoutes: true,
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Roadstead',
        version,
        description: 'The API that the CLI, the console, agents and ingresses use.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
  })
  for (const definition of routes) {
    app.route({
      method: definition.method,
      url: definition.path,
      schema: schemaOf(definition),
      handler: async () => undefined,
    })
  }
  return app
}

function schemaOf(definition: RouteDefinition): object {
  const { rule, params, query, answers } = definition
  const body = definition.bodyShown ?? definition.body
  const statuses = Object.entries(answers).map(([status, schema]) => [
    status,
    { description: `${status}`, ...plain(schema) },
  ])
  const roles = rule === 'public' ? 'Open to all.' : `For the roles: ${rule.roles.join(', ')}.`
  return {
    summary: definition.summary,
    description: roles,
    tags: [definition.tag],
    ...(rule === 'public' ? {} : { security: [{ token: [] }] }),
    ...(params === undefined ? {} : { params: plain(params) }),
    ...(query === undefined ? {} : { querystring: plain(query) }),
    ...(body === undefined ? {} : { body: plain(body) }),
    response: {
      ...Object.fromEntries(statuses),
      '4xx': { description: 'A refusal; docs/errors.md has all codes.', ...plain(ErrorBody) },
    },
  }
}

/** The schema as JSON Schema alone, without the marks that typebox keeps beside it. */
function plain(schema: object): object {
  return JSON.parse(JSON.stringify(schema)) as object
}
