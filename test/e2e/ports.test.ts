import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { InstanceView, NodeView } from '../../src/wire/api.ts'
import { canIsolate, canSeparate } from '../fixtures/isolation.ts'
import { listeningPorts } from '../../src/drivers/instances/shared/listening-ports.ts'
import { Cloud, until } from './cloud.ts'
import { Customers } from './customers.ts'

/** An app that insists on its port, as people meet it: two share a node, and roll out beside each other. */

const timeout = 120_000

/** Listens at 8080 whatever it is told, and asks another service of its app. */
const insists = `const says = process.argv[2]
require('node:http').createServer(async (request, answer) => {
  if (request.url !== '/ask') return answer.end(says)
  const asked = await fetch(process.env.PLAIN_URL).then((one) => one.text(), String)
  answer.end(asked)
}).listen(8080)
`

const plain = `require('node:http').createServer((_, answer) => answer.end('plain'))
  .listen(process.env.PORT, process.env.HOST)
`

function anApp(cloud: Cloud, says: string): string {
  const folder = join(cloud.folder, 'app')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'insists.js'), insists)
  writeFileSync(join(folder, 'plain.js'), plain)
  writeFileSync(
    join(folder, 'roadstead.yaml'),
    `roadstead: v1
app: stubborn
defaults: { cpu: 0.1, memory: 96MiB, stop: { drain: 2s, grace: 1s } }
services:
  web:
    run: node insists.js ${says}
    port: 8080
    instances: 2
    needs: [plain]
    health: { http: /, every: 500ms }
    route: stubborn.localhost
  plain:
    run: node plain.js
    health: { http: /, every: 500ms }
`,
  )
  return folder
}

async function instancesOf(cloud: Cloud): Promise<InstanceView[]> {
  const { items } = await cloud.get<{ items: InstanceView[] }>('/v1/instances?app=stubborn')
  return items.filter(({ state, service }) => state === 'placed' && service === 'web')
}

function listensAt(port: number): boolean {
  return listeningPorts(port, port).length > 0
}

describe.skipIf(!canIsolate() || !canSeparate())(
  'two instances of an app that insists on port 8080, on one node',
  { timeout },
  () => {
    const cloud = new Cloud()

    beforeAll(() => cloud.start(['--isolation', 'auto']))
    afterAll(() => cloud.remove())

    const ask = async (path: string): Promise<string> => {
      // Not fetch: it sends its own host.
      const headers = { host: 'stubborn.localhost' }
      const { body } = await request(`${cloud.file.ingress}${path}`, { headers })
      return body.text()
    }

    test('are served through the ingress, each at a port of the node, and call another', async () => {
      const { items } = await cloud.get<{ items: NodeView[] }>('/v1/nodes')
      expect(items.map(({ drivers }) => drivers)).toEqual([expect.arrayContaining(['ports'])])
      const { code, output } = await cloud.run('deploy', '-f', anApp(cloud, 'first'))
      expect({ code, output }).toMatchObject({ code: 0 })
      expect(await ask('/')).toBe('first')
      expect(await ask('/ask')).toBe('plain')
      const ports = (await instancesOf(cloud)).map(({ placement }) => placement?.port)
      expect(new Set(ports).size).toBe(2)
      expect(ports).not.toContain(8080)
    })

    test('roll out without a failed request, also when the agent is killed in the middle', async () => {
      const customers = new Customers(cloud.file.ingress, 'stubborn.localhost')
      customers.begin()
      const rolling = cloud.run('deploy', '-f', anApp(cloud, 'second'))
      const isUnderWay = async (): Promise<boolean> => (await instancesOf(cloud)).length > 2
      await until(isUnderWay, 'old and new stand side by side')
      process.kill(cloud.file.roles['agent']?.pid ?? 0, 'SIGKILL')
      const { code, output } = await rolling
      await customers.end()
      expect({ code, output }).toMatchObject({ code: 0 })
      expect(await ask('/')).toBe('second')
      expect(customers.failed).toEqual([])
      expect(customers.answered).toBeGreaterThan(20)
    })

    test('leave no port behind when they are gone', async () => {
      const ports = (await instancesOf(cloud)).map(({ placement }) => placement?.port ?? 0)
      expect(ports.every(listensAt)).toBe(true)
      const { code } = await cloud.run('destroy', 'stubborn', '--yes')
      expect(code).toBe(0)
      await until(() => !ports.some(listensAt), 'their ports are free')
    })
  },
)

describe('where processes are not isolated', { timeout }, () => {
  const cloud = new Cloud()

  beforeAll(() => cloud.start(['--isolation', 'off']))
  afterAll(() => cloud.remove())

  test('one that insists on its port is refused, and is told what helps', async () => {
    const { code, output } = await cloud.run('deploy', '-f', anApp(cloud, 'never'))
    expect(code).not.toBe(0)
    expect(output).toContain('web insists on port 8080, and no node can give a process a network')
    expect(output).toContain('listen on $PORT')
  })
})
