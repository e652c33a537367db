import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { InstanceView, NodeView, WhyView } from '../../src/wire/api.ts'
import { canIsolate, canLimit } from '../fixtures/isolation.ts'
import { Cloud, until } from './cloud.ts'

/** Limits of processes as people meet them: told, refused, and held. */

const timeout = 120_000

const program = `const { readFileSync } = require('node:fs')
const all = []
const acts = {
  '/hog': () => { for (;;) all.push(Buffer.alloc(4 << 20, 1)) },
  '/burn': () => { const end = Date.now() + 3_000; while (Date.now() < end); return 'burnt' },
  '/read': (path) => readFileSync(path, 'utf8').length,
}
require('node:http').createServer((request, answer) => {
  const { pathname, searchParams } = new URL(request.url, 'http://any')
  try {
    answer.end(String(acts[pathname]?.(searchParams.get('path')) ?? 'ok'))
  } catch (error) {
    answer.end(String(error.code))
  }
}).listen(process.env.PORT, process.env.HOST)
`

function anApp(cloud: Cloud, limits: string): string {
  const folder = join(cloud.folder, 'app')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'server.js'), program)
  writeFileSync(
    join(folder, 'roadstead.yaml'),
    `roadstead: v1
app: held
services:
  web:
    run: node server.js
    health: { http: /, every: 1s }
    route: held.localhost
    cpu: 0.2
    memory: 96MiB
    stop: { drain: 1s, grace: 1s }
${limits}`,
  )
  return folder
}

async function instanceOf(cloud: Cloud): Promise<InstanceView> {
  const { items } = await cloud.get<{ items: InstanceView[] }>('/v1/instances?app=held')
  const found = items.find(({ state }) => state === 'placed')
  if (found === undefined) throw new Error('there is no instance')
  return found
}

async function ask(cloud: Cloud, path: string): Promise<string> {
  try {
    // Not fetch: it sends its own host.
    const headers = { host: 'held.localhost' }
    const { body } = await request(`${cloud.file.ingress}${path}`, { headers })
    return await body.text()
  } catch {
    return 'broke off'
  }
}

describe.skipIf(!canIsolate() || !canLimit())(
  'a service that requires its limits',
  { timeout },
  () => {
    const cloud = new Cloud()

    beforeAll(() => cloud.start(['--isolation', 'auto']))
    afterAll(() => cloud.remove())

    test('runs on a node that says that it enforces them', async () => {
      const { items } = await cloud.get<{ items: NodeView[] }>('/v1/nodes')
      expect(items[0]?.drivers).toContain('limits')
      const { code, output } = await cloud.run(
        'deploy',
        '-f',
        anApp(cloud, '    limits: required\n'),
      )
      expect(output).not.toContain('enforced')
      expect(code).toBe(0)
    })

    test('finds nothing of the platform, whose files are its user’s on the machine', async () => {
      expect(await ask(cloud, '/read?path=server.js')).toMatch(/^\d+$/)
      for (const file of ['tokens/operator', 'server/state.db', 'agent/assignment.json']) {
        expect(await ask(cloud, `/read?path=${join(cloud.data, file)}`)).toBe('ENOENT')
      }
    })

    test('is held back at its cpu, and that is told', async () => {
      void ask(cloud, '/burn')
      const throttled = async (): Promise<number> =>
        (await instanceOf(cloud)).observed?.throttled?.periods ?? 0
      await until(async () => (await throttled()) > 0, 'it is held back')
      const { id } = await instanceOf(cloud)
      expect((await cloud.run('why', id)).output).toContain('held back at its share of the cores')
    })

    test('is ended at its memory, told so, and starts again', async () => {
      void ask(cloud, '/hog')
      await until(async () => (await instanceOf(cloud)).observed?.runs === 2, 'it starts again')
      const { observed } = await instanceOf(cloud)
      expect(observed?.lastExit).toMatchObject({ signal: 'SIGKILL', memoryLimit: 96 * 2 ** 20 })
      await until(async () => (await ask(cloud, '/')) === 'ok', 'it serves again')
    })
  },
)

describe('where nothing enforces limits', { timeout }, () => {
  const cloud = new Cloud()

  beforeAll(() => cloud.start(['--isolation', 'off']))
  afterAll(() => cloud.remove())

  test('a service that requires them is refused, and says what helps', async () => {
    const { code, output } = await cloud.run('deploy', '-f', anApp(cloud, '    limits: required\n'))
    expect(code).not.toBe(0)
    expect(output).toContain('web requires its limits, and no node holds processes to them')
    expect(output).toContain('bubblewrap')
  })

  test('another runs, and both deploy and instance say what it is not held to', async () => {
    const { code, output } = await cloud.run('deploy', '-f', anApp(cloud, ''))
    expect(output).toContain('not all limits of web are enforced on')
    expect(code).toBe(0)
    const { id } = await instanceOf(cloud)
    const why = await cloud.get<WhyView>(`/v1/instances/${id}/why`)
    expect(why.remark).toContain('not enforced')
  })
})
