import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { Fault } from '../../src/base/errors.ts'
import { systemRandom } from '../../src/base/random.ts'
import { noCredentials } from '../../src/base/registry-credentials.ts'
import { DockerDriver } from '../../src/drivers/instances/docker/docker-driver.ts'
import type { ImageRef } from '../../src/parts/artifacts/model.ts'
import type { ExecOutput, Launch, LaunchVolume } from '../../src/parts/instances/driver.ts'
import {
  canRunContainers,
  DockerEngine,
  engineWaitMs,
  untilTrue,
} from '../fixtures/docker-engine.ts'
import { freePort } from '../fixtures/free-port.ts'
import { ImageRegistry } from '../fixtures/image-registry.ts'

/** What containers are asked for beyond the usual, on a real Docker Engine. */

const mib = 1024 * 1024
const ids = ['i-box-a', 'i-box-b', 'i-box-c']
const serve = 'exec httpd -f -p $PORT -h /www'

describe.skipIf(!canRunContainers())('what containers ask for', () => {
  const engine = new DockerEngine()
  const registry = new ImageRegistry()
  let image: ImageRef = { image: '', digest: '' }
  let root = ''
  let driver: DockerDriver

  beforeAll(async () => {
    await Promise.all([engine.start(), registry.start()])
    const files = {
      'www/index.html': 'here\n',
      'data/seed': 'of the image\n',
      'found/index.html': 'found\n',
    }
    const digest = await registry.push('test/asking', 'v1', { files })
    image = { image: `${registry.host}/test/asking:v1`, digest }
  }, engineWaitMs)

  afterAll(async () => {
    await engine.remove()
    registry.remove()
  })

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'roadstead-docker-'))
    driver = await open()
  })

  afterEach(async () => {
    for (const id of ids) {
      await driver.end(id)
      await driver.discard(id)
    }
    await driver.close()
    await rm(root, { recursive: true, force: true })
  })

  async function open(): Promise<DockerDriver> {
    const opened = new DockerDriver({
      root,
      socketPath: engine.socketPath,
      clock: systemClock,
      random: systemRandom,
      credentials: noCredentials,
    })
    await opened.adopt()
    await opened.pull(image)
    return opened
  }

  async function aLaunch(
    instanceId: string,
    script: string,
    members: Partial<Launch> = {},
  ): Promise<Launch> {
    const port = await freePort()
    const inside = members.container?.port ?? port
    return {
      instanceId,
      run: 1,
      command: ['sh', '-c', script],
      directory: '',
      image,
      limits: { cpu: 0.5, memoryBytes: 48 * mib, diskBytes: 64 * mib },
      env: { PORT: String(inside), ROADSTEAD_INSTANCE: instanceId },
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
    await exec.exited
    return text.trim()
  }

  function serves(instanceId: string): Promise<void> {
    const probe = { kind: 'http', path: '/' } as const
    const isServing = async (): Promise<boolean> =>
      (await driver.probe(instanceId, probe, 1_000)).ok
    return untilTrue(isServing, () => `${instanceId} does not serve`)
  }

  const volume = (members: Partial<LaunchVolume> = {}): LaunchVolume => ({
    id: 'vol-one',
    name: 'data',
    path: '/data',
    begins: true,
    app: 'default/local/shop',
    service: 'db',
    ...members,
  })

  test('two that insist on port 8080 run side by side, each at a port of the node', async () => {
    const container = { port: 8_080 }
    const script = 'exec httpd -f -p 8080 -h /www'
    const [a, b] = [
      await aLaunch('i-box-a', script, { container }),
      await aLaunch('i-box-b', script, { container }),
    ]
    await driver.start(a)
    await driver.start(b)
    await serves('i-box-a')
    await serves('i-box-b')
    expect(a.listen?.port).not.toBe(b.listen?.port)
    expect(await said('i-box-a', 'sh', '-c', 'echo $PORT')).toBe('8080')
  })

  test('capabilities and a writable root are given where they are asked for, and told', async () => {
    const plain = await driver.start(await aLaunch('i-box-a', serve))
    const container = { capabilities: ['chown', 'setuid'], writable: true } as const
    const asked = await driver.start(await aLaunch('i-box-b', serve, { container }))
    await serves('i-box-a')
    await serves('i-box-b')
    const write = [
      'sh',
      '-c',
      'echo x > /www/new && busybox chown 5 /www/new && busybox stat -c %u /www/new',
    ]
    expect(await said('i-box-b', ...write)).toBe('5')
    expect(await said('i-box-a', ...write)).toMatch(/read-only/i)
    const bounding = 'grep CapBnd /proc/1/status'
    expect(await said('i-box-a', 'sh', '-c', bounding)).toMatch(/0000000000000000$/)
    // Bits 0 (chown) and 7 (setuid).
    expect(await said('i-box-b', 'sh', '-c', bounding)).toMatch(/0000000000000081$/)
    expect(plain.remark).not.toMatch(/capabilities|may write/)
    expect(asked.remark).toMatch(/capabilities chown, setuid; it may write to its root/)
  })

  test('those of one app find a singleton by its name; nobody else reaches them', async () => {
    const inNetwork = (app: string, alias: string | null) => ({
      network: { app, alias },
      port: 5_432,
    })
    const listen = 'exec httpd -f -p 5432 -h /found'
    await driver.start(await aLaunch('i-box-a', listen, { container: inNetwork('shop', 'db') }))
    await driver.start(await aLaunch('i-box-b', serve, { container: inNetwork('shop', null) }))
    await driver.start(await aLaunch('i-box-c', serve, { container: inNetwork('blog', null) }))
    // A static busybox asks for names by nslookup alone.
    const find = "busybox nslookup db | busybox awk '/^Name/ {n=1} n && /^Address/ {print $2}'"
    const ask = ['sh', '-c', `busybox timeout 5 wget -q -O - http://$(${find}):5432/ 2>&1`]
    await untilTrue(
      async () => (await said('i-box-b', ...ask)) === 'found',
      () => 'web does not find db',
    )
    expect(await said('i-box-c', 'sh', '-c', find)).toBe('')
    const own = await said('i-box-a', 'busybox', 'hostname', '-i')
    const ip = await said('i-box-b', 'sh', '-c', find)
    const direct = await Promise.all(
      [own, ip].map((address) =>
        said(
          'i-box-c',
          'busybox',
          'timeout',
          '3',
          'wget',
          '-q',
          '-O',
          '-',
          `http://${address}:5432/`,
        ),
      ),
    )
    expect(direct.filter((text) => text.includes('found'))).toEqual([])
    expect((await networks()).filter((name) => name !== undefined).toSorted()).toEqual([
      'blog',
      'shop',
    ])
    await driver.end('i-box-c')
    await driver.discard('i-box-c')
    const isGone = async (): Promise<boolean> => !(await networks()).includes('blog')
    await untilTrue(isGone, () => 'an unused network stays')
  })

  test('a volume outlives its containers, the agent and the engine’s restart', async () => {
    const script = 'echo $ROADSTEAD_INSTANCE >> /data/log; exec httpd -f -p $PORT -h /data'
    await driver.start(await aLaunch('i-box-a', script, { volumes: [volume()] }))
    await untilTrue(
      async () => (await said('i-box-a', 'cat', '/data/log')) === 'i-box-a',
      () => 'it does not write',
    )
    expect(await driver.hasVolume('vol-one')).toBe(true)
    expect(await driver.hasVolume('vol-two')).toBe(false)
    await driver.end('i-box-a')
    await driver.discard('i-box-a')
    await driver.close()
    driver = await open()
    const again = volume({ begins: false })
    await driver.start(await aLaunch('i-box-b', script, { volumes: [again] }))
    await untilTrue(
      async () => (await said('i-box-b', 'cat', '/data/log')).includes('i-box-b'),
      () => 'log',
    )
    expect(await said('i-box-b', 'cat', '/data/log')).toBe('i-box-a\ni-box-b')
    expect(await said('i-box-b', 'cat', '/data/seed')).toBe('of the image')
    await expect(driver.removeVolume('vol-one')).rejects.toMatchObject({ code: 'volume-in-use' })
    await driver.end('i-box-b')
    await driver.discard('i-box-b')
    await untilTrue(
      () =>
        driver.removeVolume('vol-one').then(
          () => true,
          () => false,
        ),
      () => 'the volume is still in use',
    )
    expect(await driver.hasVolume('vol-one')).toBe(false)
    expect(await volumes()).toEqual([])
  })

  test('files of a release are seen where they are mounted, read-only, by any user', async () => {
    const folder = join(root, 'mounted')
    await mkdir(join(folder, 'etc/shop/deep'), { recursive: true })
    await writeFile(join(folder, 'etc/shop/deep/a.conf'), 'of the release\n')
    await writeFile(join(folder, 'index.html'), 'mounted\n')
    // As the agent seals them.
    for (const path of ['etc/shop/deep', 'etc/shop']) await chmod(join(folder, path), 0o555)
    const mounts = [
      { path: '/etc/shop', source: join(folder, 'etc/shop') },
      { path: '/www/index.html', source: join(folder, 'index.html') },
    ]
    const files = { 'www/index.html': 'of the image\n' }
    const digest = await registry.push('test/somebody', 'v1', { user: '1234:1234', files })
    const theirs: ImageRef = { image: `${registry.host}/test/somebody:v1`, digest }
    await driver.pull(theirs)
    await driver.start(await aLaunch('i-box-a', serve, { image: theirs, mounts }))
    await serves('i-box-a')
    expect(await said('i-box-a', 'busybox', 'cat', '/www/index.html')).toBe('mounted')
    expect(await said('i-box-a', 'busybox', 'cat', '/etc/shop/deep/a.conf')).toBe('of the release')
    await driver.start(await aLaunch('i-box-b', serve, { mounts, container: { writable: true } }))
    await serves('i-box-b')
    const write =
      'echo x > /etc/shop/new; echo x > /www/index.html; echo x > /www/other && echo done'
    const answer = await said('i-box-b', 'sh', '-c', write)
    expect(answer.match(/read-only/gi)).toHaveLength(2)
    // What goes to the two streams comes in either order.
    expect(answer.split('\n')).toContain('done')
    for (const path of ['etc/shop/deep', 'etc/shop']) await chmod(join(folder, path), 0o755)
  })

  test('a volume that has vanished is never replaced by an empty one', async () => {
    await driver.start(await aLaunch('i-box-a', serve, { volumes: [volume()] }))
    await driver.end('i-box-a')
    await driver.discard('i-box-a')
    const [name = ''] = await volumes()
    await untilTrue(
      () =>
        engineCall('DELETE', `/volumes/${name}`).then(
          () => true,
          () => false,
        ),
      () => 'volume rm',
    )
    for (const begins of [true, false]) {
      const launch = await aLaunch('i-box-b', serve, { volumes: [volume({ begins })] })
      const start = driver.start(launch)
      await expect(start).rejects.toBeInstanceOf(Fault)
      await expect(start).rejects.toMatchObject({ code: 'volume-lost' })
    }
    const unmade = volume({ id: 'vol-other', begins: false })
    const other = driver.start(await aLaunch('i-box-c', serve, { volumes: [unmade] }))
    await expect(other).rejects.toMatchObject({ code: 'volume-lost' })
    expect(await volumes()).toEqual([])
  })

  /** Apps of this agent's networks; undefined is its own. */
  async function networks(): Promise<(string | undefined)[]> {
    const found = (await engineGet('/networks')) as { Labels?: Record<string, string> }[]
    const owned = found.filter(({ Labels }) => Labels?.['dev.roadstead.owner'] !== undefined)
    return owned.map(({ Labels }) => Labels?.['dev.roadstead.network'])
  }

  async function volumes(): Promise<string[]> {
    const { Volumes } = (await engineGet('/volumes')) as { Volumes: { Name: string }[] | null }
    return (Volumes ?? []).map(({ Name }) => Name)
  }

  function engineGet(path: string): Promise<unknown> {
    return engineCall('GET', path)
  }

  function engineCall(method: string, path: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: engine.socketPath, method, path }, (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => (text += part))
        answer.on('end', () => {
          if ((answer.statusCode ?? 500) >= 400) reject(new Error(text))
          else resolve(text === '' ? undefined : JSON.parse(text))
        })
      })
      asked.on('error', reject)
      asked.end()
    })
  }
})
