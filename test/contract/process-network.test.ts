import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import type { IsolationChoice } from '../../src/drivers/instances/process/isolation.ts'
import type { ProcessDriver } from '../../src/drivers/instances/process/process-driver.ts'
import { outputStart, type Launch } from '../../src/parts/instances/driver.ts'
import { freePort } from '../fixtures/free-port.ts'
import { canIsolate, canSeparate } from '../fixtures/isolation.ts'
import { processDriverIn } from '../fixtures/process-driver.ts'

const id = `i-apart-${process.pid}`
const listens = (port: number): readonly string[] => [
  'node',
  '-e',
  `require('node:http').createServer((_, answer) => answer.end('inside')).listen(${port})`,
]

describe.skipIf(!canIsolate() || !canSeparate())('processes with a network of their own', () => {
  let root = ''
  let driver: ProcessDriver
  let port = 0
  const callees: Server[] = []

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'roadstead-network-'))
    await mkdir(join(root, 'artifact'))
    port = await freePort()
    driver = await open('auto')
  })

  afterEach(async () => {
    await driver.end(id)
    await driver.discard(id)
    await driver.close()
    for (const callee of callees.splice(0)) callee.close()
    await rm(root, { recursive: true, force: true })
  })

  async function open(isolation: IsolationChoice): Promise<ProcessDriver> {
    const opened = processDriverIn(root, isolation)
    await opened.adopt()
    return opened
  }

  function launch(command: readonly string[], inner: number, more: Partial<Launch> = {}): Launch {
    return {
      instanceId: id,
      run: 1,
      command,
      directory: join(root, 'artifact'),
      env: { ROADSTEAD_INSTANCE: id, PORT: String(inner) },
      listen: { host: '127.0.0.1', port },
      container: { port: inner },
      ...more,
    }
  }

  /** Somebody of the node that can be called, on its loopback. */
  function callee(says: string): Promise<number> {
    const server = createServer((_, answer) => answer.end(says))
    callees.push(server)
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
  }

  const serves = async (): Promise<boolean> => (await driver.get(id, '/', 1_000)).ok

  async function output(run: () => Promise<unknown>): Promise<string> {
    await run()
    let text = ''
    await until(async () => {
      const chunk = await driver.readOutput(id, 'stdout', outputStart, 1 << 20)
      text = Buffer.from(chunk?.bytes ?? []).toString()
      return text.endsWith('over\n')
    })
    return text
  }

  /** What joins its network to the machine's. */
  function joiner(): number {
    const note = join(root, 'instances', '.events', `${id}.1.net`)
    return Number(readFileSync(note, 'utf8').split(' ')[0])
  }

  test('a node that can says so', () => {
    expect(driver.offers()).toContain('ports')
  })

  test('it serves at a port below 1024, without any privilege', async () => {
    await driver.start(launch(listens(80), 80))
    await until(serves)
    expect(await serves()).toBe(true)
  })

  test('a port that nobody listens at inside accepts no connections, whatever is in between', async () => {
    await driver.start(launch(['sleep', '60'], 8080))
    const answer = await driver.probe(id, { kind: 'tcp' }, 1_000)
    expect(answer).toEqual({ ok: false, because: 'port 8080: nothing listens there, inside' })
    await driver.end(id)
    await driver.start(launch(listens(8080), 8080, { run: 2 }))
    await until(async () => (await driver.probe(id, { kind: 'tcp' }, 1_000)).ok)
  })

  test('it calls the listeners that it is let to, and no other of the node', async () => {
    const [known, secret] = [await callee('called'), await callee('never')]
    const get = (at: number): string =>
      `fetch('http://127.0.0.1:${at}').then((a) => a.text()).then(console.log, () => console.log('no'))`
    const program = `${get(known)}.then(() => ${get(secret)}).then(() => console.log('over'))`
    const start = launch(['node', '-e', program], 8080, { reaches: [known] })
    expect(await output(() => driver.start(start))).toBe('called\nno\nover\n')
  })

  test('a command beside it is in its network', async () => {
    await driver.start(launch(listens(8080), 8080))
    await until(serves)
    const ask = `fetch('http://127.0.0.1:8080').then((a) => a.text()).then(console.log)`
    const exec = await driver.startExec(id, ['node', '-e', ask], null)
    let seen = ''
    for await (const piece of exec.output) seen += Buffer.from(piece.bytes).toString()
    expect(seen).toBe('inside\n')
  })

  test('when it ends, what joined its network ends too, and its port is free for its next run', async () => {
    const served = new Promise<void>((resolve) => {
      driver.onExit(() => resolve())
    })
    const once = `${listens(8080)[2]}; setTimeout(() => process.exit(3), 1500)`
    await driver.start(launch(['node', '-e', once], 8080))
    const pid = joiner()
    await served
    await driver.start(launch(listens(8080), 8080, { run: 2 }))
    expect(isPasta(pid)).toBe(false)
    await until(serves)
  })

  test('where its shim was killed, ending it ends what joined its network', async () => {
    await driver.start(launch(listens(8080), 8080))
    await until(serves)
    const note = join(root, 'instances', '.events', `${id}.1.pid`)
    process.kill(Number(readFileSync(note, 'utf8').trim().split(' ')[3]), 'SIGKILL')
    const pid = joiner()
    await driver.close()
    driver = await open('auto')
    expect(await serves()).toBe(true)
    await driver.end(id)
    expect(isPasta(pid)).toBe(false)
  })

  test('when what joined its network dies, its checks fail, and it ends as ever', async () => {
    await driver.start(launch(listens(8080), 8080))
    await until(serves)
    process.kill(joiner(), 'SIGKILL')
    await until(async () => !(await serves()))
    expect(await driver.end(id)).toMatchObject({ signal: 'SIGKILL' })
  })

  test('two of one port inside that calls it outside is refused', async () => {
    const start = driver.start(launch(['sleep', '60'], 8080, { reaches: [8080] }))
    await expect(start).rejects.toMatchObject({ code: 'port-unsupported' })
  })

  test('switched off, it is refused, and says so', async () => {
    await driver.close()
    driver = await open('off')
    expect(driver.offers()).not.toContain('ports')
    const start = driver.start(launch(['sleep', '60'], 8080))
    await expect(start).rejects.toThrow('--isolation off')
    await expect(start).rejects.toMatchObject({ code: 'port-unsupported' })
  })

  test('at an address of the machine it is served as well, run after run, whatever its agent does', async () => {
    const host = outerAddress()
    const at = { listen: { host, port } }
    await driver.start(launch(listens(8080), 8080, at))
    await until(serves)
    await driver.close()
    driver = await open('auto')
    const { body } = await request(`http://${host}:${port}/`)
    expect(await body.text()).toBe('inside')
    await driver.end(id)
    await driver.start(launch(listens(8080), 8080, { run: 2, ...at }))
    await until(serves)
    await driver.end(id)
    await driver.discard(id)
    await until(async () => (await driver.portsHeld(port, port)).length === 0)
  })

  test('nothing of the machine is changed', async () => {
    const state = (): string => execFileSync('ip', ['-br', 'link']).toString()
    const before = state()
    await driver.start(launch(listens(8080), 8080))
    await until(serves)
    expect(state()).toBe(before)
  })
})

/** The machine's own address beyond its loopback: it has one where it has a way out. */
function outerAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal)
  if (found === undefined) throw new Error('this machine has a default route and no address')
  return found.address
}

/** Whether it runs still; a zombie does not. */
function isPasta(pid: number): boolean {
  const file = `/proc/${pid}/stat`
  return (
    existsSync(file) &&
    /\(past[at]|\(passt/.test(readFileSync(file, 'latin1')) &&
    !/\) Z /.test(readFileSync(file, 'latin1'))
  )
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 20) {
    if (await condition()) return
    await systemClock.sleep(20)
  }
  throw new Error('waited 30 s in vain')
}
