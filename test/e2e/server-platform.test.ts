import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/base/digest.ts'
import type { DeployPlanView } from '../../src/wire/deploy-plan.ts'
import type { TokenView } from '../../src/wire/access.ts'
import { aRunningServer, errorOf, type TestServer } from '../fixtures/running-server.ts'

/** Who may come as whom, and the operators' file that no deploy gets around. */

let server: TestServer

beforeEach(async () => {
  server = await aRunningServer()
})

afterEach(() => server.stop())

const platform = `roadstead: v1
platform: shop-europe
nodeGroups: { general: { engine: agents, zones: [a] } }
environments:
  qa: { nodeGroup: general }
  prod:
    nodeGroup: general
    freeze: [ { from: "2040-11-27 00:00", until: "2040-11-30 08:00", timezone: Europe/Prague } ]
`

function asOperator(method: string, path: string, body?: unknown): Promise<Response> {
  return server.call('operator', path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

/** Calls with a token of one's own. */
function as(token: string, method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(new URL(path, server.url), {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function aToken(name: string, role: string, may: string[] = []): Promise<string> {
  const token = `rst_${name.padEnd(43, 'x')}`
  const response = await asOperator('POST', '/v1/tokens', {
    name,
    role,
    may,
    hash: digestOf(token),
  })
  expect(response.status).toBe(201)
  return token
}

function aDeploy(sent?: string): Record<string, unknown> {
  const artifact = { digest: `sha256:${'a'.repeat(64)}`, sizeBytes: 1 }
  return {
    manifest: 'roadstead: v1\napp: shop\nservices:\n  web: { worker: true, run: node a.js }\n',
    ...(sent === undefined ? {} : { platform: sent }),
    artifacts: { '.': artifact },
    files: null,
    version: 'v1',
    supersede: false,
  }
}

describe('tokens', () => {
  test('name who comes; the list shows neither them nor their digests', async () => {
    const token = await aToken('alice', 'developer', ['releaser', 'releaser'])
    const whoAmI = await as(token, 'GET', '/v1/session')
    expect(await whoAmI.json()).toEqual({ name: 'alice', role: 'developer' })
    const listed = await (await asOperator('GET', '/v1/tokens')).text()
    expect(listed).not.toContain('sha256')
    const { items } = JSON.parse(listed) as { items: TokenView[] }
    expect(items.find(({ name }) => name === 'alice')).toMatchObject({ may: ['releaser'] })
  })

  test('of developers release apps, and change neither gates nor tokens', async () => {
    const token = await aToken('bob', 'developer')
    const path = '/v1/cells/local/default/apps/shop'
    expect((await as(token, 'POST', `${path}/plan`, aDeploy())).status).toBe(200)
    // Admitted, and refused for what it lacks.
    const deploy = await as(token, 'POST', `${path}/deploy`, aDeploy())
    expect(await errorOf(deploy)).toMatchObject({ code: 'artifact-missing' })
    for (const [method, route, body] of [
      ['PUT', '/v1/platform', { text: platform }],
      ['POST', '/v1/tokens', { name: 'eve', role: 'operator', hash: digestOf('x') }],
      ['GET', '/v1/tokens', undefined],
      ['DELETE', '/v1/tokens/operator', undefined],
      ['DELETE', path, undefined],
    ] as const) {
      const response = await as(token, method, route, body)
      expect([route, response.status]).toEqual([route, 403])
    }
  })

  test('are given out once per name, and end when they are revoked', async () => {
    const token = await aToken('carol', 'viewer')
    const again = { name: 'carol', role: 'viewer', hash: digestOf('another') }
    expect(await errorOf(await asOperator('POST', '/v1/tokens', again))).toMatchObject({
      code: 'token-exists',
    })
    expect((await asOperator('DELETE', '/v1/tokens/carol')).status).toBe(200)
    expect((await as(token, 'GET', '/v1/apps')).status).toBe(401)
    expect(await errorOf(await asOperator('DELETE', '/v1/tokens/carol'))).toMatchObject({
      code: 'token-unknown',
    })
    expect(await errorOf(await asOperator('DELETE', '/v1/tokens/operator'))).toMatchObject({
      code: 'token-kept',
    })
  })
})

describe("the operators' file", () => {
  test('is kept, shown, and not written twice', async () => {
    const none = await asOperator('GET', '/v1/platform')
    expect(await errorOf(none)).toMatchObject({ code: 'platform-missing' })
    const first = await asOperator('PUT', '/v1/platform', { text: platform })
    expect(await first.json()).toMatchObject({ unchanged: false })
    const again = await asOperator('PUT', '/v1/platform', { text: platform })
    expect(await again.json()).toMatchObject({ unchanged: true })
    const shown = await (await asOperator('GET', '/v1/platform')).json()
    expect(shown).toMatchObject({ text: platform, appliedBy: 'operator' })
    const events = await (await asOperator('GET', '/v1/events?before=1000000&limit=50')).text()
    expect(events).toContain('platform.apply')
    expect(events).toContain('gates: prod')
  })

  test.each([
    ['2040-12-27 00:00', 'from after until', 'the freeze ends before it begins', 8],
    ['2040-11-31 00:00', 'no such day', 'there is no day 2040-11-31', 8],
  ])('that freezes from %s is refused with its line: %s', async (from, _why, words, line) => {
    const text = platform.replace('2040-11-27 00:00', from)
    const response = await asOperator('PUT', '/v1/platform', { text })
    expect(response.status).toBe(422)
    const error = await errorOf(response)
    expect(error).toMatchObject({ code: 'manifest-invalid' })
    expect(error.message).toContain(words)
    expect(error.path).toContain(`platform.yaml:${line}:`)
    expect((await asOperator('GET', '/v1/platform')).status).toBe(404)
  })

  test('goes before one that a deploy brings along, which is told', async () => {
    await asOperator('PUT', '/v1/platform', { text: platform })
    const sent = platform.replace('  qa:', '  mine: { nodeGroup: general }\n  qa:')
    const plan = (cell: string): Promise<Response> =>
      asOperator('POST', `/v1/cells/${cell}/apps/shop/plan`, aDeploy(sent))
    const unknown = await errorOf(await plan('mine/default'))
    expect(unknown).toMatchObject({ code: 'manifest-invalid' })
    expect(unknown.message).toContain('there is no cell mine/default')
    const known = (await (await plan('qa/default')).json()) as DeployPlanView
    expect(known.notes).toEqual([expect.stringContaining('is not the one in force')])
  })
})
