import { readFileSync, readdirSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { anAssigned, isRunning, killQuietly, openWorld, type AgentWorld } from './agent-world.ts'
import { freePort } from '../fixtures/free-port.ts'

const webServer = `
const server = require('node:http').createServer((request, answer) => {
  if (request.url === '/env') answer.end(JSON.stringify(process.env))
  else if (request.url === '/crash') process.exit(7)
  else answer.end('ok')
})
server.listen(Number(process.env.PORT), process.env.HOST, () => console.log('listening'))
process.on('SIGTERM', () => { console.log('goodbye'); process.exit(0) })
`
const stubborn = `
const { spawn } = require('node:child_process')
process.on('SIGTERM', () => {})
const child = spawn('sleep', ['1000'], { stdio: 'ignore', detached: true })
child.unref()
console.log('child ' + child.pid)
setInterval(() => {}, 1000)
`
const flood = `
const chunk = Buffer.alloc(1 << 20, 120)
let left = 200
while (left-- > 0) process.stdout.write(chunk)
process.stdout.write('\\nafter the flood\\n')
setInterval(() => {}, 1000)
`

let world: AgentWorld
beforeEach(async () => {
  world = await openWorld()
})
afterEach(() => world.close())

async function aWebInstance(instanceId: string) {
  const artifact = await world.artifact({ 'server.js': webServer })
  return anAssigned({
    instanceId,
    artifact,
    run: ['node', 'server.js'],
    port: await freePort(),
    warmup: { get: ['/', '/toys'], times: 5 },
  })
}

test('an assigned instance is pulled, started, checked, warmed up and ready', async () => {
  const web = await aWebInstance('i-web1')
  world.server.assign(web)
  world.startAgent()
  const observed = await world.untilState('i-web1', 'ready')
  expect(observed).toMatchObject({ runs: 1, warmedUp: { requests: 10 } })
  expect(world.server.registrations).toMatchObject([{ protocol: 2, zone: 'a' }])
  expect(world.server.reports[0]).toMatchObject({ full: true, sequence: 1 })
  await world.until('its line is shipped', () => world.server.text('i-web1') === 'listening')
})

test('the environment of an instance is its own, with nothing of npm or of the agent', async () => {
  const web = await aWebInstance('i-web1')
  world.server.assign({ ...web, env: { CURRENCY: 'CZK' } })
  world.startAgent()
  await world.untilState('i-web1', 'ready')
  const answer = await fetch(`http://127.0.0.1:${web.port}/env`)
  const env = (await answer.json()) as Record<string, string>
  expect(Object.keys(env).filter((name) => /^npm_|CANARY/.test(name))).toEqual([])
  expect(env).toMatchObject({
    CURRENCY: 'CZK',
    HOST: '127.0.0.1',
    PORT: String(web.port),
    ROADSTEAD_INSTANCE: 'i-web1',
    ROADSTEAD_NODE: 'n1',
    ROADSTEAD_RELEASE: 'rel-1',
    ROADSTEAD_SERVICE: 'web',
  })
  expect(env['PATH']).not.toContain('node_modules/.bin')
  expect(env['HOME']).toContain('i-web1')
})

test('a killed instance is restarted at once under its id', async () => {
  const web = await aWebInstance('i-web1')
  world.server.assign(web)
  world.startAgent()
  const before = await world.untilState('i-web1', 'ready')
  killQuietly(before.pid ?? 0)
  await world.until('it runs again', () => {
    const now = world.server.observed.get('i-web1')
    return now?.state === 'ready' && now.runs === 2
  })
  const after = world.server.observed.get('i-web1')
  expect(after?.lastExit).toMatchObject({ code: null, signal: 'SIGKILL' })
  expect(after?.pid).not.toBe(before.pid)
  expect(world.server.pulls).toBe(1)
})

test('a killed agent costs no instance its life, and the next one takes it over', async () => {
  const web = await aWebInstance('i-web1')
  world.server.assign(web)
  world.startAgent()
  const before = await world.untilState('i-web1', 'ready')
  await world.killAgent()
  expect(isRunning(before.pid ?? 0)).toBe(true)
  world.server.observed.clear()
  world.server.states.clear()
  world.startAgent()
  const after = await world.untilState('i-web1', 'ready')
  expect(after.pid).toBe(before.pid)
  expect(after.runs).toBe(1)
  expect(world.server.states.get('i-web1')).toEqual(['ready'])
  killQuietly(after.pid ?? 0)
  await world.until('it heals under the new agent', () => {
    const now = world.server.observed.get('i-web1')
    return now?.state === 'ready' && now.runs === 2
  })
  await world.until('each line came once', () => {
    return world.server.text('i-web1') === 'listening\nlistening'
  })
})

test('what ended while there was no agent is noticed and started again', async () => {
  const web = await aWebInstance('i-web1')
  world.server.assign(web)
  world.startAgent()
  await world.untilState('i-web1', 'ready')
  await world.killAgent()
  await fetch(`http://127.0.0.1:${web.port}/crash`).catch(() => {})
  world.server.observed.clear()
  world.startAgent()
  await world.untilState('i-web1', 'ready')
  expect(world.server.observed.get('i-web1')).toMatchObject({ runs: 2, lastExit: { code: 7 } })
})

test('a killed shim costs no instance its life, and its end is noticed all the same', async () => {
  const web = await aWebInstance('i-web1')
  world.server.assign(web)
  world.startAgent()
  const { pid } = await world.untilState('i-web1', 'ready')
  const note = readFileSync(join(world.folder, 'agent/instances/.events/i-web1.1.pid'), 'utf8')
  killQuietly(Number(note.trim().split(' ')[3]))
  await systemClock.sleep(1_500)
  expect(world.server.observed.get('i-web1')).toMatchObject({ state: 'ready', runs: 1, pid })
  killQuietly(pid ?? 0)
  await world.until('it runs again', () => world.server.observed.get('i-web1')?.runs === 2)
  expect(world.server.observed.get('i-web1')?.lastExit).toMatchObject({ code: null, signal: null })
})

test('without a server an instance is restarted, and its lines wait', async () => {
  const web = await aWebInstance('i-web1')
  world.server.assign(web)
  world.startAgent()
  const before = await world.untilState('i-web1', 'ready')
  await world.server.stop()
  await world.killAgent()
  killQuietly(before.pid ?? 0)
  world.startAgent()
  await world.until('it answers without a server', () => answers(web.port))
  await world.server.start()
  await world.until('both lines are there', () => {
    return world.server.text('i-web1') === 'listening\nlistening'
  })
  await world.until('its second run is told', () => {
    return world.server.observed.get('i-web1')?.runs === 2
  })
  expect(world.server.observed.get('i-web1')?.lastExit).toMatchObject({ signal: 'SIGKILL' })
})

test('an unassigned instance is stopped with its whole tree, and never starts again', async () => {
  const artifact = await world.artifact({ 'stubborn.js': stubborn })
  const one = anAssigned({
    instanceId: 'i-stub',
    artifact,
    run: ['node', 'stubborn.js'],
    stop: { drainMs: 0, graceMs: 300 },
  })
  world.server.assign(one)
  // The child tells its pid, which is the machine's only where it sees the machine.
  world.startAgent('--isolation=off')
  const { pid } = await world.untilState('i-stub', 'ready')
  await world.until('its child is told', () => world.server.text('i-stub').startsWith('child '))
  const child = Number(world.server.text('i-stub').slice('child '.length))
  expect(isRunning(child)).toBe(true)
  world.server.assign()
  const observed = await world.untilState('i-stub', 'exited')
  expect(observed.lastExit).toMatchObject({ signal: 'SIGKILL' })
  expect([isRunning(pid ?? 0), isRunning(child)]).toEqual([false, false])
  const home = join(world.folder, 'agent/instances/i-stub')
  await world.until('its directory is gone', () => !statExists(home))
  world.server.observed.clear()
  world.server.assign(one)
  expect(await world.untilState('i-stub', 'exited')).toMatchObject({ runs: 0, pid: null })
})

test('a command that does not exist is told in words', async () => {
  const artifact = await world.artifact({ 'server.js': '' })
  world.server.assign(anAssigned({ instanceId: 'i-nod', artifact, run: ['nod', 'server.js'] }))
  world.startAgent()
  const { because } = await world.untilState('i-nod', 'backing-off')
  expect(because).toContain('nod: command not found: there is no `nod` in PATH or in the artifact')
})

test('a port that another process holds is refused and reported', async () => {
  const port = await freePort()
  const foreign = createServer()
  await new Promise<void>((resolve) => {
    foreign.listen(port, '127.0.0.1', resolve)
  })
  const artifact = await world.artifact({ 'server.js': webServer })
  const web = anAssigned({ instanceId: 'i-web1', artifact, run: ['node', 'server.js'], port })
  world.server.assign(web)
  world.startAgent(`--ports=${port}-${port}`)
  const { because } = await world.untilState('i-web1', 'refused')
  expect(because).toContain(`port ${port} is held by another process`)
  await world.until('the port is reported', () =>
    (world.server.reports.at(-1)?.portsTaken ?? []).includes(port),
  )
  foreign.close()
})

test('a test runs once to its end, and its exit code is reported', async () => {
  const artifact = await world.artifact({ 'test.js': 'console.log("tested"); process.exit(3)' })
  const timeless = { purpose: 'test' as const, artifact, timeoutMs: 10_000 }
  world.server.assign(
    anAssigned({ ...timeless, instanceId: 'i-test', run: ['node', 'test.js'] }),
    anAssigned({ ...timeless, instanceId: 'i-late', run: ['sleep', '100'], timeoutMs: 500 }),
  )
  world.startAgent()
  expect(await world.untilState('i-test', 'exited')).toMatchObject({
    runs: 1,
    lastExit: { code: 3, signal: null },
  })
  const late = await world.untilState('i-late', 'exited')
  expect(late).toMatchObject({ because: 'timed out after 500 ms', lastExit: { signal: 'SIGKILL' } })
  await world.until('its line is shipped', () => world.server.text('i-test') === 'tested')
})

test('200 MB without a newline stay within the bound, and the next line is shipped', async () => {
  const artifact = await world.artifact({ 'flood.js': flood })
  world.server.assign(anAssigned({ instanceId: 'i-flood', artifact, run: ['node', 'flood.js'] }))
  world.startAgent()
  await world.until(
    'the line after the flood is there',
    () => world.server.lines.get('i-flood')?.at(-1)?.text === 'after the flood',
    60_000,
  )
  const home = join(world.folder, 'agent/instances/i-flood')
  const sizes = readdirSync(home)
    .filter((name) => /^stdout\.\d+$/.test(name))
    .map((name) => statSync(join(home, name)).size)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(8 * 1024 * 1024)
  expect(sizes.length).toBeLessThanOrEqual(2)
  const [first] = world.server.lines.get('i-flood') ?? []
  expect(first).toMatchObject({ cut: true })
  expect(first?.text.length).toBe(16_384)
})

test('lines that the bound costs while the server is away are counted to the last one', async () => {
  const count = 300_000
  const program = `const line = 'x'.repeat(99) + '\\n'
for (let left = ${count}; left > 0; left -= 1000) process.stdout.write(line.repeat(1000))
setInterval(() => {}, 1000)`
  const artifact = await world.artifact({ 'lines.js': program })
  world.server.assign(anAssigned({ instanceId: 'i-lines', artifact, run: ['node', 'lines.js'] }))
  world.server.failLogs = true
  world.startAgent()
  await world.untilState('i-lines', 'ready')
  const dropped = join(world.folder, 'agent/instances/i-lines/stdout.dropped')
  await world.until('lines are dropped', () => statExists(dropped))
  world.server.failLogs = false
  const told = (): number =>
    (world.server.lines.get('i-lines')?.length ?? 0) + (world.server.lost.get('i-lines') ?? 0)
  await world.until('each line is there or told as lost', () => told() === count, 60_000)
  expect(world.server.lost.get('i-lines')).toBeGreaterThan(100_000)
})

test('an archive that is not what it is called is refused, and nothing of it kept', async () => {
  const artifact = await world.artifact({ 'server.js': webServer })
  const other = await world.artifact({ 'server.js': 'process.exit(1)' })
  const archive = world.server.artifacts.get(other.digest) ?? ''
  world.server.artifacts.set(artifact.digest, archive)
  const sizeBytes = other.sizeBytes
  const lie = { digest: artifact.digest, sizeBytes }
  world.server.assign(
    anAssigned({ instanceId: 'i-lie', artifact: lie, run: ['node', 'server.js'] }),
  )
  world.startAgent()
  const { because, runs } = await world.untilState('i-lie', 'backing-off')
  expect(because).toContain(`what the server sent is not ${artifact.digest}`)
  expect(runs).toBe(0)
  expect(readdirSync(join(world.folder, 'agent/artifacts'))).toEqual(['.incoming', '.seals'])
  expect(readdirSync(join(world.folder, 'agent/artifacts/.seals'))).toEqual([])
})

test('an exec check decides by its exit code', async () => {
  const artifact = await world.artifact({ 'alive.js': 'process.exit(process.env.GOOD ? 0 : 1)' })
  const health = {
    ...anAssigned({ instanceId: 'i-x', artifact, run: ['sleep', '1'] }).health,
    probe: { kind: 'exec' as const, run: ['node', 'alive.js'] },
  }
  const worker = { artifact, health, run: ['sleep', '100'] }
  world.server.assign(
    anAssigned({ ...worker, instanceId: 'i-good', env: { GOOD: 'yes' } }),
    anAssigned({
      ...worker,
      instanceId: 'i-bad',
      health: { ...health, startDeadlineMs: 2_000 },
    }),
  )
  world.startAgent()
  expect((await world.untilState('i-good', 'ready')).because).toBe('`node` exited with 0')
  const { because } = await world.untilState('i-bad', 'backing-off')
  expect(because).toContain('was not ready 2 s after its start: `node` exited with 1')
})

test('a node that the server has forgotten registers again', async () => {
  const web = await aWebInstance('i-web1')
  world.server.assign(web)
  world.startAgent()
  const before = await world.untilState('i-web1', 'ready')
  world.server.observed.clear()
  world.server.forgetNodes()
  const after = await world.untilState('i-web1', 'ready')
  expect(after.pid).toBe(before.pid)
  expect(world.server.registrations.length).toBeGreaterThan(1)
})

test("what another node's agent left on the same data is ended and holds up nothing", async () => {
  const old = { ...(await aWebInstance('i-old')), warmup: null }
  world.server.assign(old)
  world.startAgent()
  const { pid } = await world.untilState('i-old', 'ready')
  await world.killAgent()
  world.server.foreign.add('i-old')
  world.server.assign(await aWebInstance('i-new'))
  world.startAgent()
  await world.untilState('i-new', 'ready')
  await world.until('its line is shipped', () => world.server.text('i-new') === 'listening')
  await world.until('the old one has ended', () => !isRunning(pid ?? 0))
  const home = join(world.folder, 'agent/instances/i-old')
  await world.until('its directory is gone', () => !statExists(home))
  expect(world.server.observed.get('i-new')).toMatchObject({ state: 'ready', runs: 1 })
})

test('a server of another protocol ends the agent with a sentence', async () => {
  world.server.failWith = 426
  const agent = world.startAgent()
  const code = await new Promise((resolve) => agent.once('exit', resolve))
  expect(code).toBe(1)
  expect(world.log).toContain('this agent speaks 1 to 2, the server 7 to 8')
})

test('SIGTERM ends the agent alone; a supervised one takes its instances along', async () => {
  const web = await aWebInstance('i-web1')
  world.server.assign(web)
  const alone = world.startAgent()
  const { pid } = await world.untilState('i-web1', 'ready')
  const aloneEnded = new Promise((resolve) => alone.once('exit', resolve))
  alone.kill('SIGTERM')
  expect(await aloneEnded).toBe(0)
  expect(isRunning(pid ?? 0)).toBe(true)
  world.server.observed.clear()
  const supervised = world.startAgent('--supervised')
  await world.untilState('i-web1', 'ready')
  const supervisedEnded = new Promise((resolve) => supervised.once('exit', resolve))
  supervised.disconnect()
  expect(await supervisedEnded).toBe(0)
  expect(isRunning(pid ?? 0)).toBe(false)
  await world.until('no process is left', () => world.instancePids().length === 0)
  expect(world.server.text('i-web1')).toBe('listening\ngoodbye')
  world.server.observed.clear()
  world.startAgent()
  expect(await world.untilState('i-web1', 'ready')).toMatchObject({ runs: 2 })
})

async function answers(port: number | null): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/`)).ok
  } catch {
    return false
  }
}

function statExists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}
