import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { processesOf } from '../../scripts/left-behind.ts'
import { systemClock } from '../../src/base/clock.ts'
import { readUpFile, type UpFile } from '../../src/cli/api/settings.ts'
import { isRunning, type ProcessIdentity } from '../../src/cli/up/processes.ts'

const cli = join(import.meta.dirname, '../../src/cli/main.ts')

interface Up {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  output(): string
}

let folder: string
let data: string
let children: ChildProcess[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roadstead-up-'))
  data = join(folder, 'data')
  children = []
})

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  await until(() => roles().filter(isRunning).length === 0)
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

/** Starts an `up` on free ports. */
function startUp(...parameters: string[]): Up {
  const run = [cli, 'up', '--data', data, '--port', '0', '--ingress-port', '0', ...parameters]
  const child = spawn(process.execPath, run, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  })
  children.push(child)
  let output = ''
  const collect = (chunk: Buffer): void => void (output += chunk.toString())
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, ended, output: () => output }
}

async function isUp(up: Up): Promise<void> {
  await until(() => up.output().includes('all of it runs') || up.child.exitCode !== null)
  expect(up.output()).toContain('all of it runs')
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 0; look < 2_400; look++) {
    if (await condition()) return
    await systemClock.sleep(25)
  }
  throw new Error('it never came to pass')
}

function upFile(): UpFile {
  const file = readUpFile(data)
  if (file === undefined) throw new Error('there is no up.json')
  return file
}

/** The roles as up.json names them now. */
function roles(): ProcessIdentity[] {
  return Object.values(readUpFile(data)?.roles ?? {})
}

async function isHealthy(): Promise<boolean> {
  const response = await fetch(`${upFile().server}/v1/health`).catch(() => undefined)
  return response?.ok === true
}

test('it starts three roles, says where they are, and Ctrl-C leaves nothing behind', async () => {
  const up = startUp()
  await isUp(up)
  const { server, ingress } = upFile()
  expect(up.output()).toContain(`${server}/#token=`)
  expect(up.output()).toContain(ingress)
  expect(await isHealthy()).toBe(true)
  const started = roles()
  expect(started.filter(isRunning)).toHaveLength(3)
  up.child.kill('SIGINT')
  expect(await up.ended).toBe(0)
  expect(started.filter(isRunning)).toEqual([])
})

test('the link that it prints logs in, and the token is for its owner alone', async () => {
  const up = startUp()
  await isUp(up)
  const token = decodeURIComponent(/#token=(\S+)/.exec(up.output())?.[1] ?? '')
  const headers = { authorization: `Bearer ${token}` }
  const session = await fetch(`${upFile().server}/v1/session`, { headers })
  expect(session.status).toBe(200)
  expect(statSync(join(data, 'tokens', 'operator')).mode & 0o077).toBe(0)
})

describe('a role that is killed', () => {
  test.each(['server', 'agent', 'ingress'])(
    '%s: is back, and the others are untouched',
    async (name) => {
      const up = startUp()
      await isUp(up)
      const before = upFile().roles
      process.kill(before[name]?.pid ?? 0, 'SIGKILL')
      await until(() => upFile().roles[name]?.pid !== before[name]?.pid)
      await until(isHealthy)
      for (const other of Object.keys(before).filter((each) => each !== name)) {
        expect(upFile().roles[other]).toEqual(before[other])
      }
      expect(up.output()).toContain(`the ${name} died (SIGKILL); started again`)
    },
  )
})

test('an up.json that cannot be written ends nothing, and is written as soon as it can be', async () => {
  const up = startUp()
  await isUp(up)
  const before = upFile().roles['agent']
  // A folder in the place of the file that becomes up.json: as good as a full disk.
  const obstacle = join(data, 'up.json.next')
  mkdirSync(obstacle)
  process.kill(before?.pid ?? 0, 'SIGKILL')
  await until(() => up.output().includes('up.json cannot be written yet'))
  expect(upFile().roles['agent']).toEqual(before)
  rmSync(obstacle, { recursive: true })
  await until(() => upFile().roles['agent']?.pid !== before?.pid)
  expect(up.child.exitCode).toBe(null)
})

test('the demo brings the shop online, and nothing of it survives a killed supervisor', async () => {
  const up = startUp('--demo')
  await isUp(up)
  expect(up.output()).toContain('is online in local/default')
  const page = await fetch(`${upFile().ingress}/`)
  expect(page.status).toBe(200)
  const instances = processesOf(data)
  expect(instances.length).toBeGreaterThanOrEqual(9)
  up.child.kill('SIGKILL')
  await until(() => processesOf(data).length === 0)
})

test('Ctrl-C ends the instances though there is no agent at that moment', async () => {
  const up = startUp('--demo', '--no-load')
  await isUp(up)
  const { agent } = upFile().roles
  process.kill(agent?.pid ?? 0, 'SIGKILL')
  up.child.kill('SIGINT')
  expect(await up.ended).toBe(0)
  await until(() => processesOf(data).length === 0)
})

test('a second one on the same data is refused with the pid of the first', async () => {
  const first = startUp()
  await isUp(first)
  const second = startUp()
  expect(await second.ended).toBe(1)
  expect(second.output()).toContain(`(pid ${first.child.pid})`)
  expect(await isHealthy()).toBe(true)
})

test('a killed supervisor takes its roles along, and the next start keeps its ports', async () => {
  const first = startUp()
  await isUp(first)
  const before = upFile()
  first.child.kill('SIGKILL')
  await until(() => Object.values(before.roles).filter(isRunning).length === 0)
  const child = spawn(process.execPath, [cli, 'up', '--data', data], { stdio: 'ignore' })
  children.push(child)
  await until(() => upFile().pid === child.pid && Object.keys(upFile().roles).length === 3)
  const { serverPort, ingressPort, listenerPorts, instancePorts } = upFile()
  expect({ serverPort, ingressPort, listenerPorts, instancePorts }).toEqual({
    serverPort: before.serverPort,
    ingressPort: before.ingressPort,
    listenerPorts: before.listenerPorts,
    instancePorts: before.instancePorts,
  })
  child.kill('SIGTERM')
  await new Promise((resolve) => child.once('close', resolve))
})

test('two of them side by side never share a port', async () => {
  const first = startUp()
  await isUp(first)
  const { listenerPorts, instancePorts } = upFile()
  data = join(folder, 'second')
  const second = startUp()
  await isUp(second)
  expect(upFile().listenerPorts.from).not.toBe(listenerPorts.from)
  expect(upFile().instancePorts.from).not.toBe(instancePorts.from)
  for (const up of [first, second]) up.child.kill('SIGTERM')
  expect([await first.ended, await second.ended]).toEqual([0, 0])
})

test('a port that was asked for and is taken is refused, naming it', async () => {
  const first = startUp()
  await isUp(first)
  const { serverPort } = upFile()
  data = join(folder, 'second')
  const second = startUp('--port', String(serverPort))
  expect(await second.ended).toBe(1)
  expect(second.output()).toContain(`port ${serverPort} is held by another process`)
})

test('a role that cannot start is shown with its last words', async () => {
  const up = startUp()
  await isUp(up)
  up.child.kill('SIGTERM')
  await up.ended
  rmSync(join(data, 'server'), { recursive: true })
  writeFileSync(join(data, 'server'), 'not a folder')
  const again = startUp()
  expect(await again.ended).toBe(4)
  expect(again.output()).toContain('the server does not start')
  expect(roles().filter(isRunning)).toEqual([])
})
