/**
 * What a neighbour feels of a hog: the latency of a small service through the ingress, alone, beside
 * an instance that wants all the processor there is and is held to half a core, beside one that runs
 * into the wall of its memory again and again, and beside the same two as plain children that nobody
 * holds. Rounds take turns; each gives its 99th percentile.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { systemClock } from '../src/base/clock.ts'
import type { InstanceView } from '../src/wire/api.ts'
import { Cloud, until } from '../test/e2e/cloud.ts'
import { describeMachine, refuseBusy, spreadOf, writeResult } from './lib/protocol.ts'

const rounds = 5
const requestsPerSecond = 200
/** Of one round, in ms; what comes before it settles is not counted. */
const roundMs = 6_000
const settleMs = 1_500

const servant = `require('node:http').createServer((request, answer) => {
  let sum = 0
  for (let turn = 0; turn < 200_000; turn++) sum += turn % 7
  answer.end(String(sum))
}).listen(process.env.PORT, process.env.HOST)`
const burner = 'for (;;) {}'
const eater = `const all = []
setTimeout(() => setInterval(() => all.push(Buffer.alloc(8 << 20, 1)), 5), 1_500)`

/** The hog of each round; none: the neighbour is alone. */
const hogs = [
  { name: 'alone' },
  { name: 'beside a cpu hog held to 0.5 of a core', service: 'burner' },
  { name: 'beside a memory hog held to 128 MiB', service: 'eater' },
  { name: 'beside two unheld cpu hogs', plain: burner },
] as const
type Hog = (typeof hogs)[number]

const machine = describeMachine()
if (!refuseBusy('neighbour', machine)) await run()

async function run(): Promise<void> {
  const cloud = new Cloud()
  try {
    await cloud.start(['--isolation', 'auto'])
    const folder = anApp(cloud.folder)
    const deployed = await cloud.run('deploy', folder)
    if (deployed.code !== 0) throw new Error(deployed.output)
    await turn(cloud, 'stop', 'burner')
    await turn(cloud, 'stop', 'eater')
    report(await measure(cloud))
  } finally {
    await cloud.remove()
  }
}

async function measure(cloud: Cloud): Promise<Map<Hog, number[]>> {
  // Not counted: the neighbour's program warms up.
  await beside(cloud, hogs[0])
  const found = new Map<Hog, number[]>(hogs.map((hog) => [hog, []]))
  for (let round = 0; round < rounds; round++) {
    for (const hog of hogs) found.get(hog)?.push(await beside(cloud, hog))
  }
  return found
}

/** The 99th percentile of one round, in ms. */
async function beside(cloud: Cloud, hog: Hog): Promise<number> {
  const count = 'plain' in hog ? 2 : 0
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', 'plain' in hog ? hog.plain : ''], { stdio: 'ignore' }),
  )
  if ('service' in hog) await turn(cloud, 'start', hog.service)
  await systemClock.sleep(settleMs)
  const latencies = await ask(cloud.file.ingress)
  for (const child of children) child.kill('SIGKILL')
  if ('service' in hog) await turn(cloud, 'stop', hog.service)
  const sorted = latencies.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
}

/** Asks at a steady rate, whether earlier ones were answered or not; latencies in ms. */
async function ask(ingress: string): Promise<number[]> {
  const agent = new Agent({ keepAlive: true })
  const { hostname, port } = new URL(ingress)
  const one = (): Promise<number> => {
    const askedAt = performance.now()
    return new Promise((resolve, reject) => {
      const headers = { host: 'neighbour.localhost' }
      const asked = get({ hostname, port, agent, headers }, (answer) => {
        answer.resume()
        if (answer.statusCode !== 200) reject(new Error(`answered ${answer.statusCode}`))
        answer.on('end', () => resolve(performance.now() - askedAt))
      })
      asked.on('error', reject)
    })
  }
  const underWay: Promise<number>[] = []
  const startedAt = performance.now()
  const total = (roundMs / 1_000) * requestsPerSecond
  while (underWay.length < total) {
    const due = ((performance.now() - startedAt) / 1_000) * requestsPerSecond
    while (underWay.length < Math.min(due, total)) underWay.push(one())
    await systemClock.sleep(2)
  }
  const latencies = await Promise.all(underWay)
  agent.destroy()
  return latencies
}

/** Starts or stops a hog, and waits until it has. */
async function turn(cloud: Cloud, verb: 'start' | 'stop', service: string): Promise<void> {
  const answer = await cloud.request('POST', `/v1/cells/local/default/apps/hogs/${verb}`, {
    service,
  })
  if (!answer.ok) throw new Error(await answer.text())
  await until(async () => {
    const { items } = await cloud.get<{ items: InstanceView[] }>('/v1/instances?app=hogs')
    const runs = items.some((one) => one.service === service && one.state === 'placed')
    return runs === (verb === 'start')
  }, `${service} took its ${verb}`)
}

function anApp(parent: string): string {
  const folder = join(parent, 'hogs')
  mkdirSync(folder)
  writeFileSync(join(folder, 'servant.js'), servant)
  writeFileSync(join(folder, 'burner.js'), burner)
  writeFileSync(join(folder, 'eater.js'), eater)
  const hog = (name: string, memory: string): string => `
  ${name}:
    run: node ${name}.js
    worker: true
    health: none
    limits: required
    cpu: 0.5
    memory: ${memory}`
  const manifest = `roadstead: v1
app: hogs
services:
  web:
    run: node servant.js
    health: { http: /, every: 1s }
    route: neighbour.localhost
    cpu: 1
    memory: 128MiB${hog('burner', '64MiB')}${hog('eater', '128MiB')}
`
  writeFileSync(join(folder, 'roadstead.yaml'), manifest)
  return folder
}

function report(found: ReadonlyMap<Hog, readonly number[]>): void {
  const alone = found.get(hogs[0]) ?? []
  console.log(`\n${styleText('bold', `p99 at ${requestsPerSecond} requests/s, ms`)}`)
  const rows = [...found].map(([{ name }, p99s]) => {
    const ratios = p99s.map((p99, round) => p99 / (alone[round] ?? Number.NaN))
    return { name, p99: spreadOf(p99s), ratio: spreadOf(ratios) }
  })
  for (const { name, p99, ratio } of rows) {
    const range = `(${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)})`
    console.log(
      `  ${name.padEnd(42)} ${p99.median.toFixed(1).padStart(7)}   ${ratio.median.toFixed(2)} ${range}`,
    )
  }
  writeResult('neighbour', { name: 'neighbour', at: new Date().toISOString(), machine, rows })
}
