import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AppView, InstanceView } from '../../src/wire/api.ts'
import { Cloud, until } from './cloud.ts'

/**
 * What people do by hand to a cloud, to its services and on its machines: it is reported with whose
 * hand it was, and undone.
 */

const cloud = new Cloud()
const timeout = 60_000

const program = `
const { createServer } = require('node:http')
const { greeting } = require('./greeting.js')
createServer((request, response) => response.end(greeting)).listen(Number(process.env.PORT), process.env.HOST)
`

const agent = join(cloud.folder, 'data/agent')

beforeAll(async () => {
  await cloud.start()
  const folder = join(cloud.folder, 'hi')
  mkdirSync(folder)
  writeFileSync(join(folder, 'server.js'), program)
  writeFileSync(join(folder, 'greeting.js'), "exports.greeting = 'honest'\n")
  const service = [
    '    run: node server.js',
    '    instances: 2',
    '    cpu: 0.05',
    '    memory: 32MiB',
    '    disk: 8MiB',
    '    health: { http: /, every: 200ms, passes: 1 }',
    '    route: hi.localhost',
    '    stop: { drain: 2s, grace: 1s }',
  ]
  const lines = ['roadstead: v1', 'app: hi', 'services:', '  web:', ...service]
  writeFileSync(join(folder, 'roadstead.yaml'), `${lines.join('\n')}\n`)
  const { code, output } = await deploy()
  if (code !== 0) throw new Error(output)
})

afterAll(() => cloud.remove())

function deploy(...more: string[]) {
  return cloud.run('deploy', '-f', join(cloud.folder, 'hi'), ...more)
}

async function app(): Promise<AppView> {
  return cloud.get('/v1/cells/local/default/apps/hi')
}

async function instances(): Promise<InstanceView[]> {
  const { items } = await cloud.get<{ items: InstanceView[] }>('/v1/instances?app=hi')
  return items.filter(({ state }) => state !== 'ended')
}

async function isFound(kind: string, what: RegExp): Promise<boolean> {
  const { items } = await cloud.get<{ items: { kind: string; what: string }[] }>('/v1/findings')
  return items.some((finding) => finding.kind === kind && what.test(finding.what))
}

async function isWell(count: number): Promise<boolean> {
  const all = await instances()
  return all.length === count && all.every(({ observed }) => observed?.state === 'ready')
}

test(
  'a scale by hand is told by plan and status, and undone by a deploy',
  { timeout },
  async () => {
    expect((await cloud.run('scale', 'web', '3')).code).toBe(0)
    const folder = join(cloud.folder, 'hi')
    const plan = await cloud.run('plan', '-f', folder, '--exit-code')
    expect(plan.code).toBe(2)
    expect(plan.output).toMatch(/web: 3 by hand, 2 in the manifest, since [\d:]+ by operator/)
    expect((await cloud.run('status')).output).toContain(
      'by hand: web: 3 by hand, 2 in the manifest',
    )
    expect((await cloud.run('drift', '--exit-code')).code).toBe(2)
    expect(await deploy('--keep-drift')).toMatchObject({ code: 0 })
    expect((await app()).services[0]?.wanted).toBe(3)
    expect(await deploy()).toMatchObject({ code: 0 })
    expect(await app()).toMatchObject({ drift: [], releaseNumber: 1, services: [{ wanted: 2 }] })
    const again = await cloud.run('plan', '-f', folder, '--exit-code')
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining('nothing to do') })
    await until(() => isWell(2), 'two are left')
  },
)

test('a killed instance starts again, and it is told', { timeout }, async () => {
  const [victim] = await instances()
  process.kill(victim?.observed?.pid ?? 0, 'SIGKILL')
  await until(() => isFound('killed', new RegExp(`${victim?.id} was ended by SIGKILL`)), 'found')
  await until(() => isWell(2), 'it is ready again')
  const ids = (await instances()).map(({ id }) => id)
  expect(ids).toContain(victim?.id)
})

test('an altered artifact is unpacked anew, and what ran it is replaced', { timeout }, async () => {
  const before = (await instances()).map(({ id }) => id)
  const file = join(unpacked(), 'greeting.js')
  chmodSync(join(unpacked()), 0o755)
  writeFileSync(file, "exports.greeting = 'altered'\n")
  await until(() => isFound('altered', /altered by hand/), 'it is found')
  const answers = new Set<number>()
  expect(readFileSync(join(unpacked(), 'greeting.js'), 'utf8')).toContain('honest')
  await until(async () => {
    answers.add(await ask())
    const now = await instances()
    return (await isWell(2)) && now.every(({ id }) => !before.includes(id))
  }, 'others have taken their place')
  expect([...answers]).toEqual([200])
})

test('a removed record is written again', { timeout }, async () => {
  const [instance] = await instances()
  const record = join(agent, 'records', `${instance?.id}.json`)
  rmSync(record)
  await until(() => isFound('record-removed', new RegExp(instance?.id ?? '')), 'it is found')
  expect(existsSync(record)).toBe(true)
})

test('a folder and a process that nobody asked for are ended', { timeout }, async () => {
  const folder = join(agent, 'instances', 'i-byhand00')
  mkdirSync(folder)
  const stray = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
    cwd: unpacked(),
    detached: true,
    stdio: 'ignore',
  })
  const ended = new Promise<string | null>((resolve) => {
    stray.once('exit', (_code, signal) => resolve(signal))
  })
  await until(() => isFound('stray-folder', /i-byhand00/), 'the folder is found')
  expect(await ended).toBe('SIGKILL')
  await until(
    () => isFound('stray-process', new RegExp(`process ${stray.pid} `)),
    'so is the process',
  )
  expect(existsSync(folder)).toBe(false)
  expect(await isWell(2)).toBe(true)
})

test('all of it is in the list, and in the log of what happened', { timeout }, async () => {
  const { code, output } = await cloud.run('drift')
  expect(code).toBe(0)
  for (const kind of ['killed', 'altered', 'record-removed', 'stray-folder', 'stray-process']) {
    expect(output).toContain(kind)
  }
  expect((await cloud.run('events', '-n', '50')).output).toContain('node.find')
  expect((await cloud.run('status')).output).toContain('undone on the nodes in the last hour')
})

/** A customer's request: its status. */
function ask(): Promise<number> {
  const { hostname, port } = new URL(cloud.file.ingress)
  return new Promise((resolve, reject) => {
    const request = get({ hostname, port, headers: { host: 'hi.localhost' } }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    request.on('error', reject)
  })
}

/** Where the app's artifact lies unpacked. */
function unpacked(): string {
  const folder = join(agent, 'artifacts')
  const name = readdirSync(folder).find((one) => /^[0-9a-f]{64}$/.test(one))
  return join(folder, name ?? '')
}
