/**
 * A rolling update of a service with two instances at 500 requests/s, and the healing of a killed
 * one, through the whole product: CLI's REST calls, durable commits, agent, ingress. The app is
 * unfriendly: it exits at once on SIGTERM, and an answer takes 20 ms.
 *
 * The peer is a floor, not a product: the same two processes replaced by hand, one after the other,
 * each until it listens, with nothing checked, drained, routed or counted.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { tarArchiver } from '../src/drivers/artifacts/tar-archiver.ts'
import { isOver } from '../src/parts/rollouts/model.ts'
import type { InstanceView, RolloutView } from '../src/wire/api.ts'
import { Cloud, until } from '../test/e2e/cloud.ts'
import { runBench, type Sample } from './lib/protocol.ts'
import { cpuMsOfRoles } from './lib/role-time.ts'

const requestsPerSecond = 500
const app = '/v1/cells/local/default/apps/bench'
const host = 'bench.localhost'

const program = `const http = require('node:http')
process.on('SIGTERM', () => process.exit(0))
http.createServer((request, response) => {
  if (request.url === '/healthz') return response.end('ok')
  setTimeout(() => response.end(process.env.VERSION), 20)
}).listen(process.env.PORT, '127.0.0.1', () => process.stdout.write('listening'))`

const folder = mkdtempSync(join(tmpdir(), 'roadstead-bench-'))
writeFileSync(join(folder, 'server.js'), program)
const cloud = new Cloud()
await cloud.start()
let version = 0
try {
  await rollOut()
  await runBench('rollout', [
    {
      title: `one change of one service, 2 instances, ${requestsPerSecond} requests/s`,
      ours: { name: 'roadstead deploy', run: () => underLoad(rollOut) },
      peers: [{ name: 'two bare processes replaced', run: () => measured(replaceBare) }],
    },
    {
      title: 'an instance killed until it is ready again',
      ours: { name: 'roadstead agent', run: healFresh },
      peers: [{ name: 'one bare process started', run: () => measured(startBare) }],
    },
  ])
} finally {
  await cloud.remove()
  rmSync(folder, { recursive: true, force: true })
}

/** Wall time of one operation, and what the roles spent on it, the customers' requests included. */
async function measured(operation: () => Promise<number>): Promise<Sample> {
  const cpuBefore = cpuMsOfRoles(cloud)
  const startedAt = performance.now()
  const errors = await operation()
  const wallMs = performance.now() - startedAt
  return { operations: 1, wallMs, cpuMs: cpuMsOfRoles(cloud) - cpuBefore, errors }
}

/** The same while customers ask; every request of theirs that is not answered with 200 counts. */
async function underLoad(operation: () => Promise<number>): Promise<Sample> {
  const customers = Promise.withResolvers<autocannon.Result>()
  const load = autocannon(
    {
      url: cloud.file.ingress,
      headers: { host },
      connections: 40,
      overallRate: requestsPerSecond,
      duration: 600,
    },
    (error: Error | null, counted) => {
      if (error === null) customers.resolve(counted)
      else customers.reject(error)
    },
  )
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  const sample = await measured(operation)
  load.stop()
  const result = await customers.promise
  const failed = result.errors + result.timeouts + result.non2xx
  console.log(
    `  ${result.requests.total} requests sent, ${failed} failed, in ${sample.wallMs | 0} ms`,
  )
  return { ...sample, errors: sample.errors + failed }
}

async function rollOut(): Promise<number> {
  version++
  const archive = join(folder, '..', `roadstead-bench-${process.pid}-${version}.tar`)
  const ref = await tarArchiver().pack(folder, archive)
  const content = readFileSync(archive)
  rmSync(archive)
  const token = { authorization: `Bearer ${cloud.token}` }
  const stored = await fetch(`${cloud.file.server}/v1/artifacts/${ref.digest}`, {
    method: 'PUT',
    headers: { ...token, 'content-type': 'application/octet-stream' },
    body: content,
  })
  if (!stored.ok) throw new Error(await stored.text())
  const deploy = { manifest: manifest(), artifacts: { '.': ref }, files: null, version: '' }
  const answer = await cloud.request('POST', `${app}/deploy`, { ...deploy, supersede: false })
  if (!answer.ok) throw new Error(await answer.text())
  const { rolloutId } = (await answer.json()) as { rolloutId: string }
  for (;;) {
    const rollout = await cloud.get<RolloutView>(`${app}/rollouts/${rolloutId}`)
    if (!isOver(rollout.state)) await new Promise((resolve) => setTimeout(resolve, 20))
    else return (rollout.state === 'done' ? 0 : 1) + (rollout.ledger.during?.failed ?? 0)
  }
}

function manifest(): string {
  return `roadstead: v1
app: bench
services:
  web:
    run: node server.js
    health: /healthz
    route: ${host}
    instances: 2
    env: { VERSION: v${version} }
release:
  steps:
    - maintenance: { portion: 50%, min: 1 }
    - remaining: { batch: 50% }
  revertIf: { failedRequests: '> 0' }
`
}

/** Of a new release's instance: one that dies again and again waits longer each time. */
async function healFresh(): Promise<Sample> {
  await rollOut()
  return measured(heal)
}

async function heal(): Promise<number> {
  const { items } = await cloud.get<{ items: InstanceView[] }>('/v1/instances?app=bench')
  const victim = items.find(({ observed }) => observed?.state === 'ready')
  if (victim === undefined) return 1
  process.kill(victim.observed?.pid ?? 0, 'SIGKILL')
  await until(async () => {
    const now = await cloud.get<InstanceView>(`/v1/instances/${victim.id}`)
    const isBack = now.observed?.runs !== victim.observed?.runs
    return isBack && now.observed?.state === 'ready'
  }, 'it is ready again')
  return 0
}

async function startBare(): Promise<number> {
  const child = await bareProcess()
  child.kill('SIGKILL')
  return 0
}

async function replaceBare(): Promise<number> {
  for (const before of [await bareProcess(), await bareProcess()]) before.kill('SIGKILL')
  return 0
}

async function bareProcess(): Promise<ChildProcess> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  const child = spawn(process.execPath, [join(folder, 'server.js')], {
    env: { PORT: String(port), VERSION: 'bare' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}
