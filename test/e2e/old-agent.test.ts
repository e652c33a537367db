import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { agentProtocol } from '../../src/wire/agent-protocol.ts'
import { Machines } from './machines.ts'

/**
 * A server of today and a real agent of the version before (test/fixtures/agent-0.1.0): it is
 * served in full, and so is the agent of today that takes its place.
 */

const oldAgent = join(import.meta.dirname, '../fixtures/agent-0.1.0/bin/agent.mjs')

const server = `
const { createServer } = require('node:http')
const { PORT, HOST, ROADSTEAD_VERSION, CONTENT } = process.env
createServer((request, response) => response.end(CONTENT)).listen(Number(PORT), HOST)
`

function manifest(content: string): string {
  return `roadstead: v1
app: old
services:
  web:
    run: node server.js
    instances: 2
    cpu: 0.1
    memory: 64MiB
    health: { http: /, every: 200ms }
    route: old.localhost
    env: { CONTENT: ${content} }
    stop: { drain: 2s, grace: 2s }
release:
  steps:
    - maintenance: { portion: 50%, min: 1 }
    - test: { run: node check.js, timeout: 20s }
    - remaining: { batch: 50%, pause: 0s }
`
}

const check = `
fetch(process.env.ROADSTEAD_TARGET).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(2))
`

let machines: Machines
beforeEach(async () => {
  machines = new Machines()
  await machines.startServer()
  await machines.startIngress()
})
afterEach(() => machines.remove())

async function deploy(content: string): Promise<void> {
  const files = { 'server.js': server, 'check.js': check, 'roadstead.yaml': manifest(content) }
  await machines.deploy('old', files)
  await machines.until(`customers see ${content}`, async () => {
    const { status, text } = await machines.page('old.localhost')
    return status === 200 && text === content
  })
}

test('an agent of the version before deploys, serves, changes version and is replaced in place', async () => {
  machines.startAgent('n1', oldAgent)
  await machines.until('the node is known', async () => (await machines.nodes()).length === 1)
  expect(await machines.nodes()).toMatchObject([{ protocol: agentProtocol.newest - 1 }])
  await deploy('one')
  await deploy('two')
  expect(await machines.newestRollout()).toMatchObject({ state: 'done' })
  const before = await machines.instances()
  expect(before).toMatchObject([{ observed: { state: 'ready' } }, { observed: { state: 'ready' } }])

  await machines.kill('n1')
  machines.startAgent('n1')
  const isNew = async (): Promise<boolean> =>
    (await machines.nodes())[0]?.protocol === agentProtocol.newest
  await machines.until('the new agent has taken its place', isNew)
  await systemClock.sleep(2_500)
  const after = await machines.instances()
  expect(after.map(({ id, observed }) => [id, observed?.pid])).toEqual(
    before.map(({ id, observed }) => [id, observed?.pid]),
  )

  const folder = join(machines.folder, 'apps/old')
  expect(await machines.run(folder, 'stop', 'old')).toMatchObject({ code: 0 })
  await machines.until('nothing runs', async () => (await machines.instances()).length === 0)
})

test('a protocol that is too new is refused with the versions that are spoken', async () => {
  const token = machines.agentToken()
  const response = await fetch(`${machines.url}/v1/agents/n1/register`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ protocol: agentProtocol.newest + 1 }),
  })
  expect(response.status).toBe(426)
  expect(await response.json()).toMatchObject({
    error: { code: 'protocol-unsupported', details: agentProtocol },
  })
})
