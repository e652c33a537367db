import { afterAll, beforeAll, expect, test } from 'vitest'
import { actionRoutes, type ActionRoute } from '../../console/src/actions/routes.ts'
import { aRunningServer, type TestServer } from '../fixtures/running-server.ts'

/** What the server can change, the console can, unless it stands here with the reason why not. */

const exceptions: Readonly<Record<string, string>> = {
  'POST /v1/session': 'the login: it has a page of its own',
  'DELETE /v1/session': 'the button that signs out',
  'POST /v1/agents/{nodeId}/register': 'agents alone',
  'POST /v1/agents/{nodeId}/report': 'agents alone',
  'POST /v1/agents/{nodeId}/logs': 'agents alone',
  'POST /v1/ingresses/{ingressId}/report': 'ingresses alone',
  'PUT /v1/artifacts/{digest}': 'a deploy packs a folder: the console shows its command',
  'POST /v1/cells/{environment}/{tenant}/apps/{app}/plan': 'likewise',
  'POST /v1/cells/{environment}/{tenant}/apps/{app}/deploy': 'likewise',
  'POST /v1/cells/{environment}/{tenant}/apps/{app}/builds': 'a part of a deploy, of a folder',
  'POST /v1/cells/{environment}/{tenant}/apps/{app}/promote/plan': 'changes nothing',
  'POST /v1/cells/{environment}/{tenant}/apps/{app}/test-links':
    'the link’s token is made where it is used and never sent: the console shows the command',
}

let server: TestServer
let changing: ReadonlyMap<string, readonly string[]>

beforeAll(async () => {
  server = await aRunningServer()
  changing = new Map(
    server.routes
      .filter(({ method }) => method !== 'GET' && method !== 'HEAD')
      .map(({ method, path, rule }) => [
        `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`,
        rule === 'public' ? [] : rule.roles,
      ]),
  )
})

afterAll(() => server.stop())

const known = Object.values(actionRoutes) as readonly ActionRoute[]
const nameOf = ({ method, path }: ActionRoute): string => `${method} ${path}`

test('every route that changes something is an action of the console, or an exception', () => {
  const told = new Set([...known.map(nameOf), ...Object.keys(exceptions)])
  expect(changing.size).toBeGreaterThan(20)
  expect([...changing.keys()].filter((name) => !told.has(name))).toEqual([])
})

test('no exception is an action after all, and each is a route', () => {
  const names = new Set(known.map(nameOf))
  expect(Object.keys(exceptions).filter((name) => names.has(name))).toEqual([])
  expect(Object.keys(exceptions).filter((name) => !changing.has(name))).toEqual([])
})

test('the console thinks of the same roles as the server', () => {
  for (const route of known) {
    expect([nameOf(route), changing.get(nameOf(route))]).toEqual([nameOf(route), route.roles])
  }
})
