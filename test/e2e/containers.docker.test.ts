import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { describe, expect, test } from 'vitest'
import type { AppView, InstanceView, NodeView } from '../../src/wire/api.ts'
import { canRunContainers } from '../fixtures/docker-engine.ts'
import { guard } from '../fixtures/image-registry.ts'
import { until, type Ran } from './cloud.ts'
import { useContainerCloud } from './container-cloud.ts'
import { Customers } from './customers.ts'

/** Containers through the whole platform: a real Docker Engine, a real registry, real requests. */

const serve = ['sh', '-c', 'exec httpd -f -p $PORT -h /www']

describe.skipIf(!canRunContainers())('apps of images', () => {
  const { engine, registry, cloud } = useContainerCloud()

  /** The folder of an app with this service. */
  function anApp(app: string, service: string): string {
    const folder = join(cloud.folder, app)
    mkdirSync(folder, { recursive: true })
    const manifest = `
roadstead: v1
app: ${app}
services:
  web:
    ${service.trim().replaceAll('\n', '\n    ')}
    health: { http: /, every: 500ms, startDeadline: 20s }
    route: ${app}.localhost
    cpu: 0.1
    memory: 32MiB
    stop: { grace: 2s }
`
    writeFileSync(join(folder, 'roadstead.yaml'), manifest)
    return folder
  }

  function push(name: string, tag: string, says: string): Promise<string> {
    const files = { 'www/index.html': `${says}\n` }
    return registry.push(name, tag, { command: serve, user: '1000', files })
  }

  function deploy(folder: string, ...more: string[]): Promise<Ran> {
    return cloud.run('deploy', '--file', folder, ...more)
  }

  async function page(app: string): Promise<string> {
    const { body } = await request(cloud.file.ingress, { headers: { host: `${app}.localhost` } })
    return (await body.text()).trim()
  }

  async function instances(app: string): Promise<InstanceView[]> {
    const { items } = await cloud.get<{ items: InstanceView[] }>(`/v1/instances?app=${app}`)
    return items.filter(({ state, purpose }) => state !== 'ended' && purpose === 'service')
  }

  test('a tag is deployed by its digest; when it has moved, a deploy rolls to what it means now', async () => {
    const first = await push('boxes/web', 'v1', 'first')
    const image = `${registry.host}/boxes/{service}:{version}`
    const folder = anApp('boxes', `image: "${image}"\ninstances: 2`)
    const planned = await cloud.run('plan', '--file', folder, '--version', 'v1')
    expect(planned.output).toContain(`boxes/web:v1@${first}`)
    expect(await deploy(folder, '--version', 'v1')).toMatchObject({ code: 0 })
    expect(await page('boxes')).toBe('first')
    const status = await cloud.run('status', 'boxes')
    expect(status.output).toContain(`web runs ${registry.host}/boxes/web:v1@${first}`)
    const [one] = await instances('boxes')
    expect((await cloud.run('why', one!.id)).output).toContain(first)

    const again = await deploy(folder, '--version', 'v1')
    expect(again.output).toContain('nothing to do')

    const second = await push('boxes/web', 'v1', 'second')
    const moved = await cloud.run('plan', '--file', folder, '--version', 'v1')
    expect(moved.output).toContain(`@${first.slice(0, 19)} -> `)
    expect(await deploy(folder, '--version', 'v1')).toMatchObject({ code: 0 })
    expect(await page('boxes')).toBe('second')
    const digests = (await instances('boxes')).map(({ observed }) => observed?.artifact)
    expect(digests).toEqual([second, second])
  })

  test('the agent may be killed and the engine started anew: nothing restarts, nothing is left', async () => {
    await until(() => containersNow().length === 2, 'those of the old version are gone')
    const before = { pids: await pidsOf('boxes'), containers: containersNow() }
    const [node] = await nodes()
    const customers = new Customers(cloud.file.ingress, 'boxes.localhost')
    customers.begin()
    process.kill(cloud.file.roles['agent']!.pid, 'SIGKILL')
    await engine.kill()
    const hasAgent = async (): Promise<boolean> =>
      (await nodes())[0]?.incarnation !== node?.incarnation
    await until(hasAgent, 'the next agent is there, without an engine')
    await engine.start()
    const hasEngine = async (): Promise<boolean> =>
      (await nodes())[0]?.drivers?.includes('docker') === true
    await until(hasEngine, 'the engine is noticed')
    await until(() => isReady('boxes'), 'its instances are ready')
    await until(() => customers.answered > 100, 'customers are served')
    await customers.end()
    expect({ pids: await pidsOf('boxes'), containers: containersNow() }).toEqual(before)
    expect(customers.failed).toEqual([])
  })

  test('a process becomes a container behind the same route without a failed request', async () => {
    const folder = anApp('moves', 'run: node server.js\ninstances: 2')
    const server = `require('node:http').createServer((request, answer) => answer.end('process'))
      .listen(Number(process.env.PORT), process.env.HOST)`
    writeFileSync(join(folder, 'server.js'), server)
    expect(await deploy(folder)).toMatchObject({ code: 0 })
    expect(await page('moves')).toBe('process')
    const customers = new Customers(cloud.file.ingress, 'moves.localhost')
    customers.begin()
    await push('moves/web', 'v2', 'container')
    anApp('moves', `image: ${registry.host}/moves/web:v2\ninstances: 2`)
    expect(await deploy(folder)).toMatchObject({ code: 0 })
    await until(async () => (await page('moves')) === 'container', 'the container answers')
    await customers.end()
    expect(customers.failed).toEqual([])
    expect(customers.answered).toBeGreaterThan(50)
  })

  test('one that takes more than its memory is told so, and the old version serves on', async () => {
    const hog = 'x=0123456789; while true; do x=$x$x; done'
    await registry.push('boxes/hog', 'v1', { command: ['sh', '-c', hog], user: '1000' })
    const folder = anApp('boxes', `image: ${registry.host}/boxes/hog:v1\ninstances: 2`)
    const { code, output } = await deploy(folder)
    expect(code).toBe(1)
    expect(output).toContain('was ended by the kernel at its memory limit of 32 MiB')
    expect(await page('boxes')).toBe('second')
  })

  test('an entry point that is not there is told by its name', async () => {
    await registry.push('boxes/empty', 'v1', { command: ['no-such-server', '--port'] })
    const folder = anApp('nowhere', `image: ${registry.host}/boxes/empty:v1`)
    const { code, output } = await deploy(folder)
    expect(code).toBe(1)
    expect(output).toContain('no-such-server: command not found')
    expect(await cloud.run('destroy', 'nowhere', '--yes')).toMatchObject({ code: 0 })
  })

  test('what ignores SIGTERM is ended after its grace, and nothing of it is left', async () => {
    const stubborn = ['sh', '-c', `trap '' TERM; exec httpd -f -p $PORT -h /www`]
    await registry.push('boxes/stubborn', 'v1', { command: stubborn })
    const folder = anApp('stays', `image: ${registry.host}/boxes/stubborn:v1`)
    expect(await deploy(folder)).toMatchObject({ code: 0 })
    const [one] = await instances('stays')
    const root = await cloud.run('why', one!.id)
    expect(root.output).toContain('it runs as root in its container')
    expect(await cloud.run('destroy', 'stays', '--yes')).toMatchObject({ code: 0 })
    const label = `label=dev.roadstead.instance=${one!.id}`
    const isGone = (): boolean => engine.docker('ps', '-aq', '--filter', label) === ''
    await until(isGone, 'its container is gone')
  })

  test('what it prints, and what is run in it, is at hand as with processes', async () => {
    const talk = ['sh', '-c', `echo "hello from a box"; ${serve[2]}`]
    await registry.push('boxes/talk', 'v1', { command: talk, user: '1000' })
    const folder = anApp('talks', `image: ${registry.host}/boxes/talk:v1`)
    expect(await deploy(folder)).toMatchObject({ code: 0 })
    const isShipped = async (): Promise<boolean> =>
      (await cloud.run('logs', 'talks/web')).output.includes('hello from a box')
    await until(isShipped, 'its line is shipped')
    const [one] = await instances('talks')
    const ran = await cloud.run('exec', one!.id, '--', 'id', '-u')
    expect(ran).toMatchObject({ code: 0, output: expect.stringContaining('1000') })
  })

  test('a container calls a service that it needs, through its own node', async () => {
    const folder = anApp('calls', `image: ${registry.host}/boxes/web:v1\nneeds: [api]`)
    const manifest = readFileSync(join(folder, 'roadstead.yaml'), 'utf8')
    const api = `  api: { run: node server.js, health: /, cpu: 0.1, memory: 64MiB }\n`
    writeFileSync(join(folder, 'roadstead.yaml'), `${manifest}${api}`)
    const server = `require('node:http').createServer((request, answer) => answer.end('the api'))
      .listen(Number(process.env.PORT), process.env.HOST)`
    writeFileSync(join(folder, 'server.js'), server)
    expect(await deploy(folder)).toMatchObject({ code: 0 })
    const [web] = (await instances('calls')).filter(({ service }) => service === 'web')
    const call = `u=\${API_URL#http://}; (printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 1) | nc \${u%:*} \${u#*:}`
    const asked = async (): Promise<boolean> =>
      (await cloud.run('exec', web!.id, '--', 'sh', '-c', call)).output.includes('the api')
    await until(asked, 'the api answers')
  })

  test('what cannot be looked up is refused, with what would help', async () => {
    const unknown = await deploy(anApp('none', `image: ${registry.host}/boxes/none:v9`))
    expect(unknown.code).not.toBe(0)
    expect(unknown.output).toContain('there is no image')
    expect(unknown.output).toContain('push it first')
    const guarded = await guard(registry, 'alice', 'open sesame')
    try {
      const closed = await deploy(anApp('none', `image: ${guarded.host}/boxes/web:v1`))
      expect(closed.output).toContain('does not let us read')
      expect(closed.output).toContain('--registry-config')
    } finally {
      guarded.close()
    }
    const apps = await cloud.get<{ items: AppView[] }>('/v1/apps')
    expect(apps.items.map(({ at }) => at.app)).not.toContain('none')
  })

  async function nodes(): Promise<NodeView[]> {
    return (await cloud.get<{ items: NodeView[] }>('/v1/nodes')).items
  }

  /** Which containers run, and since when. */
  function containersNow(): string[] {
    const ids = engine.docker('ps', '-q').split('\n')
    return ids
      .map((id) => engine.docker('inspect', '-f', '{{.Id}} {{.State.StartedAt}}', id))
      .toSorted()
  }

  async function isReady(app: string): Promise<boolean> {
    const all = await instances(app)
    return all.length > 0 && all.every(({ observed }) => observed?.state === 'ready')
  }

  async function pidsOf(app: string): Promise<Record<string, number | null>> {
    const all = await instances(app)
    return Object.fromEntries(all.map(({ id, observed }) => [id, observed?.pid ?? null]))
  }
})
