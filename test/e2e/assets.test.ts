/** Assets of earlier versions in a whole cloud: what a page of v1 asks for minutes after v2 is online. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { systemDisk } from '../../src/base/system-disk.ts'
import type { Release } from '../../src/parts/apps/model.ts'
import type { InstanceView } from '../../src/wire/api.ts'
import type { DeployPlanView, UnchangedAnswer } from '../../src/wire/deploy-plan.ts'
import { Cloud, until } from './cloud.ts'

/** Any server of static files would do: this one knows nothing of versions. */
const server = `
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { join, normalize } from 'node:path'
createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://site')
  const path = join(import.meta.dirname, 'public', normalize(pathname === '/' ? 'index.html' : pathname))
  const content = await readFile(path).catch(() => undefined)
  response.writeHead(content === undefined ? 404 : 200).end(content)
}).listen(process.env.PORT, process.env.HOST)
`

const manifest = (keep: string): string => `roadstead: v1
app: site
services:
  web:
    run: node server.mjs
    instances: 2
    route: site.localhost
    health: { http: /, every: 200ms }
    stop: { drain: 1s, grace: 1s }
    assets: { directory: public/assets, keep: ${keep} }
`

/** What this test waits for to pass: shorter than a rollout takes, but for the wait itself. */
const keepMs = 2_000

let cloud: Cloud
let folder: string

beforeAll(async () => {
  cloud = new Cloud()
  folder = join(cloud.folder, 'site')
  await cloud.start()
})

afterAll(async () => {
  await cloud.remove()
})

/** A build of the site: its page, a file of its own name, and one that every version has. */
function build(version: number, keep = `${keepMs / 1_000}s`): void {
  rmSync(folder, { recursive: true, force: true })
  write('server.mjs', server)
  write('roadstead.yaml', manifest(keep))
  write('public/index.html', `<script src="/assets/a-${version}.js"></script>`)
  write(`public/assets/a-${version}.js`, `a of ${version}`)
  write('public/assets/same.css', `same of ${version}`)
}

function write(path: string, content: string): void {
  const place = join(folder, path)
  mkdirSync(dirname(place), { recursive: true })
  writeFileSync(place, content)
}

async function deploy(...more: string[]): Promise<void> {
  const { code, output } = await cloud.run('deploy', '--file', folder, ...more)
  expect([code, output]).toEqual([0, expect.any(String)])
}

async function plan(): Promise<DeployPlanView> {
  const { output } = await cloud.run('plan', '--file', folder, '--json')
  return JSON.parse(output) as DeployPlanView
}

/** What is answered, several times: each instance has its turn. */
async function answers(path: string): Promise<string[]> {
  const seen = new Set<string>()
  for (let ask = 0; ask < 8; ask++) {
    const headers = { host: 'site.localhost' }
    const { statusCode, body } = await request(`${cloud.file.ingress}${path}`, { headers })
    const text = await body.text()
    seen.add(statusCode === 200 ? text : String(statusCode))
  }
  return [...seen]
}

async function instances(): Promise<InstanceView[]> {
  const { items } = await cloud.get<{ items: InstanceView[] }>('/v1/instances?app=site')
  return items.filter(({ state }) => state !== 'ended')
}

async function newestRelease(): Promise<Release> {
  const path = '/v1/cells/local/default/apps/site/releases'
  const { items } = await cloud.get<{ items: Release[] }>(path)
  return items[0]!
}

/** Where the agent of the only node keeps its own. */
function agentFolder(): string {
  const found = readdirSync(cloud.data).find((name) => name.startsWith('agent'))
  return join(cloud.data, found ?? '')
}

describe('assets of earlier versions', () => {
  test('are answered beside those of the new one, whose own files go first', async () => {
    build(1)
    await deploy()
    expect(await answers('/assets/a-1.js')).toEqual(['a of 1'])
    build(2)
    await deploy()
    expect(await answers('/')).toEqual(['<script src="/assets/a-2.js"></script>'])
    expect(await answers('/assets/a-2.js')).toEqual(['a of 2'])
    expect(await answers('/assets/a-1.js')).toEqual(['a of 1'])
    expect(await answers('/assets/same.css')).toEqual(['same of 2'])
    expect((await newestRelease()).carried?.['web']).toHaveLength(1)
  })

  test('are there again when an instance was killed', async () => {
    const [first] = await instances()
    const pid = first?.observed?.pid ?? 0
    process.kill(pid, 'SIGKILL')
    await until(async () => {
      const now = (await instances()).find(({ id }) => id === first?.id)?.observed
      return now?.state === 'ready' && now.pid !== pid
    }, 'it runs again')
    expect(await answers('/assets/a-1.js')).toEqual(['a of 1'])
  })

  test('make no second deploy a new one, and time changes no plan', async () => {
    const again = await cloud.run('deploy', '--file', folder, '--json')
    const { unchanged } = JSON.parse(again.output) as UnchangedAnswer
    expect([again.code, unchanged]).toEqual([0, true])
    build(3)
    const early = await plan()
    await systemClock.sleep(keepMs + 500)
    const late = await plan()
    expect(late.hash).toBe(early.hash)
    expect(late.services.flatMap(({ fields }) => fields.map(({ path }) => path))).toEqual([
      'artifact',
    ])
    await deploy('--plan', early.hash)
  })

  test('are gone with the release that comes after their time', async () => {
    expect(await answers('/assets/a-3.js')).toEqual(['a of 3'])
    expect(await answers('/assets/a-2.js')).toEqual(['a of 2'])
    expect(await answers('/assets/same.css')).toEqual(['same of 3'])
    expect(await answers('/assets/a-1.js')).toEqual(['404'])
  })

  test('of a version that was taken back go along with the next one', async () => {
    const reverted = await cloud.run('revert', 'site')
    expect([reverted.code, reverted.output]).toEqual([0, expect.any(String)])
    expect(await answers('/')).toEqual(['<script src="/assets/a-2.js"></script>'])
    build(4, '1h')
    await deploy()
    expect(await answers('/assets/a-4.js')).toEqual(['a of 4'])
    expect(await answers('/assets/a-3.js')).toEqual(['a of 3'])
    expect(await answers('/assets/a-2.js')).toEqual(['a of 2'])
    expect(await answers('/assets/a-1.js')).toEqual(['a of 1'])
  })

  test('an archive that is gone from the server stops no start: it is said, and left out', async () => {
    const carried = (await newestRelease()).carried?.['web'] ?? []
    const digests = carried.map(({ artifact }) => artifact.digest.slice('sha256:'.length))
    expect(digests).toHaveLength(3)
    const hex = digests.at(-1) ?? ''
    rmSync(join(cloud.data, 'server/artifacts/sha256', hex.slice(0, 2), hex.slice(2)))
    await systemDisk.remove(join(agentFolder(), 'artifacts', hex))
    build(5, '1h')
    await deploy()
    expect(await answers('/assets/a-5.js')).toEqual(['a of 5'])
    expect(await answers('/assets/a-2.js')).toEqual(['a of 2'])
    expect(await answers('/assets/a-1.js')).toEqual(['404'])
    const sentences = (await instances()).map(({ observed }) => observed?.because)
    expect(sentences).toHaveLength(2)
    for (const because of sentences) expect(because).toContain(`has no artifact sha256:${hex}`)
  })
})
