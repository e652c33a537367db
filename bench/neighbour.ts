/**
 * What neighbours feel of a hog: the latency of two services through the ingress, alone, beside an
 * instance that wants all the processor there is and is held to half a core, beside one that runs
 * into the wall of its memory again and again, and beside two plain children that nobody holds.
 * One neighbour answers at once, the other waits first as for a database, which is what most
 * services do. Rounds take turns; each gives its median and its 99th percentile.
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

const neighbour = `require('node:http').createServer((request, answer) => {
  let sum = 0
  for (let turn = 0; turn < 200_000; turn++) sum += turn % 7
  setTimeout(() => answer.end(String(sum)), Number(process.env.WAIT_MS))
}).listen(process.env.PORT, process.env.HOST)`
/** How long each neighbour waits for others before it answers, in ms. */
const neighbours = { quick: 0, usual: 25 } as const
type Neighbour = keyof typeof neighbours
const names = Object.keys(neighbours) as Neighbour[]
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

/** Latencies of one neighbour in one round, in ms. */
interface Felt {
  readonly p50: number
  readonly p99: number
}
type Round = Readonly<Record<Neighbour, Felt>>

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

async function measure(cloud: Cloud): Promise<Map<Hog, Round[]>> {
  // Not counted: the neighbours' programs warm up.
  await beside(cloud, hogs[0])
  const found = new Map<Hog, Round[]>(hogs.map((hog) => [hog, []]))
  for (let round = 0; round < rounds; round++) {
    for (const hog of hogs) found.get(hog)?.push(await beside(cloud, hog))
  }
  return found
}

async function beside(cloud: Cloud, hog: Hog): Promise<Round> {
  const count = 'plain' in hog ? 2 : 0
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', 'plain' in hog ? hog.plain : ''], { stdio: 'ignore' }),
  )
  if ('service' in hog) await turn(cloud, 'start', hog.service)
  await systemClock.sleep(settleMs)
  const latencies = await ask(cloud.file.ingress)
  for (const child of children) child.kill('SIGKILL')
  if ('service' in hog) await turn(cloud, 'stop', hog.service)
  return { quick: feltOf(latencies.quick), usual: feltOf(latencies.usual) }
}

function feltOf(latencies: readonly number[]): Felt {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99) }
}

/** Asks in turns at a steady rate, whether earlier ones were answered or not; latencies in ms. */
async function ask(ingress: string): Promise<Record<Neighbour, number[]>> {
  const agent = new Agent({ keepAlive: true })
  const { hostname, port } = new URL(ingress)
  const one = (name: Neighbour): Promise<number> => {
    const askedAt = performance.now()
    return new Promise((resolve, reject) => {
      const headers = { host: `${name}.localhost` }
      const asked = get({ hostname, port, agent, headers }, (answer) => {
        answer.resume()
        if (answer.statusCode !== 200) reject(new Error(`answered ${answer.statusCode}`))
        answer.on('end', () => resolve(performance.now() - askedAt))
      })
      asked.on('error', reject)
    })
  }
  const underWay: Record<Neighbour, Promise<number>[]> = { quick: [], usual: [] }
  const startedAt = performance.now()
  const total = (roundMs / 1_000) * requestsPerSecond
  for (let sent = 0; sent < total;) {
    const due = ((performance.now() - startedAt) / 1_000) * requestsPerSecond
    for (; sent < Math.min(due, total); sent++) {
      const name = names[sent % names.length] ?? 'quick'
      underWay[name].push(one(name))
    }
    await systemClock.sleep(2)
  }
  const quick = await Promise.all(underWay.quick)
  const usual = await Promise.all(underWay.usual)
  agent.destroy()
  return { quick, usual }
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
  writeFileSync(join(folder, 'neighbour.js'), neighbour)
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
  const service = (name: Neighbour): string => `
  ${name}:
    run: node neighbour.js
    env: { WAIT_MS: "${neighbours[name]}" }
    health: { http: /, every: 1s }
    route: ${name}.localhost
    cpu: 0.5
    memory: 128MiB`
  const manifest = `roadstead: v1
app: hogs
services:${names.map(service).join('')}${hog('burner', '64MiB')}${hog('eater', '128MiB')}
`
  writeFileSync(join(folder, 'roadstead.yaml'), manifest)
  return folder
}

function report(found: ReadonlyMap<Hog, readonly Round[]>): void {
  const alone = found.get(hogs[0]) ?? []
  const rows = names.flatMap((neighbour) =>
    [...found].map(([{ name: hog }, rounds]) => {
      const felt = rounds.map((round) => round[neighbour])
      const ratios = felt.map(
        ({ p99 }, index) => p99 / (alone[index]?.[neighbour].p99 ?? Number.NaN),
      )
      const p50 = spreadOf(felt.map((one) => one.p50))
      return {
        neighbour,
        hog,
        p50,
        p99: spreadOf(felt.map((one) => one.p99)),
        ratio: spreadOf(ratios),
      }
    }),
  )
  const title = `${requestsPerSecond} requests/s, ms, p99 beside that of the same round alone`
  console.log(`\n${styleText('bold', title)}`)
  for (const { neighbour, hog, p50, p99, ratio } of rows) {
    const name = `${neighbour}, ${hog}`.padEnd(46)
    const figures = `p50 ${p50.median.toFixed(1).padStart(5)}   p99 ${p99.median.toFixed(1).padStart(5)}`
    const range = `(${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)})`
    console.log(`  ${name} ${figures}   ${ratio.median.toFixed(2)} ${range}`)
  }
  writeResult('neighbour', { name: 'neighbour', at: new Date().toISOString(), machine, rows })
}
