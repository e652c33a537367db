import { afterEach, beforeEach, expect, test } from 'vitest'
import { Agent, request } from 'undici'
import { systemClock } from '../../src/base/clock.ts'
import { nodeKind } from '../../src/parts/nodes/records.ts'
import { openMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/port.ts'
import { agentProtocol } from '../../src/wire/agent-protocol.ts'
import { aRunningServer, type TestServer } from '../fixtures/running-server.ts'

/** Rule 11: 600 agents that return at once do not keep people out. */

let server: TestServer
beforeEach(async () => {
  server = await aRunningServer({ store: slowStore() })
})
afterEach(() => server.stop())

const agents = 600

/** A disk on which a commit takes 20 ms. */
function slowStore(): Store {
  const store = openMemoryStore()
  const commit = store.commit.bind(store)
  store.commit = async (one) => {
    await systemClock.sleep(20)
    return commit(one)
  }
  return store
}

function registration(node: number) {
  return {
    protocol: agentProtocol.newest,
    incarnation: `boot-${node}`,
    version: '0.0.0',
    zone: `zone-${node % 3}`,
    address: '127.0.0.1',
    capacity: { cpu: 4, memoryBytes: 2 ** 33, diskBytes: 2 ** 36 },
    ports: { from: 21_000, to: 21_999 },
    labels: {},
  }
}

test('600 agents register at once: some are sent away, all are back soon, and people are served', async () => {
  const connections = new Agent({ connections: agents })
  let sentAway = 0
  const headers = {
    authorization: `Bearer ${server.tokens.agent}`,
    'content-type': 'application/json',
  }
  const register = async (node: number): Promise<void> => {
    const url = new URL(`/v1/agents/n${node}/register`, server.url)
    const body = JSON.stringify(registration(node))
    for (;;) {
      const call = { method: 'POST', headers, body, dispatcher: connections } as const
      const { statusCode, headers: told, body: answer } = await request(url, call)
      await answer.dump()
      if (statusCode === 200) return
      expect(statusCode).toBe(429)
      sentAway++
      await systemClock.sleep(Number(told['retry-after']) * 1_000 * (1 + Math.random()))
    }
  }
  const beganAt = systemClock.monotonic()
  const all = Promise.all(Array.from({ length: agents }, (_, node) => register(node)))
  const waits: number[] = []
  const isBack = all.then(() => true)
  while (!(await Promise.race([isBack, systemClock.sleep(20).then(() => false)]))) {
    const askedAt = systemClock.monotonic()
    expect((await server.call('operator', '/v1/apps')).status).toBe(200)
    waits.push(systemClock.monotonic() - askedAt)
  }
  expect(systemClock.monotonic() - beganAt).toBeLessThan(60_000)
  expect([...server.state.snapshot.list(nodeKind)]).toHaveLength(agents)
  expect(sentAway).toBeGreaterThan(0)
  expect(Math.max(...waits)).toBeLessThan(2_000)
  await connections.close()
})
