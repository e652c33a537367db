import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BoundView } from '../../src/wire/bounds.ts'
import { aRunningServer, type TestServer } from '../fixtures/running-server.ts'

/** What the server says of how full it is, and how it does. */

let server: TestServer
beforeAll(async () => {
  server = await aRunningServer()
})
afterAll(() => server.stop())

async function bounds(): Promise<Map<string, BoundView>> {
  const response = await server.call('viewer', '/v1/bounds')
  const { items } = (await response.json()) as { items: BoundView[] }
  return new Map(items.map((bound) => [bound.name, bound]))
}

test('every bound says what grows there, what happens beyond it, and how full it is', async () => {
  const all = await bounds()
  expect(all.size).toBeGreaterThan(5)
  for (const { says, limit, used } of all.values()) {
    expect(says.length).toBeGreaterThan(20)
    expect(limit).toBeGreaterThan(0)
    expect(used).toBeLessThanOrEqual(limit)
  }
})

test('what grows shows: a wrong credential is counted by its address', async () => {
  const name = 'server.addresses-with-failed-logins'
  expect((await bounds()).get(name)?.used).toBe(0)
  const headers = { authorization: 'Bearer wrong' }
  expect((await server.call(null, '/v1/apps', { headers })).status).toBe(401)
  expect((await bounds()).get(name)?.used).toBe(1)
})

test('metrics are in the form that Prometheus reads', async () => {
  const response = await server.call('viewer', '/v1/metrics')
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const text = await response.text()
  expect(text.endsWith('\n')).toBe(true)
  const families = new Set<string>()
  for (const line of text.trimEnd().split('\n')) {
    const family = /^# (?:HELP|TYPE) (\S+)/.exec(line)?.[1]
    if (family !== undefined) families.add(family)
    else {
      expect(line).toMatch(/^[a-z_]+(\{[a-z]+="[^"\\\n]*"(,[a-z]+="[^"\\\n]*")*\})? -?[\d.e+-]+$/)
      expect(families).toContain(/^[a-z_]+/.exec(line)?.[0])
    }
  }
  expect(text).toMatch(/^roadstead_bound_limit\{name="server.watchers",unit="items"\} 256$/m)
})

test('whoever has no role sees none of it', async () => {
  for (const path of ['/v1/metrics', '/v1/bounds']) {
    expect((await server.call(null, path)).status).toBe(401)
    expect((await server.call('agent', path)).status).toBe(403)
  }
})
