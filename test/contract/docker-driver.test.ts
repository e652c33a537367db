import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { systemRandom } from '../../src/base/random.ts'
import { noCredentials } from '../../src/base/registry-credentials.ts'
import { SecretRef } from '../../src/base/secret-ref.ts'
import { DockerDriver } from '../../src/drivers/instances/docker/docker-driver.ts'
import type { ImageRef } from '../../src/parts/artifacts/model.ts'
import {
  outputStart,
  type ExecOutput,
  type Exit,
  type Launch,
} from '../../src/parts/instances/driver.ts'
import {
  canRunContainers,
  DockerEngine,
  engineWaitMs,
  untilTrue,
} from '../fixtures/docker-engine.ts'
import { freePort } from '../fixtures/free-port.ts'
import { guard, ImageRegistry } from '../fixtures/image-registry.ts'

/** What only containers promise, on a real Docker Engine. */

const mib = 1024 * 1024
const http = { kind: 'http', path: '/' } as const

describe.skipIf(!canRunContainers())('containers', () => {
  const engine = new DockerEngine()
  const registry = new ImageRegistry()
  let image: ImageRef = { image: '', digest: '' }
  let root = ''
  let driver: DockerDriver
  let exits: { instanceId: string; run: number; exit: Exit }[] = []

  beforeAll(async () => {
    await Promise.all([engine.start(), registry.start()])
    const digest = await registry.push('test/web', 'v1')
    image = { image: `${registry.host}/test/web:v1`, digest }
  }, engineWaitMs)

  afterAll(async () => {
    await engine.remove()
    registry.remove()
  })

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'roadstead-docker-'))
    driver = open()
    await driver.adopt()
    await driver.pull(image)
  })

  afterEach(async () => {
    for (const id of ['i-box-a', 'i-box-b']) await driver.discard(id)
    await driver.close()
    await rm(root, { recursive: true, force: true })
  })

  function open(credentials = noCredentials): DockerDriver {
    const opened = new DockerDriver({
      root,
      socketPath: engine.socketPath,
      clock: systemClock,
      random: systemRandom,
      credentials,
    })
    exits = []
    opened.onExit((instanceId, run, exit) => exits.push({ instanceId, run, exit }))
    return opened
  }

  async function aLaunch(script: string, members: Partial<Launch> = {}): Promise<Launch> {
    const port = await freePort()
    return {
      instanceId: 'i-box-a',
      run: 1,
      command: ['sh', '-c', script],
      directory: '',
      image,
      limits: { cpu: 0.5, memoryBytes: 48 * mib, diskBytes: 0 },
      env: { PORT: String(port), ROADSTEAD_INSTANCE: members.instanceId ?? 'i-box-a' },
      listen: { host: '127.0.0.1', port },
      ...members,
    }
  }

  async function said(instanceId: string, ...command: string[]): Promise<string> {
    const exec = await driver.startExec(instanceId, command, null)
    let text = ''
    for await (const { bytes } of exec.output as AsyncIterable<ExecOutput>) {
      text += Buffer.from(bytes).toString()
    }
    return text
  }

  async function printed(instanceId: string): Promise<string> {
    let text = ''
    for (let at = outputStart; ;) {
      const chunk = await driver.readOutput(instanceId, 'stdout', at, 65_536)
      if (chunk === undefined) return text
      text += Buffer.from(chunk.bytes).toString()
      at = chunk.next
    }
  }

  const serve = 'exec httpd -f -p $PORT -h /www'
  const isServing = async (): Promise<boolean> => (await driver.probe('i-box-a', http, 1_000)).ok

  test('one that takes more memory than it asked for is ended at its limit, and told so', async () => {
    const hog = 'x=0123456789; while true; do x=$x$x; done'
    await driver.start(await aLaunch(hog))
    await untilTrue(
      () => exits.length > 0,
      () => 'it goes on',
    )
    expect(exits).toMatchObject([{ exit: { signal: 'SIGKILL', memoryLimit: 48 * mib } }])
  })

  test("arguments are for the image's entrypoint, in place of the image's own", async () => {
    const content = { entrypoint: ['busybox', 'echo', 'said:'], command: ['by the image'] }
    const digest = await registry.push('test/echo', 'v1', content)
    const echo = { image: `${registry.host}/test/echo:v1`, digest }
    await driver.pull(echo)
    const bare = { image: echo, command: [] }
    await driver.start(await aLaunch('', { ...bare, args: ['by', 'the manifest'] }))
    await driver.start(await aLaunch('', { ...bare, instanceId: 'i-box-b' }))
    await untilTrue(
      () => exits.length === 2,
      () => 'they go on',
    )
    expect(await printed('i-box-a')).toBe('said: by the manifest\n')
    expect(await printed('i-box-b')).toBe('said: by the image\n')
  })

  test('nothing of the host is inside, and little may be done there', async () => {
    await driver.start(await aLaunch(serve))
    await untilTrue(isServing, () => 'it does not serve')
    const tried = await said(
      'i-box-a',
      'sh',
      '-c',
      'touch /etc/x || echo read-only; touch /tmp/x && echo tmp; ls /var/run/docker.sock; cat /proc/self/status',
    )
    expect(tried).toContain('read-only\n')
    expect(tried).toContain('tmp\n')
    expect(tried).toMatch(/docker\.sock: No such file/)
    expect(tried).toMatch(/CapEff:\s0+\n/)
    expect(tried).toMatch(/NoNewPrivs:\s1\n/)
    const detail = JSON.parse(engine.docker('inspect', engine.docker('ps', '-q')))[0].HostConfig
    const limits = { Memory: 48 * mib, MemorySwap: 48 * mib, CpuQuota: 50_000, PidsLimit: 512 }
    expect(detail).toMatchObject({ ...limits, Binds: null, Privileged: false })
    expect(detail.NetworkMode).not.toBe('host')
  })

  test("the image's user runs it; that it is root is said where there is none", async () => {
    const digest = await registry.push('test/user', 'v1', { user: '1234:1234' })
    const other: ImageRef = { image: `${registry.host}/test/user:v1`, digest }
    await driver.pull(other)
    const asUser = await driver.start(await aLaunch('sleep 100', { image: other }))
    expect(asUser.remark).toBeUndefined()
    expect(await said('i-box-a', 'id', '-u')).toBe('1234\n')
    const asRoot = await driver.start(await aLaunch('sleep 100', { instanceId: 'i-box-b' }))
    expect(asRoot.remark).toContain('runs as root')
    const container = { user: '4321:99', workingDirectory: '/tmp' }
    await driver.end('i-box-b')
    const given = { instanceId: 'i-box-b', run: 2, image: other, container }
    const asGiven = await driver.start(await aLaunch('sleep 100', given))
    expect(asGiven.remark).toBeUndefined()
    expect(await said('i-box-b', 'sh', '-c', 'id -u; id -g; pwd')).toBe('4321\n99\n/tmp\n')
  })

  test('what it prints is copied once to the byte, though agent and engine are started anew', async () => {
    const half = 10_000
    const print = (from: number): string =>
      `i=${from}; while [ $i -lt ${from + half} ]; do echo "line $i"; i=$((i+1)); done`
    const wait = 'while [ ! -e /tmp/go ]; do sleep 0.1; done'
    await driver.start(await aLaunch(`${print(0)}; ${wait}; ${print(half)}; sleep 100`))
    const endsWith = async (line: number): Promise<boolean> =>
      (await printed('i-box-a')).endsWith(`line ${line}\n`)
    await untilTrue(
      async () => (await printed('i-box-a')).length > 1_000,
      () => 'it prints nothing',
    )
    await driver.close()
    driver = open()
    await driver.adopt()
    await untilTrue(
      () => endsWith(half - 1),
      () => 'the first half does not come',
    )
    await engine.kill()
    await engine.start()
    await untilTrue(
      () => driver.offers().length > 0,
      () => 'the engine is not noticed',
    )
    await said('i-box-a', 'touch', '/tmp/go')
    await untilTrue(
      () => endsWith(2 * half - 1),
      () => 'the last line does not come',
    )
    const expected = Array.from({ length: 2 * half }, (_, index) => `line ${index}\n`).join('')
    expect(await printed('i-box-a')).toBe(expected)
    expect(exits).toEqual([])
  })

  test('an engine that is started anew finds everything as it was', async () => {
    const { pid } = await driver.start(await aLaunch(serve))
    await untilTrue(isServing, () => 'it does not serve')
    await engine.kill()
    expect(await driver.probe('i-box-a', http, 1_000)).toMatchObject({ ok: true })
    await driver.close()
    driver = open()
    const whileGone = await driver.adopt()
    expect(whileGone).toMatchObject([{ instanceId: 'i-box-a', process: { is: 'running', pid } }])
    expect(driver.offers()).toEqual([])
    await engine.start()
    await untilTrue(
      () => driver.offers().length > 0,
      () => 'it is not noticed',
    )
    expect(process.kill(pid, 0)).toBe(true)
    expect(exits).toEqual([])
    await driver.terminate('i-box-a')
    await untilTrue(
      () => exits.length > 0,
      () => 'its end is not told',
    )
    expect(exits).toMatchObject([{ run: 1, exit: { signal: 'SIGTERM' } }])
  })

  test('an engine that hangs is told by a fault in time, and used again when it goes on', async () => {
    await driver.start(await aLaunch(serve))
    await untilTrue(isServing, () => 'it does not serve')
    engine.freeze()
    const silent = driver.terminate('i-box-a')
    await expect(silent).rejects.toMatchObject({ code: 'engine-silent' })
    expect(await isServing()).toBe(true)
    await untilTrue(
      () => driver.offers().length === 0,
      () => 'it is taken for an engine',
    )
    engine.thaw()
    await untilTrue(
      () => driver.offers().length > 0,
      () => 'it is not noticed',
    )
    expect(await driver.end('i-box-a')).toMatchObject({ signal: expect.any(String) })
  })

  test('containers and images of others are left alone, and ours do not pile up', async () => {
    engine.docker('pull', '-q', `${registry.host}/test/web:v1`)
    const others = [
      'run',
      '-d',
      '--network',
      'none',
      `${registry.host}/test/web:v1`,
      'sleep',
      '1000',
    ]
    const foreign = engine.docker(...others)
    const pushed: ImageRef[] = []
    for (let index = 0; index < 6; index++) {
      const files = { 'www/index.html': `version ${index}\n` }
      const digest = await registry.push('test/many', `v${index}`, { files })
      pushed.push({ image: `${registry.host}/test/many:v${index}`, digest })
    }
    for (const one of pushed) await driver.pull(one)
    await driver.collect(new Set([pushed[0]!.digest]))
    const kept = engine.docker('images', '--digests', '--format', '{{.Digest}}').split('\n')
    expect(pushed.map(({ digest }) => kept.includes(digest))).toEqual([
      true,
      false,
      true,
      true,
      true,
      true,
    ])
    expect(kept).toContain(image.digest)
    expect(await driver.strays(new Set())).toEqual([])
    expect(engine.docker('ps', '-q', '--no-trunc')).toBe(foreign)
    engine.docker('rm', '-f', foreign)
  })

  test('a container reaches the services that it was given, and nothing else of its node', async () => {
    const [needed, other] = [await answering('needed'), await answering('other')]
    const portOf = (server: Server): number => (server.address() as AddressInfo).port
    try {
      const env = {
        API_URL: `http://127.0.0.1:${portOf(needed)}`,
        OTHER_URL: `http://127.0.0.1:${portOf(other)}`,
      }
      await driver.start(
        await aLaunch('sleep 1000', { env, reaches: [portOf(needed)], listen: null }),
      )
      const hostAndPort = 'u=${API_URL#http://}; h=${u%:*}; p=${u#*:}'
      // A static busybox resolves no names; it takes an address and a port.
      const get = "(printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 1) | nc"
      const look = `${hostAndPort}; ${get} $h $p`
      const isThere = async (): Promise<boolean> =>
        (await said('i-box-a', 'sh', '-c', look)).endsWith('needed')
      await untilTrue(isThere, () => 'it is not reached')
      const around = `${hostAndPort}; ${get} $h ${portOf(other)}; ${get} 127.0.0.1 ${portOf(other)}`
      expect(await said('i-box-a', 'sh', '-c', around)).not.toContain('HTTP/1.1')
      const [relay] = await pidsOf(`${root}/.relay.cjs`)
      process.kill(Number(relay), 'SIGKILL')
      await untilTrue(isThere, () => 'a relay that died is not started anew')
      await driver.close()
      expect(await saidByEngine(look)).toContain('needed')
      driver = open()
      await driver.adopt()
    } finally {
      needed.close()
      other.close()
    }
  })

  function answering(text: string): Promise<Server> {
    const server = createServer((_request, answer) => answer.end(text))
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
  }

  async function pidsOf(argument: string): Promise<string[]> {
    const { stdout } = await promisify(execFile)('pgrep', ['-f', argument])
    return stdout.trim().split('\n')
  }

  /** As `said`, without a driver, while servers of this process answer. */
  async function saidByEngine(script: string): Promise<string> {
    const where = ['-H', `unix://${engine.socketPath}`, 'exec', engine.docker('ps', '-q')]
    const { stdout } = await promisify(execFile)('docker', [...where, 'sh', '-c', script])
    return stdout
  }

  test('a registry that wants credentials gets them, and a refusal does not show them', async () => {
    const guarded = await guard(registry, 'alice', 'open sesame')
    const closed: ImageRef = { ...image, image: `${guarded.host}/test/web:v1` }
    try {
      const refused = await driver.pull(closed).catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'pull-failed' })
      const wrong = withPassword('close sesame')
      const told = await wrong.pull(closed).catch((error: unknown) => error)
      expect(told).toMatchObject({ code: 'pull-failed' })
      expect(String(told)).not.toContain('sesame')
      await withPassword('open sesame').pull(closed)
      expect(engine.docker('images', '-q', `${guarded.host}/test/web`)).not.toBe('')
    } finally {
      guarded.close()
    }
  })

  function withPassword(password: string): DockerDriver {
    const secret = new SecretRef('registry/test', password)
    return open(() => Promise.resolve({ user: 'alice', password: secret }))
  }

  test('a container of ours that nobody knows of is a stray, and can be ended', async () => {
    await driver.start(await aLaunch(serve))
    await driver.close()
    await rm(join(root, 'i-box-a'), { recursive: true })
    driver = open()
    expect(await driver.adopt()).toEqual([])
    const [stray] = await driver.strays(new Set())
    expect(stray).toMatchObject({ is: 'container', name: 'i-box-a' })
    await driver.endStray(stray!)
    expect(engine.docker('ps', '-aq')).toBe('')
  })

  test('what is discarded leaves neither container nor files', async () => {
    await driver.start(await aLaunch('exit 0'))
    await untilTrue(
      () => exits.length > 0,
      () => 'it goes on',
    )
    await driver.discard('i-box-a')
    expect(engine.docker('ps', '-aq')).toBe('')
    expect(existsSync(join(root, 'i-box-a'))).toBe(false)
  })
})
