/**
 * The proof of zero itself, seen from outside: rollouts of ten instances of an app that exits at once
 * on SIGTERM and answers in 200 ms, under 500 requests/s, GET and POST, over kept and over new
 * connections, without a retry. What the load generator has sent and what the ledger has counted
 * are compared to the request.
 *
 * `npm run bench -- proof [ROLLOUTS] [builtin|haproxy]`: 10 rollouts of each unless you say.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as requestHttp } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent } from 'undici'
import type { AppView, RolloutView } from '../src/wire/api.ts'
import { Cloud, until } from '../test/e2e/cloud.ts'

const keptConnections = 96
const newConnections = 20
const host = 'proof.localhost'
const app = '/v1/cells/local/default/apps/proof'

const server = `
process.on('SIGTERM', () => process.exit(0))
require('node:http').createServer((request, response) => {
  if (request.url === '/healthz') return response.end('ok')
  request.resume()
  setTimeout(() => response.end(process.env.VERSION), 200)
}).listen(Number(process.env.PORT), process.env.HOST)
`

interface Sent {
  sent: number
  answered: number
  readonly failed: Map<string, number>
}

/** Clients that ask one request after the other until `signal` says so; then all are answered. */
async function load(origin: string, sent: Sent, signal: AbortSignal): Promise<void> {
  const kept = new Agent({ connections: keptConnections, pipelining: 1 })
  const loops: Promise<void>[] = []
  for (let index = 0; index < keptConnections + newConnections; index++) {
    const method = index % 4 === 0 ? 'POST' : 'GET'
    const ask =
      index < keptConnections ? () => askKept(kept, origin, method) : () => askNew(origin, method)
    loops.push(one(ask, sent, signal))
  }
  await Promise.all(loops)
  await kept.close()
}

async function one(ask: () => Promise<number>, sent: Sent, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    sent.sent++
    const outcome = await ask().catch((error: unknown) => String(error))
    if (outcome === 200) sent.answered++
    else sent.failed.set(String(outcome), (sent.failed.get(String(outcome)) ?? 0) + 1)
  }
}

async function askKept(agent: Agent, origin: string, method: 'GET' | 'POST'): Promise<number> {
  const body = method === 'POST' ? 'x'.repeat(100) : null
  const answer = await agent.request({ origin, path: '/', method, headers: { host }, body })
  await answer.body.dump()
  return answer.statusCode
}

function askNew(origin: string, method: 'GET' | 'POST'): Promise<number> {
  return new Promise((resolve, reject) => {
    const req = requestHttp(origin, { method, headers: { host }, agent: false }, (res) => {
      res.resume()
      res.on('error', reject)
      res.on('end', () => resolve(res.statusCode ?? 0))
    })
    req.on('error', reject)
    req.end(method === 'POST' ? 'x'.repeat(100) : undefined)
  })
}

async function deploy(cloud: Cloud, folder: string, version: number): Promise<RolloutView> {
  writeFileSync(
    join(folder, 'roadstead.yaml'),
    `roadstead: v1
app: proof
services:
  web:
    run: node server.js
    instances: 10
    cpu: 0.1
    memory: 64MiB
    health: { http: /healthz, every: 500ms, passes: 1 }
    route: ${host}
    env: { VERSION: v${version} }
    stop: { drain: 20s, grace: 2s }
release:
  steps:
    - maintenance: { portion: 50% }
    - remaining: { batch: 50% }
  revertIf: { failedRequests: '> 0' }
`,
  )
  const { code, output } = await cloud.run('deploy', '--version', `v${version}`, '-f', folder)
  if (code !== 0) throw new Error(output)
  return (await cloud.get<{ items: RolloutView[] }>(`${app}/rollouts?limit=1`)).items[0]!
}

async function prove(driver: string, rollouts: number): Promise<boolean> {
  const cloud = new Cloud()
  const folder = join(mkdtempSync(join(tmpdir(), 'roadstead-proof-')), 'app')
  mkdirSync(folder)
  writeFileSync(join(folder, 'server.js'), server)
  await cloud.start(['--ingress', driver])
  try {
    await deploy(cloud, folder, 0)
    const sent: Sent = { sent: 0, answered: 0, failed: new Map() }
    const ending = new AbortController()
    const before = await totals(cloud)
    const startedAt = performance.now()
    const customers = load(cloud.file.ingress, sent, ending.signal)
    const took: number[] = []
    let counted = 0
    for (let version = 1; version <= rollouts; version++) {
      const { ledger, startedAt: began, endedAt, state } = await deploy(cloud, folder, version)
      took.push((endedAt ?? 0) - (began ?? 0))
      const { failed = 0, sent: during = 0 } = ledger.during ?? {}
      counted += during
      console.log(
        `${driver} ${version}/${rollouts}: ${state} in ${took.at(-1)} ms, ` +
          `${failed} of ${during} requests failed`,
      )
    }
    ending.abort()
    await customers
    const seconds = (performance.now() - startedAt) / 1_000
    await until(async () => (await totals(cloud)).sent - before.sent >= sent.sent, 'counts are in')
    const after = await totals(cloud)
    const failed = [...sent.failed].map(([cause, count]) => `${count} ${cause}`)
    const median = took.toSorted((a, b) => a - b)[Math.floor(took.length / 2)]
    console.log(
      `\n${driver}: ${rollouts} rollouts, median ${median} ms, ` +
        `${Math.round(sent.sent / seconds)} requests/s, ${counted} of them during a rollout\n` +
        `  the clients sent ${sent.sent}: ${sent.answered} answered, ` +
        `${failed.length === 0 ? '0 failed' : failed.join(', ')}\n` +
        `  the ledger has  ${after.sent - before.sent}: ${after.failed - before.failed} failed\n`,
    )
    return sent.failed.size === 0 && after.sent - before.sent === sent.sent
  } finally {
    await cloud.remove()
    rmSync(join(folder, '..'), { recursive: true, force: true })
  }
}

async function totals(cloud: Cloud): Promise<{ sent: number; failed: number }> {
  const { traffic } = await cloud.get<AppView>(app)
  return { sent: traffic?.sentTotal ?? 0, failed: traffic?.failedTotal ?? 0 }
}

const [count = '10', ...drivers] = process.argv.slice(2).filter((word) => !word.startsWith('-'))
let isProved = true
for (const driver of drivers.length === 0 ? ['builtin', 'haproxy'] : drivers) {
  isProved = (await prove(driver, Number(count))) && isProved
}
process.exitCode = isProved ? 0 : 1
