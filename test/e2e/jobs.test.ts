import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobView, RunDetails, RunView } from '../../src/wire/jobs.ts'
import { Cloud, until } from './cloud.ts'

/** Jobs with real processes: asked for, on a schedule, failing, repeated, late, taken back. */

const cloud = new Cloud()
const path = '/v1/cells/local/default/apps/jobs'

const server = `require('node:http').createServer((_, r) => r.end('ok')).listen(+process.env.PORT, process.env.HOST)`

/** Does what its word says; each attempt leaves a line in a file that all attempts share. */
const job = (file: string): string => `
const { appendFileSync, readFileSync } = require('node:fs')
const { ROADSTEAD_JOB, COLOUR } = process.env
const JOURNAL = ${JSON.stringify(file)}
const word = process.argv[2]
appendFileSync(JOURNAL, word + '\\n')
console.log(ROADSTEAD_JOB + ' sees ' + COLOUR)
const times = readFileSync(JOURNAL, 'utf8').split('\\n').filter((line) => line === word).length
if (word === 'hangs') setInterval(() => {}, 1000)
else if (word === 'second' && times < 2) { console.error('not yet'); process.exit(4) }
else if (word === 'fails') process.exit(7)
`

beforeAll(async () => {
  // Its programs keep a journal in the test's own folder.
  await cloud.start(['--isolation', 'off'])
  const folder = join(cloud.folder, 'app')
  mkdirSync(folder)
  writeFileSync(join(folder, 'server.js'), server)
  writeFileSync(join(folder, 'job.js'), job(join(cloud.folder, 'journal')))
  writeFileSync(
    join(folder, 'roadstead.yaml'),
    `roadstead: v1
app: jobs
services:
  web:
    run: node server.js
    health: /
    route: jobs.localhost
    env: { COLOUR: green }
jobs:
  good: { service: web, run: node job.js good }
  fails: { service: web, run: node job.js fails }
  second: { service: web, run: node job.js second, retries: 1 }
  hangs: { service: web, run: node job.js hangs, timeout: 2s }
  long: { service: web, run: node job.js hangs, timeout: 1m }
  minutely: { service: web, run: node job.js minutely, at: "* * * * *", late: 1h }
release:
  steps:
    - maintenance: { portion: 100% }
    - test: { run: node job.js first-test }
    - test: { run: node job.js second-test }
    - remaining: {}
`,
  )
})
afterAll(() => cloud.remove())

describe('a job', { timeout: 90_000 }, () => {
  test('is deployed with its app', async () => {
    const { code, output } = await cloud.run('deploy', '-f', join(cloud.folder, 'app'))
    expect(output).toContain('is online')
    expect(code).toBe(0)
  })

  test('that a release tests itself with runs in every test step, in order', () => {
    expect(journal().slice(0, 2)).toEqual(['first-test', 'second-test'])
  })

  test('runs once when it is asked to, with its service’s environment, and its output is kept', async () => {
    const { code, output } = await cloud.run('run', 'jobs/good')
    expect(code).toBe(0)
    expect(output).toContain('good sees green')
    expect(output).toMatch(/run-\w+ of jobs\/good succeeded/)
    expect(journal().filter((word) => word === 'good')).toHaveLength(1)
    const kept = await newest('good')
    await until(async () => (await details(kept.id)).output.length > 0, 'its output is kept')
  })

  test('ends the command with its own exit code', async () => {
    const { code, output } = await cloud.run('run', 'fails')
    expect(code).toBe(7)
    expect(output).toContain('failed: exit code 7')
  })

  test('is tried again as often as it may be', async () => {
    const { code, output } = await cloud.run('run', 'second')
    expect(output).toContain('2 attempts')
    expect(code).toBe(0)
    const { attempts } = await newest('second')
    expect(attempts.map(({ exitCode }) => exitCode)).toEqual([4, 0])
  })

  test('is ended when its time runs out', async () => {
    const { code, output } = await cloud.run('run', 'hangs')
    expect(code).toBe(1)
    expect(output).toContain('timed out after 2 s')
    expect((await newest('hangs')).state).toBe('timed-out')
  })

  test('waits for the run before it, and both are taken back', async () => {
    await cloud.run('run', '--detach', 'long')
    await cloud.run('run', '--detach', 'long')
    const [second, first] = await runs('long')
    await until(async () => (await details(first?.id)).run.state === 'running', 'the first runs')
    expect((await details(second?.id)).run.state).toBe('waiting')
    for (const run of [second, first]) {
      expect((await cloud.run('runs', 'cancel', run?.id ?? '')).code).toBe(0)
    }
    await until(
      async () => (await runs('long')).every(({ state }) => state === 'cancelled'),
      'both are cancelled',
    )
    const again = await cloud.request('POST', `/v1/runs/${first?.id}/cancel`)
    expect(again.status).toBe(409)
    await until(async () => (await jobInstances()).length === 0, 'no attempt is left')
  })

  test('that does not exist is refused with those that do', async () => {
    const { code, output } = await cloud.run('run', 'jobs/god')
    expect(code).toBe(1)
    expect(output).toContain('it has: good, fails, second, hangs, long, minutely')
  })

  test('with a schedule runs at its time, once, and is not late', async () => {
    await until(
      async () => (await runs('minutely')).some(({ state }) => state === 'succeeded'),
      'its minute has come',
    )
    const all = await runs('minutely')
    const slots = all.map(({ slot }) => slot)
    expect(new Set(slots).size).toBe(slots.length)
    expect(slots.every((slot) => slot !== null && slot % 60_000 === 0)).toBe(true)
    const { items } = await cloud.get<{ items: JobView[] }>(`${path}/jobs`)
    const seen = items.find(({ spec }) => spec.name === 'minutely')
    expect(seen).toMatchObject({ lateSince: null, spec: { schedule: { timezone: 'UTC' } } })
    expect(seen?.nextAt).toBeGreaterThan(all[0]?.slot ?? 0)
    expect((await cloud.run('jobs', 'jobs')).output).toMatch(/jobs\/minutely +\* \* \* \* \* UTC/)
  })
})

function journal(): string[] {
  return readFileSync(join(cloud.folder, 'journal'), 'utf8').trim().split('\n')
}

async function runs(name: string): Promise<RunView[]> {
  return (await cloud.get<{ items: RunView[] }>(`${path}/jobs/${name}/runs`)).items
}

async function newest(name: string): Promise<RunView> {
  const [run] = await runs(name)
  if (run === undefined) throw new Error(`no run of ${name}`)
  return run
}

function details(id = ''): Promise<RunDetails> {
  return cloud.get(`/v1/runs/${id}`)
}

async function jobInstances(): Promise<unknown[]> {
  const { items } = await cloud.get<{ items: { purpose: string; state: string }[] }>(
    '/v1/instances?app=jobs',
  )
  return items.filter(({ purpose, state }) => purpose === 'job' && state !== 'ended')
}
