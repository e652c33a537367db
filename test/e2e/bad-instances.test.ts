import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOf } from '../../src/base/digest.ts'
import type { InstanceView } from '../../src/wire/api.ts'
import { tarOf } from '../fixtures/tar.ts'
import { Cloud, until } from './cloud.ts'

/**
 * Instances and archives of bad manners, each in an app of its own in one cloud: what a newcomer is
 * told of it, that nothing of it stays behind, and that everything else goes on.
 */

const cloud = new Cloud()
const timeout = 40_000

/** A server that answers every path with the status of its MODE, and ignores SIGTERM if asked to. */
const program = `
const { createServer } = require('node:http')
const { spawn } = require('node:child_process')
const { MODE, PORT, HOST } = process.env
if (MODE === 'exits') { console.error('cannot reach the database'); process.exit(3) }
if (MODE === 'stays') {
  process.on('SIGTERM', () => console.log('SIGTERM? no'))
  const deaf = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"
  spawn(process.execPath, ['-e', deaf], { detached: true, stdio: 'ignore' }).unref()
}
createServer((request, response) => {
  response.statusCode = MODE === 'sick' ? 500 : 200
  response.end('well')
}).listen(Number(PORT), HOST)
`

beforeAll(() => cloud.start())
afterAll(() => cloud.remove())

test('what exits at once is reverted, and its last words are kept', { timeout }, async () => {
  const { code, output } = await cloud.run('deploy', '-f', anApp('exits'))
  expect(code).toBe(1)
  expect(output).toMatch(
    /reverted: web does not get ready: exited with code 3 after .*; nothing ran/,
  )
  expect(output).toContain('roadstead logs exits')
  const said = async (): Promise<boolean> => {
    const logs = await cloud.run('logs', 'exits/web')
    return logs.code === 0 && logs.output.includes('cannot reach the database')
  }
  await until(said, 'the logs of the reverted release are found')
})

test('a command that does not exist is named', { timeout }, async () => {
  const { code, output } = await cloud.run('deploy', '-f', anApp('nowhere', 'no-such-program x'))
  expect(code).toBe(1)
  expect(output).toContain('there is no `no-such-program` in PATH or in the artifact')
})

test('what answers its checks with 500 says so while it is waited for', { timeout }, async () => {
  await cloud.run('deploy', '--detach', '-f', anApp('sick'))
  const said = async (): Promise<boolean> =>
    (await instancesOf('sick'))[0]?.observed?.because === 'not ready yet: GET /healthz answered 500'
  await until(said, 'the instance tells what its check was answered')
  const { code } = await cloud.run('destroy', 'sick', '--yes')
  expect(code).toBe(0)
  expect(await instancesOf('sick')).toEqual([])
})

test('children that left the group of a deaf instance end with it', { timeout }, async () => {
  expect(await cloud.run('deploy', '-f', anApp('stays'))).toMatchObject({ code: 0 })
  const [instance] = await instancesOf('stays')
  // Where it is isolated, those that hold it carry its mark as well.
  expect(processesOf(instance).length).toBeGreaterThanOrEqual(2)
  expect(await cloud.run('destroy', 'stays', '--yes')).toMatchObject({ code: 0 })
  await until(() => processesOf(instance).length === 0, 'nothing of its tree is left')
})

test('an archive that leads out of itself is refused at its upload', { timeout }, async () => {
  const archive = tarOf([{ name: '../../escaped.txt', content: 'x' }])
  const answer = await upload(digestOf(archive), archive)
  expect(answer.status).toBe(422)
  expect(await answer.text()).toContain('leads out of the archive')
  const written = readdirSync(cloud.folder, { recursive: true }).map(String)
  expect(written.filter((path) => path.includes('escaped'))).toEqual([])
})

test(
  'a server killed in the middle of a rollout ends it at its next start',
  { timeout },
  async () => {
    await cloud.run('deploy', '-f', anApp('good'))
    const rolling = cloud.run('deploy', '-f', anApp('good', 'node server.js again'))
    const isUnderWay = async (): Promise<boolean> => {
      const { at, state } = await cloud.newestRollout()
      return at.app === 'good' && state === 'running'
    }
    await until(isUnderWay, 'the rollout is under way')
    process.kill(cloud.file.roles['server']?.pid ?? 0, 'SIGKILL')
    const { code, output } = await rolling
    expect(output).toContain('release 2 is online')
    expect(code).toBe(0)
  },
)

/** Writes an app whose only service behaves as its name says; answers with its manifest's path. */
function anApp(name: string, run = 'node server.js'): string {
  const folder = join(cloud.folder, name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'server.js'), program)
  const manifest = join(folder, 'roadstead.yaml')
  const small =
    '{ run: RUN, instances: 1, cpu: 0.05, memory: 32MiB, disk: 8MiB, HEALTH, STOP, ENV }'
  const service = small
    .replace('RUN', run)
    .replace('HEALTH', 'health: { http: /healthz, every: 200ms, passes: 1 }')
    .replace('STOP', 'stop: { drain: 0s, grace: 1s }')
    .replace('ENV', `env: { MODE: ${name} }`)
  writeFileSync(manifest, `roadstead: v1\napp: ${name}\nservices:\n  web: ${service}\n`)
  return manifest
}

async function instancesOf(app: string): Promise<InstanceView[]> {
  const { items } = await cloud.get<{ items: InstanceView[] }>(`/v1/instances?app=${app}`)
  return items.filter(({ state }) => state !== 'ended')
}

/** Pids of all that was started for an instance, in its process group or out of it. */
function processesOf(instance: InstanceView | undefined): string[] {
  const mark = `ROADSTEAD_INSTANCE=${instance?.id}\0`
  return readdirSync('/proc').filter((pid) => {
    const file = `/proc/${pid}/environ`
    if (!/^\d+$/.test(pid) || !existsSync(file)) return false
    try {
      return readFileSync(file, 'utf8').includes(mark)
    } catch {
      return false
    }
  })
}

async function upload(digest: string, archive: Buffer): Promise<Response> {
  const token = readFileSync(join(cloud.folder, 'data/tokens/operator'), 'utf8').trim()
  return fetch(`${cloud.file.server}/v1/artifacts/${digest}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}` },
    body: new Uint8Array(archive),
  })
}
