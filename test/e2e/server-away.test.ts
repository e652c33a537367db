import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { Machines } from './machines.ts'

/** Capability 25 and rule 12: the data plane without the control plane, and without its store. */

const server = `
const { createServer } = require('node:http')
const { PORT, HOST } = process.env
createServer((request, response) => response.end('well')).listen(Number(PORT), HOST, () => {
  console.log('listening')
})
`

const manifest = (content: string): string => `roadstead: v1
app: away
services:
  web:
    run: node server.js
    instances: 2
    cpu: 0.1
    memory: 64MiB
    health: { http: /, every: 200ms }
    route: away.localhost
    env: { CONTENT: ${content} }
    stop: { drain: 1s, grace: 1s }
`

let machines: Machines
beforeEach(async () => {
  machines = new Machines()
  await machines.startServer()
  await machines.startIngress()
  machines.startAgent('n1')
  await machines.until('the node is known', async () => (await machines.nodes()).length === 1)
  await deploy('one')
})
afterEach(() => machines.remove())

async function deploy(content: string): Promise<void> {
  await machines.deploy('away', { 'server.js': server, 'roadstead.yaml': manifest(content) })
  await machines.until('customers are served', isServed)
}

const isServed = async (): Promise<boolean> =>
  (await machines.page('away.localhost')).status === 200

async function pids(): Promise<Map<string, number>> {
  const all = await machines.instances()
  return new Map(all.map(({ id, observed }) => [id, observed?.pid ?? 0]))
}

/** Asks every 20 ms for a time; what was not well. */
async function customersFor(ms: number): Promise<number[]> {
  const wrong: number[] = []
  const until = systemClock.monotonic() + ms
  while (systemClock.monotonic() < until) {
    const { status } = await machines.page('away.localhost').catch(() => ({ status: 0 }))
    if (status !== 200) wrong.push(status)
    await systemClock.sleep(20)
  }
  return wrong
}

test('without the server instances are restarted and requests carried, and it finds all as it was', async () => {
  const before = await pids()
  const [dying = '', staying = ''] = [...before.keys()]
  await machines.kill('server')
  process.kill(before.get(dying) ?? 0, 'SIGKILL')
  expect(await customersFor(4_000)).toEqual([])
  const restarted = `"instanceId":"${dying}"`
  const lines = machines.outputOf('n1').split('\n')
  const isBack = lines.some((line) => line.includes(restarted) && line.includes('"to":"ready"'))
  expect(isBack).toBe(true)

  await machines.startServer()
  await machines.until('both are ready', async () => {
    const all = await machines.instances()
    return all.length === 2 && all.every(({ observed }) => observed?.state === 'ready')
  })
  await systemClock.sleep(3_000)
  const after = await pids()
  expect([...after.keys()].toSorted()).toEqual([...before.keys()].toSorted())
  expect(after.get(staying)).toBe(before.get(staying))
  expect(after.get(dying)).not.toBe(before.get(dying))
  const { items } = await machines.get<{ items: { what: string }[] }>('/v1/events?limit=20')
  expect(items.filter(({ what }) => what === 'instance.create')).toHaveLength(2)
  await deploy('two')
})

test('with the store gone agents and ingresses start from what they knew last', async () => {
  const before = await pids()
  await machines.kill('server')
  rmSync(join(machines.folder, 'server'), { recursive: true })
  await machines.kill('n1')
  await machines.kill('ingress')
  const local = ['local', `--data=${join(machines.folder, 'n1')}`]
  const listed = await machines.run(machines.folder, ...local, '--json')
  const [id = ''] = [...before.keys()]
  const seen = JSON.parse(listed.output) as { id: string; pid: number; alive: boolean }[]
  expect(new Map(seen.map((one) => [one.id, one.pid]))).toEqual(before)
  expect(seen.every(({ alive }) => alive)).toBe(true)
  const printed = await machines.run(machines.folder, ...local, id)
  expect(printed).toEqual({ code: 0, output: 'listening\n' })
  machines.startAgent('n1')
  await machines.startIngress()
  await machines.until('customers are served', isServed)
  const [victim = 0, other = 0] = [...before.values()]
  process.kill(victim, 'SIGKILL')
  // Two became ready at the first start; a third time is the restart.
  const readies = (): number => machines.outputOf('n1').split('"to":"ready"').length - 1
  await machines.until('it is restarted', () => readies() > 2)
  expect(await customersFor(1_000)).toEqual([])
  expect(process.kill(other, 0)).toBe(true)
})
