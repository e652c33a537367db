import { spawn as spawnPty } from '@lydell/node-pty'
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LogEntry } from '../../src/parts/audit/model.ts'
import type { InstanceView } from '../../src/wire/api.ts'
import { Cloud, program, until } from './cloud.ts'

/** `roadstead exec` as a person uses it: in a script, at a terminal, and when something gives way. */

const cloud = new Cloud()
const timeout = 60_000
let instance: InstanceView

const server = `
require('node:http')
  .createServer((request, response) => response.end('ok'))
  .listen(Number(process.env.PORT), process.env.HOST)
`

beforeAll(async () => {
  await cloud.start()
  const folder = join(cloud.folder, 'box')
  mkdirSync(folder)
  writeFileSync(join(folder, 'server.js'), server)
  writeFileSync(join(folder, 'letter.txt'), 'dear reader\n')
  const service = [
    '    run: node server.js',
    '    cpu: 0.05',
    '    memory: 32MiB',
    '    disk: 8MiB',
    '    env: { COLOUR: green }',
    '    health: { http: /, every: 200ms, passes: 1 }',
    '    stop: { drain: 1s, grace: 1s }',
  ]
  const lines = ['roadstead: v1', 'app: box', 'services:', '  web:', ...service]
  writeFileSync(join(folder, 'roadstead.yaml'), `${lines.join('\n')}\n`)
  const { code, output } = await cloud.run('deploy', '-f', folder)
  if (code !== 0) throw new Error(output)
  const { items } = await cloud.get<{ items: InstanceView[] }>('/v1/instances')
  const [first] = items
  if (first === undefined) throw new Error('there is no instance')
  instance = first
})

afterAll(() => cloud.remove())

describe('with pipes', { timeout }, () => {
  test('it runs in the folder and the environment of the instance', async () => {
    const script = 'cat letter.txt; echo $COLOUR $ROADSTEAD_INSTANCE $PORT'
    const ran = await exec(['--', 'sh', '-c', script])
    expect(ran).toEqual({
      code: 0,
      stdout: `dear reader\ngreen ${instance.id} ${instance.placement?.port}\n`,
      stderr: '',
    })
  })

  test('the exit code, stdout and stderr are those of the command', async () => {
    const ran = await exec(['--', 'sh', '-c', 'echo out; echo err >&2; exit 37'])
    expect(ran).toEqual({ code: 37, stdout: 'out\n', stderr: 'err\n' })
    expect((await exec(['--', 'sh', '-c', 'kill -TERM $$'])).code).toBe(128 + 15)
  })

  test('what is piped in arrives whole, and megabytes come back', async () => {
    const letters = 'abcdefghijklmnopqrstuvwxyz012345'.repeat(128 * 1_024)
    const ran = await exec(['cat'], letters)
    expect(ran.code).toBe(0)
    expect(ran.stdout.length).toBe(letters.length)
    expect(ran.stdout === letters).toBe(true)
  })

  test('--json says each piece and its stream', async () => {
    const { stdout } = await exec(['--', 'sh', '-c', 'echo out'], '', '--json')
    expect(JSON.parse(stdout)).toEqual({ stream: 'stdout', text: 'out\n' })
  })

  test('what cannot run is refused with a reason', async () => {
    const missing = await exec(['no-such-program'])
    expect(missing.code).toBe(1)
    expect(missing.stderr).toContain('no-such-program: command not found')
    const unknown = await cloud.run('exec', 'i-nobody', 'true')
    expect(unknown.code).toBe(1)
    expect(unknown.output).toContain('there is no instance "i-nobody"')
  })

  test('a caller that goes away takes the command along', async () => {
    const child = start(['--', 'sh', '-c', 'echo begun; exec sleep 4242'])
    await until(() => child.text().includes('begun'), 'it runs')
    expect(running('sleep\u00004242')).toBe(1)
    child.process.kill('SIGKILL')
    await until(() => running('sleep\u00004242') === 0, 'it has ended')
    await until(
      async () => (await told('instance.exec-end'))[0]?.includes('went away') === true,
      'log',
    )
  })
})

describe('at a terminal', { timeout }, () => {
  test('a shell is one: keys, colours, window size, Ctrl-C and the exit code', async () => {
    const terminal = spawnPty(process.execPath, [program, 'exec', instance.id], {
      cwd: cloud.folder,
      cols: 91,
      rows: 33,
      env: cloud.environment,
    })
    let screen = ''
    let code: number | undefined
    terminal.onData((data) => (screen += data))
    terminal.onExit(({ exitCode }) => (code = exitCode))
    terminal.write('stty size\r')
    await until(() => /33 91/.test(screen), 'it has the size of the window')
    terminal.resize(120, 40)
    terminal.write('sleep 0.3; stty size\r')
    await until(() => /40 120/.test(screen), 'it follows the window')
    terminal.write('sleep 1000\r')
    await until(() => running('sleep\u00001000') === 1, 'sleep runs')
    terminal.write('\u0003')
    await until(() => running('sleep\u00001000') === 0, 'Ctrl-C ends it')
    terminal.write('exit 7\r')
    await until(() => code !== undefined, 'the shell has ended')
    expect(code).toBe(7)
  })
})

describe('who did what is on record, and only operators may', { timeout }, () => {
  test('the log names the caller, the instance, the command and how it ended', async () => {
    await exec(['--', 'sh', '-c', 'exit 3'])
    await until(
      async () => (await told('instance.exec-end'))[0]?.includes('code 3') === true,
      'log',
    )
    const [begun] = await told('instance.exec')
    expect(begun).toBe(`web ${instance.id} on ${instance.placement?.nodeId}: sh -c "exit 3"`)
    const [entry] = await entries('instance.exec')
    expect(entry?.who).toBe('operator')
  })

  test('another role is refused, and only its own caller and agent may connect to it', async () => {
    expect(await begin(['true'], 'ingress')).toMatchObject({ status: 403 })
    const { status, execId } = await begin(['true'])
    expect(status).toBe(201)
    expect((await cloud.request('GET', `/v1/execs/${execId}`)).status).toBe(426)
    expect(await connect(`/v1/execs/${execId}`, 'ingress')).toBe(403)
    expect(await connect(`/v1/execs/${execId}`, 'nobody')).toBe(401)
    expect(await connect('/v1/execs/ex-nothing')).toBe(404)
    const agentPath = `/v1/agents/${instance.placement?.nodeId}/execs/${execId}`
    expect(await connect(agentPath)).toBe(403)
    expect(await connect(`/v1/execs/${execId}`)).toBe(101)
    expect(await connect(`/v1/execs/${execId}`)).toBeGreaterThanOrEqual(404)
  })

  test('a page of another origin opens no terminal', async () => {
    const login = await fetch(`${cloud.file.server}/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: cloud.file.server },
      body: JSON.stringify({ token: cloud.token }),
    })
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? ''
    expect(cookie).not.toBe('')
    const path = `/v1/execs/${(await begin(['true'])).execId}`
    expect(await upgrade(path, { cookie, origin: 'http://elsewhere.test' })).toBe(403)
    expect(await upgrade(path, { cookie, origin: cloud.file.server })).toBe(101)
  })

  test('a command that no machine takes is refused before it is on record', async () => {
    const statuses = [[''], ['a\u0000b'], ['x'.repeat(65_000), 'y'.repeat(65_000)], []].map(
      async (command) => (await begin(command)).status,
    )
    expect(await Promise.all(statuses)).toEqual([422, 422, 422, 400])
  })
})

test('with its agent the command ends, and the caller is told', { timeout }, async () => {
  const child = start(['--', 'sh', '-c', 'echo begun; exec sleep 4343'])
  await until(() => child.text().includes('begun'), 'it runs')
  process.kill(cloud.file.roles.agent?.pid ?? 0, 'SIGKILL')
  await until(() => child.process.exitCode !== null, 'the caller is told')
  expect(child.text()).toContain('the connection to the node is lost')
  await until(() => running('sleep\u00004343') === 0, 'it has ended')
})

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function start(words: readonly string[], ...options: string[]) {
  const child = spawn(process.execPath, [program, 'exec', ...options, instance.id, ...words], {
    cwd: cloud.folder,
    env: cloud.environment,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const printed = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (printed[stream] += text))
  }
  return { process: child, printed, text: () => printed.stdout + printed.stderr }
}

async function exec(words: readonly string[], input = '', ...options: string[]): Promise<Ran> {
  const { process: child, printed } = start(words, ...options)
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  child.stdin.end(input)
  return { code: await closed, ...printed }
}

function tokenOf(name: string): string {
  if (name === 'nobody') return 'rs_nobody'
  return readFileSync(join(cloud.data, 'tokens', name), 'utf8').trim()
}

async function begin(
  command: readonly string[],
  name = 'operator',
): Promise<{ status: number; execId?: string }> {
  const response = await fetch(`${cloud.file.server}/v1/instances/${instance.id}/exec`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenOf(name)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ command, terminal: null }),
  })
  const { execId } = (await response.json()) as { execId?: string }
  return { status: response.status, ...(execId === undefined ? {} : { execId }) }
}

function connect(path: string, name = 'operator'): Promise<number> {
  return upgrade(path, { authorization: `Bearer ${tokenOf(name)}` })
}

/** The status of the answer to an upgrade; 101 is closed again at once. */
function upgrade(path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${cloud.file.server.replace('http', 'ws')}${path}`, { headers })
    socket.on('unexpected-response', (request, response) => {
      request.destroy()
      resolve(response.statusCode ?? 0)
    })
    socket.on('open', () => {
      socket.close()
      resolve(101)
    })
    socket.on('error', (error) => reject(error))
  })
}

/** How many processes of the machine have these words in their command line. */
function running(words: string): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(words)
    } catch {
      return false
    }
  }).length
}

async function entries(what: string): Promise<LogEntry[]> {
  const { items } = await cloud.get<{ items: LogEntry[] }>('/v1/events')
  return items.filter((entry) => entry.what === what)
}

async function told(what: string): Promise<string[]> {
  return (await entries(what)).map(({ why }) => why)
}
