import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RolloutView } from '../../src/wire/api.ts'
import { Cloud, until, type Ran } from './cloud.ts'
import { Customers } from './customers.ts'

/**
 * The judge under customers, with real processes: a version that errs and is slow is stopped at its
 * share, one that fails its test meets nobody, and a revert brings configuration and routes back.
 */

const cloud = new Cloud()
let folder = ''
let customers: Customers
const cell = '/v1/cells/local/default/apps/judged'

/** Notes each request that reaches it; errs and waits as its environment says. */
const server = `
const { createServer } = require('node:http')
const { appendFileSync } = require('node:fs')
const { NAME, SLOWER, ERRS, ARRIVALS, PORT, HOST } = process.env
let count = 0
createServer((request, response) => {
  if (request.url === '/healthz') return response.end('ok')
  appendFileSync(ARRIVALS, NAME + '\\n')
  response.statusCode = ++count % 100 < Number(ERRS) ? 500 : 200
  setTimeout(() => response.end(NAME), 5 + Number(SLOWER))
}).listen(Number(PORT), HOST)
`

interface Version {
  readonly name: string
  readonly errs?: number
  readonly slower?: number
  readonly test?: 'true' | 'false'
  readonly host?: string
}

function deploy(version: Version): Promise<Ran> {
  const { name, errs = 0, slower = 0, host = 'judged.localhost' } = version
  const check = version.test === undefined ? '' : `    - test: { run: ["${version.test}"] }\n`
  const env = `{ NAME: ${name}, ERRS: "${errs}", SLOWER: "${slower}", ARRIVALS: "${arrivals()}" }`
  writeFileSync(
    join(folder, 'roadstead.yaml'),
    `roadstead: v1
app: judged
services:
  web:
    run: node server.js
    instances: 2
    cpu: 0.1
    memory: 64MiB
    health: { http: /healthz, every: 200ms }
    route: ${host}
    env: ${env}
release:
  steps:
    - maintenance: { portion: 50% }
${check}    - online: { weight: 20%, sticky: customer }
    - judge: { for: 10s, against: baseline, stop: { errors: 1%, p95: +100% } }
    - remaining: { batch: 100% }
`,
  )
  return cloud.run('deploy', '--version', name, '-f', folder)
}

const arrivals = (): string => join(cloud.folder, 'arrivals')
const met = (name: string): number =>
  readFileSync(arrivals(), 'utf8')
    .split('\n')
    .filter((line) => line === name).length
const newest = async (): Promise<RolloutView> => {
  const { items } = await cloud.get<{ items: RolloutView[] }>(`${cell}/rollouts?limit=1`)
  const [rollout] = items
  if (rollout === undefined) throw new Error('there was no rollout')
  return rollout
}
const answerOf = async (host: string): Promise<{ statusCode: number; text: string }> => {
  const { statusCode, body } = await request(cloud.file.ingress, { headers: { host } })
  return { statusCode, text: await body.text() }
}

beforeAll(async () => {
  // Its apps note arrivals in the test's own folder.
  await cloud.start(['--isolation', 'off'])
  folder = join(cloud.folder, 'judged')
  mkdirSync(folder)
  writeFileSync(join(folder, 'server.js'), server)
  writeFileSync(arrivals(), '')
  await deploy({ name: 'v1' })
  customers = new Customers(cloud.file.ingress, 'judged.localhost', 5)
  customers.begin()
}, 120_000)
afterAll(async () => {
  await customers?.end()
  await cloud.remove()
})

describe('the judge', { timeout: 120_000 }, () => {
  test('lets an equal version through, with its numbers in the record', async () => {
    const { code, output } = await deploy({ name: 'v2' })
    expect(output).toContain('is online')
    expect(code).toBe(0)
    const { judging, ledger } = await newest()
    expect(judging?.report?.verdict, judging?.report?.because).toBe('pass')
    expect(judging?.report?.findings.map(({ criterion }) => criterion)).toEqual(['errors', 'p95'])
    expect(judging?.report?.requests.canary).toBeGreaterThan(50)
    expect(judging?.report?.requests.baseline).toBeGreaterThan(50)
    expect(ledger.during?.failed).toBe(0)
  })

  test('stops a version that errs and is slow at its share of the customers', async () => {
    const before = met('v3')
    const { code, output } = await deploy({ name: 'v3', errs: 20, slower: 50 })
    expect(code).not.toBe(0)
    expect(output).toContain('reverted: web:')
    const { judging, ledger, state } = await newest()
    expect(state).toBe('reverted')
    expect(judging?.report?.verdict).toBe('fail')
    const { latency = [] } = judging?.report ?? {}
    const until60 = latency.filter(({ untilMs }) => untilMs < 60)
    const sumOf = (group: 'canary' | 'baseline'): number =>
      until60.reduce((sum, one) => sum + one[group], 0)
    // The slower one has its answers elsewhere, and both have some.
    expect(sumOf('baseline')).toBeGreaterThan(sumOf('canary'))
    expect(latency.some(({ canary }) => canary > 0)).toBe(true)
    const sent = ledger.during?.sent ?? 0
    const share = (met('v3') - before) / sent
    expect(share).toBeGreaterThan(0)
    expect(share).toBeLessThan(0.35)
    expect(ledger.during?.failed).toBe(0)
    await until(async () => (await answerOf('judged.localhost')).text === 'v2', 'v2 serves')
  })

  test('never sees a version that fails its test, and neither does a customer', async () => {
    const { output } = await deploy({ name: 'v4', test: 'false' })
    expect(output).toContain('the test failed')
    expect(met('v4')).toBe(0)
    expect((await newest()).judging).toBeUndefined()
  })

  test('is no part of a revert, which brings configuration and routes back', async () => {
    await deploy({ name: 'v5', host: 'moved.localhost' })
    await until(async () => (await answerOf('moved.localhost')).text === 'v5', 'the route moved')
    expect((await answerOf('judged.localhost')).statusCode).toBe(404)
    const { output } = await cloud.run('revert', 'judged')
    expect(output).toContain('is online')
    await until(async () => (await answerOf('judged.localhost')).text === 'v2', 'v2 is back')
    expect((await answerOf('moved.localhost')).statusCode).toBe(404)
  })
})
