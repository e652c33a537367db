import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import type { AppView, RolloutView } from '../../src/wire/api.ts'
import { call } from '../contract/ingress-bed.ts'
import { Cloud, program, until } from './cloud.ts'
import { Customers } from './customers.ts'
import { freePort } from '../fixtures/free-port.ts'

/** Two ingresses side by side, as a company has them so that one may die: one count for both. */

const cloud = new Cloud()
const app = '/v1/cells/local/default/apps/pair'
let second: ChildProcess
let secondUrl = ''

const server = `
const { createServer } = require('node:http')
createServer((request, response) => setTimeout(() => response.end(process.env.TEXT), 20))
  .listen(Number(process.env.PORT), process.env.HOST)
`

function manifest(text: string): string {
  return [
    'roadstead: v1',
    'app: pair',
    'services:',
    '  web:',
    '    run: node server.js',
    '    cpu: 0.05',
    '    memory: 32MiB',
    '    disk: 8MiB',
    '    instances: 4',
    '    health: { http: /, every: 200ms, passes: 1 }',
    '    route: pair.localhost',
    `    env: { TEXT: ${text} }`,
    '',
  ].join('\n')
}

async function deploy(text: string): Promise<RolloutView> {
  const folder = join(cloud.folder, 'pair')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'server.js'), server)
  writeFileSync(join(folder, 'roadstead.yaml'), manifest(text))
  const { code, output } = await cloud.run('deploy', '-f', folder, '--version', text)
  expect(code, output).toBe(0)
  return cloud.newestRollout()
}

async function startSecond(): Promise<void> {
  const port = await freePort()
  secondUrl = `http://127.0.0.1:${port}`
  const where = ['--server', cloud.file.server, '--listen', `127.0.0.1:${port}`, '--id', 'edge-2']
  const files = ['--token-file', join(cloud.data, 'tokens/ingress')]
  files.push('--data', join(cloud.folder, 'edge-2'))
  second = spawn(process.execPath, [program, 'ingress', ...where, ...files], { stdio: 'ignore' })
  await until(async () => (await ask(secondUrl)) === 200, 'the second ingress serves')
}

async function ask(origin: string): Promise<number> {
  const { status } = await call(Number(new URL(origin).port), { host: 'pair.localhost' })
  return status
}

beforeAll(async () => {
  await cloud.start()
  await deploy('v1')
  await startSecond()
})

afterAll(async () => {
  second.kill('SIGKILL')
  await cloud.remove()
})

describe('two ingresses', () => {
  test('carry one rollout, and the count is that of both', async () => {
    const asked = async (): Promise<number> => {
      const { traffic } = await cloud.get<AppView>(app)
      return traffic?.sentTotal ?? 0
    }
    // Reports come once a second: what was asked until now is in the count before customers come.
    await systemClock.sleep(3_000)
    const before = await asked()
    const pair = [cloud.file.ingress, secondUrl].map((url) => new Customers(url, 'pair.localhost'))
    for (const customers of pair) customers.begin()
    const rollout = await deploy('v2')
    for (const customers of pair) await customers.end()
    expect(rollout.state).toBe('done')
    expect(rollout.ledger.during).toMatchObject({ failed: 0 })
    expect(rollout.ledger.gaps).toEqual([])
    expect(pair.flatMap(({ failed }) => failed)).toEqual([])
    const [first, other] = pair.map(({ answered }) => answered)
    expect(Math.min(first ?? 0, other ?? 0)).toBeGreaterThan(10)
    const sent = (first ?? 0) + (other ?? 0)
    await until(async () => (await asked()) - before === sent, `${sent} requests are counted`)
  })

  test('are one when one of them dies: customers of the other notice nothing', async () => {
    const customers = new Customers(cloud.file.ingress, 'pair.localhost')
    customers.begin()
    const deploying = deploy('v3')
    await until(async () => {
      const { releaseNumber, state } = await cloud.newestRollout()
      return releaseNumber === 3 && state === 'running'
    }, 'the rollout is under way')
    second.kill('SIGKILL')
    const rollout = await deploying
    await customers.end()
    expect(customers.failed).toEqual([])
    expect(rollout.state).toBe('done')
    expect(await ask(cloud.file.ingress)).toBe(200)
    expect(rollout.ledger.during?.failed).toBe(0)
  })
})
