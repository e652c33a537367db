import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Release } from '../../src/parts/apps/model.ts'
import type { RolloutView } from '../../src/wire/api.ts'
import { Cloud, until, type Ran } from './cloud.ts'

/** From qa to prod over a whole cloud: the same bytes, past gates that no manifest weakens. */

const cloud = new Cloud()
const app = join(cloud.folder, 'app')

const platform = (prod: string): string => `roadstead: v1
platform: shop-europe
nodeGroups: { general: { engine: agents, zones: [a] } }
environments:
  qa: { nodeGroup: general }
  prod: { nodeGroup: general${prod} }
  museum:
    nodeGroup: general
    freeze: [ { from: "2020-01-01 00:00", until: "2099-12-31 00:00", timezone: Europe/Prague } ]
`

const gates = ', from: qa, approve: { role: releaser, people: 1, notAuthor: true }'

function writeApp(text: string): void {
  writeFileSync(join(app, 'main.js'), `console.log('${text}'); setInterval(() => {}, 1000)\n`)
}

function as(who: string, ...command: string[]): Promise<Ran> {
  return cloud.run(...command, '--token-file', join(cloud.folder, `${who}.token`))
}

async function newest(cell: string): Promise<RolloutView> {
  const path = `/v1/cells/${cell}/apps/greeter/rollouts?limit=1`
  const { items } = await cloud.get<{ items: RolloutView[] }>(path)
  if (items[0] === undefined) throw new Error(`no rollout in ${cell}`)
  return items[0]
}

async function newestRelease(cell: string): Promise<Release> {
  const path = `/v1/cells/${cell}/apps/greeter/releases`
  const { items } = await cloud.get<{ items: Release[] }>(path)
  if (items[0] === undefined) throw new Error(`no release in ${cell}`)
  return items[0]
}

beforeAll(async () => {
  mkdirSync(app)
  const manifest = [
    'roadstead: v1',
    'app: greeter',
    'services:',
    '  main: { worker: true, run: node main.js, cpu: 0.1, memory: 64MiB }',
    'environments:',
    '  prod: { services: { main: { env: { LEVEL: high } } } }',
  ]
  writeFileSync(join(app, 'roadstead.yaml'), `${manifest.join('\n')}\n`)
  // What a developer would like the gates to be.
  writeFileSync(join(app, 'platform.yaml'), platform(''))
  writeFileSync(join(cloud.folder, 'platform.yaml'), platform(gates))
  writeApp('v1')
  await cloud.start()
  for (const [name, ...options] of [
    ['dan', '--role', 'developer', '--may', 'releaser'],
    ['eva', '--role', 'viewer', '--may', 'releaser'],
    ['vit', '--role', 'viewer'],
  ]) {
    const out = join(cloud.folder, `${name}.token`)
    const made = await cloud.run('tokens', 'create', name!, ...options, '--out', out)
    if (made.code !== 0) throw new Error(made.output)
  }
}, 120_000)

afterAll(() => cloud.remove())

const promotion = ['promote', 'greeter', '--from', 'qa/default', '--to', 'prod/default']

describe('from qa to prod', () => {
  test('a release goes with the bytes that ran, once another person has approved it', async () => {
    const applied = await cloud.run('platform', 'apply', join(cloud.folder, 'platform.yaml'))
    expect(applied).toMatchObject({ code: 0 })
    const developers = await as('dan', 'platform', 'apply', join(app, 'platform.yaml'))
    expect(developers).toMatchObject({ code: 1, output: expect.stringContaining('developer') })

    const early = await as('dan', ...promotion)
    expect(early.code).toBe(1)
    expect(early.output).toContain('there is no greeter in qa/default')

    const deploy = ['deploy', '--file', app, '--version', 'v1']
    const direct = await as('dan', ...deploy, '--cell', 'prod/default')
    expect(direct.code).toBe(1)
    expect(direct.output).toContain('prod/default takes only what has run in qa before')
    expect(direct.output).toContain(promotion.join(' '))
    expect(direct.output).toMatch(/platform\.yaml is not looked at/)

    expect(await as('dan', ...deploy, '--cell', 'qa/default')).toMatchObject({ code: 0 })
    const qa = await newestRelease('qa/default')

    // What lies in the folder now is not what goes.
    writeApp('v2')
    const planned = await as('dan', ...promotion, '--plan-only')
    expect(planned.output).toContain('not its author dan')
    const hash = /--plan (p1-[0-9a-f-]+)/.exec(planned.output)?.[1] ?? ''
    const promoted = await as('dan', ...promotion, '--plan', hash)
    expect(promoted.code).toBe(0)
    expect(promoted.output).toContain('waits for the approval of 1 releaser, not its author dan')
    const waiting = await newest('prod/default')
    expect(waiting).toMatchObject({ state: 'queued', createdBy: 'dan' })

    const prod = await newestRelease('prod/default')
    expect(prod.services[0]?.artifact).toEqual(qa.services[0]?.artifact)
    expect(prod).toMatchObject({
      version: 'v1',
      promotedFrom: { environment: 'qa', tenant: 'default', number: 1, authors: ['dan'] },
      services: [{ env: { LEVEL: 'high' } }],
    })

    const own = await as('dan', 'approve', waiting.id)
    expect(own).toMatchObject({ code: 1, output: expect.stringContaining('is an author of') })
    const other = await as('vit', 'approve', waiting.id)
    expect(other).toMatchObject({ code: 1, output: expect.stringContaining('only a releaser') })
    expect((await newest('prod/default')).state).toBe('queued')

    const approved = await as('eva', 'approve', waiting.id)
    expect(approved).toMatchObject({ code: 0, output: expect.stringContaining('no gate holds it') })
    await until(async () => (await newest('prod/default')).state === 'done', 'prod runs it')
    expect(await newest('prod/default')).toMatchObject({
      approvals: [{ by: 'eva', as: 'releaser' }],
      gate: { approve: { role: 'releaser', people: 1, notAuthor: true } },
    })

    const late = await as('eva', 'approve', waiting.id)
    expect(late).toMatchObject({ code: 1, output: expect.stringContaining('is over: it is done') })
    const again = await as('dan', ...promotion)
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining('nothing to do') })
  }, 120_000)

  test('one that waits at a gate is rejected, and a revert waits at none', async () => {
    const deploy = ['deploy', '--file', app, '--version', 'v2', '--cell', 'qa/default']
    expect(await as('dan', ...deploy)).toMatchObject({ code: 0 })
    expect(await as('dan', ...promotion)).toMatchObject({ code: 0 })
    const first = await newest('prod/default')
    expect(await cloud.run('approve', first.id, '--reject')).toMatchObject({ code: 0 })
    await until(async () => (await newest('prod/default')).state === 'cancelled', 'it is rejected')
    // A revert passes no gate, so it brings back only what has passed them.
    const around = await as('dan', 'revert', 'greeter', '--to', '2', '--cell', 'prod/default')
    expect(around).toMatchObject({ code: 1 })
    expect(around.output).toContain('release 2 of greeter has never begun to run here')

    expect(await as('dan', ...promotion)).toMatchObject({ code: 0 })
    const second = await newest('prod/default')
    expect(await as('eva', 'approve', second.id)).toMatchObject({ code: 0 })
    await until(async () => (await newest('prod/default')).state === 'done', 'prod runs v2')
    const revert = await as('dan', 'revert', 'greeter', '--cell', 'prod/default')
    expect(revert).toMatchObject({ code: 0 })
    expect(await newest('prod/default')).toMatchObject({ purpose: 'revert', state: 'done' })
  }, 120_000)

  test('a frozen cell lets nothing in, and says until when', async () => {
    const deploy = ['deploy', '--file', app, '--cell', 'museum/default']
    const frozen = await as('dan', ...deploy)
    expect(frozen.code).toBe(0)
    expect(frozen.output).toContain('waits until 2099-12-31 00:00 Europe/Prague: frozen')
    const { id, state } = await newest('museum/default')
    expect(state).toBe('queued')
    const needless = await as('eva', 'approve', id)
    expect(needless.output).toContain("waits for nobody's approval")
    expect(await as('dan', 'rollouts', 'cancel', id)).toMatchObject({ code: 0 })
    await until(async () => (await newest('museum/default')).state === 'cancelled', 'it is back')
  })

  test.each([
    ['prod/default', 'prod/default', 'cannot be promoted onto itself'],
    ['qa/default', 'stage/default', 'there is no cell stage/default'],
    ['museum/default', 'prod/default', 'has never run'],
    ['qa/nobody', 'prod/default', 'there is no greeter in qa/nobody'],
  ])('from %s to %s is refused: %s', async (from, to, words) => {
    const ran = await as('dan', 'promote', 'greeter', '--from', from, '--to', to)
    expect(ran.code).toBe(1)
    expect(ran.output).toContain(words)
  })
})
