import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ExplanationView } from '../../src/wire/explanation.ts'
import { Cloud } from './cloud.ts'

/** What the server says of a release that it keeps: which layer and line each value is from. */

const cloud = new Cloud()
const app = join(cloud.folder, 'app')

const platform = (tenants: string): string => `roadstead: v1
platform: shop-europe
nodeGroups: { general: { engine: agents, zones: [a] } }
environments: { qa: { nodeGroup: general } }
tenants: { ${tenants} }
`

const manifest = `roadstead: v1
app: greeter
defaults: { memory: 64MiB }
services:
  main: { worker: true, run: node main.js, cpu: 0.1, env: { LEVEL: low } }
environments:
  qa: { services: { main: { env: { LEVEL: high } } } }
`

const path = '/v1/cells/qa/default/apps/greeter/releases'

function explanation(search = '?limit=1000'): Promise<ExplanationView> {
  return cloud.get<ExplanationView>(`${path}/1/explanation${search}`)
}

async function apply(tenants: string): Promise<void> {
  const file = join(cloud.folder, 'platform.yaml')
  writeFileSync(file, platform(tenants))
  const applied = await cloud.run('platform', 'apply', file)
  if (applied.code !== 0) throw new Error(applied.output)
}

beforeAll(async () => {
  mkdirSync(app)
  writeFileSync(join(app, 'main.js'), 'setInterval(() => {}, 1000)\n')
  writeFileSync(join(app, 'roadstead.yaml'), manifest)
  writeFileSync(join(app, 'platform.yaml'), platform('default: {}'))
  await cloud.start()
  await apply('default: {}')
  const deployed = await cloud.run('deploy', '--file', app, '--cell', 'qa/default')
  if (deployed.code !== 0) throw new Error(deployed.output)
}, 120_000)

afterAll(() => cloud.remove())

describe('a release that the server keeps', () => {
  test('is told line by line, with its layers and what was overridden', async () => {
    const { items, release, headline, platform: read } = await explanation()
    expect(headline).toContain('greeter in qa/default')
    expect(release).toMatchObject({ number: 1 })
    expect(read).toMatchObject({ isNewer: false })
    expect(items.find(({ text }) => text.includes('LEVEL'))).toEqual({
      text: '      LEVEL: high',
      from: { layer: 'environment qa', file: 'roadstead.yaml', line: 7 },
      over: [{ layer: 'app', file: 'roadstead.yaml', line: 5, text: 'low' }],
    })
    const first = await explanation('?limit=3')
    expect(first.items).toEqual(items.slice(0, 3))
    const second = await explanation(`?limit=3&cursor=${first.next}`)
    expect(second.items).toEqual(items.slice(3, 6))
  })

  test('is printed as render prints the file', async () => {
    const options = ['qa/default', '--explain']
    const [kept, own] = [
      await cloud.run('render', ...options, '--release', '1'),
      await cloud.run('render', ...options, '--file', app),
    ]
    expect(kept.code).toBe(0)
    const lines = (text: string): string[] =>
      text.replaceAll(/[^ ]*roadstead\.yaml/g, 'roadstead.yaml').split('\n')
    expect(lines(kept.output)).toEqual(lines(own.output))
    expect(kept.output).toContain('environment qa, roadstead.yaml:7; was low in app')
    const unclear = await cloud.run('render', ...options, '--app', 'greeter')
    expect(unclear).toMatchObject({ code: 1, output: expect.stringContaining('--release') })
  })

  test('says that another platform.yaml is in force since, or that it does not read with it', async () => {
    await apply('default: {}, cz: {}')
    expect((await explanation()).platform).toMatchObject({ isNewer: true, appliedBy: 'operator' })
    const told = await cloud.run('render', 'qa/default', '--release', '1')
    expect(told.output).toContain('platform.yaml was applied by operator after this release')
    await apply('cz: {}')
    const gone = await cloud.run('render', 'qa/default', '--release', '1')
    expect(gone.code).toBe(1)
    expect(gone.output).toContain('release 1 does not read with the platform.yaml in force')
  })

  test('that is not kept is refused with those that are', async () => {
    const refused = await cloud.run('render', 'qa/default', '--release', '9')
    expect(refused.code).toBe(1)
    expect(refused.output).toContain('there is no release 9 of greeter')
    expect(refused.output).toContain('releases that are kept: 1')
  })
})
