/**
 * 20 containers of one small image until each answers: a first deploy through the whole product
 * (record, plan, placement, agent, engine, checks, ingress), beside the same containers created and
 * started through the Engine's own API, all at once, each asked until it answers; and beside Docker
 * Swarm on the same engine, until all of its tasks run, with and without
 * health checks.
 *
 * The bare API is a floor: nothing is decided, watched or routed.
 */
import { get } from 'node:http'
import { systemClock } from '../src/base/clock.ts'
import { Engine } from '../src/drivers/instances/docker/engine.ts'
import { isOver } from '../src/parts/rollouts/model.ts'
import type { RolloutView } from '../src/wire/api.ts'
import { Cloud } from '../test/e2e/cloud.ts'
import { DockerEngine } from '../test/fixtures/docker-engine.ts'
import { freePort } from '../test/fixtures/free-port.ts'
import { ImageRegistry } from '../test/fixtures/image-registry.ts'
import { runBench, type Sample } from './lib/protocol.ts'
import { cpuMsOfRoles } from './lib/role-time.ts'
import { Swarm } from './lib/swarm.ts'

const count = 20
const path = '/v1/cells/local/default/apps/bench'
const serve = ['sh', '-c', 'exec httpd -f -p $PORT -h /www']
/** Swarm checks by a command inside; ours are asked over the network. */
const check = 'wget -q -O /dev/null http://127.0.0.1:8080/'
const lookEveryMs = 20

const dockerEngine = new DockerEngine({ isOutlived: false })
const registry = new ImageRegistry()
const cloud = new Cloud()
await Promise.all([dockerEngine.start(), registry.start()])
const engine = new Engine(dockerEngine.socketPath, systemClock)
const image = `${registry.host}/bench/web`
const manifest = `roadstead: v1
app: bench
services:
  web:
    image: ${image}:v1
    instances: ${count}
    cpu: 0.1
    memory: 32MiB
    health: { http: /, every: 100ms, passes: 1 }
    route: bench.localhost
    stop: { drain: 0s, grace: 1s }
`

try {
  const content = { command: serve, user: '1000', files: { 'www/index.html': 'ok\n' } }
  const digest = await registry.push('bench/web', 'v1', content)
  await pull(digest)
  await cloud.start(['--docker', `unix://${dockerEngine.socketPath}`, '--ingress', 'builtin'])
  await runBench('container-start', [
    {
      title: `${count} containers until they answer`,
      ours: { name: 'roadstead deploy', run: deploy },
      peers: [
        { name: 'bare Engine API', run: () => startBare(digest) },
        { name: 'Swarm, healthy', run: () => startInSwarm(digest, check) },
        { name: 'Swarm, running', run: () => startInSwarm(digest, undefined) },
      ],
    },
  ])
} finally {
  await cloud.remove()
  await dockerEngine.remove()
  registry.remove()
}

/** Both find the image on the machine. */
async function pull(digest: string): Promise<void> {
  const query = { fromImage: image, tag: digest }
  const answer = await engine.stream({ method: 'POST', path: '/images/create', query })
  await answer.forEach(() => {})
}

async function deploy(): Promise<Sample> {
  const cpuBefore = cpuMsOfRoles(cloud)
  const startedAt = performance.now()
  const body = { manifest, artifacts: {}, files: null, version: 'v1', supersede: false }
  const answer = await cloud.request('POST', `${path}/deploy`, body)
  if (!answer.ok) throw new Error(await answer.text())
  const { rolloutId } = (await answer.json()) as { rolloutId: string }
  let rollout: RolloutView
  do {
    await systemClock.sleep(lookEveryMs)
    rollout = await cloud.get<RolloutView>(`${path}/rollouts/${rolloutId}`)
  } while (!isOver(rollout.state))
  const wallMs = performance.now() - startedAt
  const cpuMs = cpuMsOfRoles(cloud) - cpuBefore
  if (rollout.state !== 'done') console.log(`  ${rollout.because}`)
  await destroy()
  return { operations: count, wallMs, cpuMs, errors: rollout.state === 'done' ? 0 : 1 }
}

async function destroy(): Promise<void> {
  await cloud.request('DELETE', `${path}?confirm=${count}`)
  while ((await cloud.request('GET', path)).ok) await systemClock.sleep(lookEveryMs)
}

async function startBare(digest: string): Promise<Sample> {
  const ports = await Promise.all(Array.from({ length: count }, freePort))
  const network = await networkOfPeer()
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const ids = await Promise.all(ports.map((port) => startOne(digest, network, port)))
  await Promise.all(ports.map(untilAnswered))
  const wallMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpuBefore)
  await Promise.all(ids.map((id) => call('DELETE', `/containers/${id}`, undefined, { force: '1' })))
  await call('DELETE', `/networks/${network}`)
  return { operations: count, wallMs, cpuMs: (user + system) / 1_000, errors: 0 }
}

/** The swarm is there before, and gone after: the others meet an engine without one. */
async function startInSwarm(digest: string, checkedBy: string | undefined): Promise<Sample> {
  const swarm = new Swarm(engine)
  await swarm.start()
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const id = await swarm.create({
    image: `${image}@${digest}`,
    replicas: count,
    command: serve,
    env: ['PORT=8080'],
    check: checkedBy,
    memoryBytes: 32 * 1024 * 1024,
    cpu: 0.1,
  })
  await swarm.untilRunning(id, count)
  const wallMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpuBefore)
  await swarm.remove(id)
  await swarm.stop()
  return { operations: count, wallMs, cpuMs: (user + system) / 1_000, errors: 0 }
}

/** The test's engine has no bridge of its own. */
async function networkOfPeer(): Promise<string> {
  return idOf(await call('POST', '/networks/create', { Name: 'bench-peer' }))
}

async function startOne(digest: string, network: string, port: number): Promise<string> {
  const inside = `${port}/tcp`
  const created = await call('POST', '/containers/create', {
    Image: `${image}@${digest}`,
    Env: [`PORT=${port}`],
    ExposedPorts: { [inside]: {} },
    HostConfig: {
      NetworkMode: network,
      PortBindings: { [inside]: [{ HostIp: '127.0.0.1', HostPort: String(port) }] },
      Memory: 32 * 1024 * 1024,
      CpuPeriod: 100_000,
      CpuQuota: 10_000,
    },
  })
  const id = idOf(created)
  await call('POST', `/containers/${id}/start`)
  return id
}

async function untilAnswered(port: number): Promise<void> {
  const isWell = (): Promise<boolean> =>
    new Promise((resolve) => {
      const asked = get({ host: '127.0.0.1', port, path: '/', agent: false }, (answer) => {
        answer.resume()
        resolve(answer.statusCode === 200)
      })
      asked.on('error', () => resolve(false))
    })
  while (!(await isWell())) await systemClock.sleep(lookEveryMs)
}

/** A start among twenty others may take its time. */
async function call(
  method: 'POST' | 'DELETE',
  where: string,
  body?: object,
  query: Record<string, string> = {},
): Promise<unknown> {
  const answer = await engine.demand({ method, path: where, body, query, timeoutMs: 60_000 })
  return answer.body
}

function idOf(body: unknown): string {
  const { Id = '' } = body as { Id?: string }
  return Id
}
