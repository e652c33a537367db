import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { appKind, releaseKind } from '../../src/parts/apps/records.ts'
import { nodeKey } from '../../src/parts/nodes/model.ts'
import { nodeKind } from '../../src/parts/nodes/records.ts'
import { instanceById, instanceKind } from '../../src/parts/instances/records.ts'
import { openMemoryStore } from '../../src/store/memory/memory-store.ts'
import { create, replace } from '../../src/store/port.ts'
import type { Assignment } from '../../src/wire/agent.ts'
import { anApp, anObserved, aPending, aRelease } from '../fixtures/records.ts'
import { aRunningServer, errorOf, type TestServer } from '../fixtures/running-server.ts'

/** The agent protocol as the server keeps it: which start of an agent counts, and leases. */

const attribution = { who: 'test', what: 'test.seed', why: 'a test' }

let server: TestServer
beforeEach(async () => {
  server = await aRunningServer()
})
afterEach(() => server.stop())

function post(what: 'register' | 'report', body: object): Promise<Response> {
  const init = { method: 'POST', body: JSON.stringify(body) }
  return server.call('agent', `/v1/agents/node-1/${what}`, init)
}

const register = (incarnation: string, protocol = 2): Promise<Response> =>
  post('register', {
    protocol,
    incarnation,
    version: '0.0.0',
    zone: 'a',
    address: '127.0.0.1',
    capacity: { cpu: 4, memoryBytes: 2 ** 33, diskBytes: 2 ** 36 },
    ports: { from: 21_000, to: 21_999 },
    labels: {},
  })

const report = (incarnation: string, sequence: number, more: object = {}): Promise<Response> =>
  post('report', { incarnation, sequence, portsTaken: [], full: true, instances: [], ...more })

describe('an older start of an agent', () => {
  test('is refused after a restart of the server too, and the living one goes on', async () => {
    const store = openMemoryStore()
    await server.stop()
    server = await aRunningServer({ store })
    await register('boot-1')
    expect((await report('boot-1', 1)).status).toBe(200)
    await register('boot-2')
    await server.stop()
    server = await aRunningServer({ store })

    expect((await report('boot-2', 7)).status).toBe(200)
    const late = await report('boot-1', 9)
    expect(late.status).toBe(404)
    expect(await errorOf(late)).toMatchObject({ code: 'node-unregistered' })
    expect((await report('boot-2', 8)).status).toBe(200)
    expect(server.observed.node('node-1')?.incarnation).toBe('boot-2')
  })

  test('that registers late is followed by the living one, which registers again', async () => {
    await register('boot-2')
    await register('boot-1')
    expect((await report('boot-2', 1)).status).toBe(404)
    await register('boot-2')
    expect((await report('boot-2', 1)).status).toBe(200)
  })
})

describe('leases', () => {
  const singleton = { epoch: 3, leaseMs: 30_000 }

  async function seed(): Promise<void> {
    await server.state.commit({
      writes: [
        create(appKind, anApp()),
        create(releaseKind, aRelease()),
        create(instanceKind, aPending({ id: 'i-only', singleton })),
        create(instanceKind, aPending({ id: 'i-other' })),
      ],
      attribution,
    })
    for (const id of ['i-only', 'i-other']) {
      const entry = instanceById(server.state.snapshot, id)
      if (entry === undefined) throw new Error('no instance')
      const placement = { nodeId: 'node-1', port: 21_000 }
      const placed = { ...entry.value, state: 'placed' as const, placement }
      await server.state.commit({ writes: [replace(instanceKind, entry, placed)], attribution })
    }
  }

  const leasesOf = async (answer: Response): Promise<unknown> =>
    ((await answer.json()) as { leases?: unknown }).leases

  test('are renewed by reports that are heard, for what is a singleton', async () => {
    await register('boot-1')
    await seed()
    const instances = [anObserved({ instanceId: 'i-only' })]
    expect(await leasesOf(await report('boot-1', 1, { instances }))).toEqual(['i-only'])
    expect(await leasesOf(await report('boot-1', 1, { instances }))).toEqual([])
    expect(await leasesOf(await report('boot-1', 2, { instances }))).toEqual(['i-only'])
  })

  test('are not renewed on a node that is given up', async () => {
    await register('boot-1')
    await seed()
    const node = server.state.snapshot.get(nodeKind, nodeKey('node-1'))
    if (node === undefined) throw new Error('no node')
    const lost = { ...node.value, lost: { since: 0 } }
    await server.state.commit({ writes: [replace(nodeKind, node, lost)], attribution })
    expect(await leasesOf(await report('boot-1', 1))).toEqual([])
  })

  test('are no word of protocol 1', async () => {
    await register('boot-1', 1)
    await seed()
    expect(await (await report('boot-1', 1)).json()).toEqual({ full: false })
    const answer = await server.call('agent', '/v1/agents/node-1/assignment')
    const { instances } = (await answer.json()) as Assignment
    expect(instances.map(({ instanceId }) => instanceId)).toEqual(['i-only', 'i-other'])
    for (const one of instances) {
      expect(one).not.toHaveProperty('singleton')
      expect(one).not.toHaveProperty('resources')
    }
    expect(instances[0]?.env).toMatchObject({ ROADSTEAD_EPOCH: '3' })
  })
})
