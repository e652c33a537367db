import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Role } from '../../src/parts/access/model.ts'
import type { RouteDefinition } from '../../src/wire/route.ts'
import { aRunningServer, errorOf, type TestServer } from '../fixtures/running-server.ts'

/** Every route with every role: the table is the test. */

const roles = ['operator', 'developer', 'viewer', 'agent', 'ingress'] as const
let server: TestServer

beforeAll(async () => {
  server = await aRunningServer()
})
afterAll(() => server.stop())

/** A path that the route matches; what it names does not exist. */
function pathOf(definition: RouteDefinition): string {
  return definition.path
    .replace(':digest', `sha256:${'0'.repeat(64)}`)
    .replaceAll(/:\w+/g, 'nothing')
}

function nameOf({ method, path }: RouteDefinition): string {
  return `${method} ${path}`
}

/** Calls without following what never ends. */
async function statusOf(
  definition: RouteDefinition,
  role: (typeof roles)[number] | null,
): Promise<number> {
  const controller = new AbortController()
  const { method } = definition
  const hasBody = method === 'POST' || method === 'PUT' || method === 'PATCH'
  // The session of a test's token is not ended by it: there is none.
  const response = await server.call(role, pathOf(definition), {
    method,
    signal: controller.signal,
    ...(hasBody ? { body: '{}' } : {}),
  })
  controller.abort()
  return response.status
}

describe('routes and roles', () => {
  test('the roles of the test are all roles there are', () => {
    expect(Role.enum).toEqual(roles)
  })

  test('every route states its rule and what it does, and answers under /v1', () => {
    expect(server.routes.length).toBeGreaterThan(25)
    const wrong = server.routes.filter(
      ({ path, rule, summary }) =>
        !path.startsWith('/v1/') ||
        !/^[A-Z].*\.$/.test(summary) ||
        (rule !== 'public' && rule.roles.length === 0),
    )
    expect(wrong.map(nameOf)).toEqual([])
  })

  test('no two rows of the table have one method and path', () => {
    const names = server.routes.map(nameOf)
    expect(new Set(names).size).toBe(names.length)
  })

  test('only a few named routes are open to all', () => {
    const open = server.routes.filter(({ rule }) => rule === 'public')
    expect(open.map(nameOf).toSorted()).toEqual([
      'GET /v1/health',
      'GET /v1/openapi.json',
      'GET /v1/schema/manifest.json',
      'POST /v1/session',
    ])
  })

  test('each route without a token: 401, but for those that are open', async () => {
    const wrong: string[] = []
    for (const definition of server.routes) {
      const status = await statusOf(definition, null)
      const right = definition.rule === 'public' ? [200, 400, 401] : [401]
      if (!right.includes(status)) wrong.push(`${nameOf(definition)}: ${status}`)
    }
    expect(wrong).toEqual([])
  })

  test.each(roles)('each route as %s: admitted or 403, as its rule says', async (role) => {
    const wrong: string[] = []
    for (const definition of server.routes) {
      if (definition.rule === 'public') continue
      const status = await statusOf(definition, role)
      const isAdmitted = status !== 401 && status !== 403
      if (isAdmitted !== definition.rule.roles.includes(role)) {
        wrong.push(`${nameOf(definition)}: ${status}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('a path that nobody serves is 404 for everybody, and says where all routes are', async () => {
    for (const role of [null, ...roles]) {
      const response = await server.call(role, '/v1/nothing/here')
      expect(response.status).toBe(404)
      expect(await errorOf(response)).toMatchObject({
        code: 'route-unknown',
        hint: 'GET /docs shows all routes',
      })
    }
  })

  test('a method that a path does not have is 404', async () => {
    const response = await server.call('operator', '/v1/apps', { method: 'DELETE' })
    expect(response.status).toBe(404)
  })
})
