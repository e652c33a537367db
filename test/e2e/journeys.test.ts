import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { journeyExits } from '../../src/parts/jobs/model.ts'
import type { RunView } from '../../src/wire/jobs.ts'
import { Cloud, until } from './cloud.ts'

/** Browser journeys through the next version, before any customer meets it. */

const isMissing = !existsSync('/usr/bin/chromium')
const isCi = !['', '0', 'false', undefined].includes(process.env['CI'])

const cloud = new Cloud()
const folder = join(cloud.folder, 'app')
const runner = join(import.meta.dirname, '../../src/cli/roles/journeys.ts')
const asked = { headers: { host: 'stall.localhost' } }

/** Its page writes its words with a script of its own: who only fetches it never sees them. */
const server = `const { createServer } = require('node:http')
const { VERSION, PORT, HOST } = process.env
createServer(({ url }, response) => {
  if (url === '/healthz') return response.end('ok')
  response.setHeader('content-type', 'text/html')
  const script = "document.querySelector('h1').textContent = 'stall ' + document.title"
  response.end('<title>' + VERSION + '</title><h1></h1><script>' + script + '</script>')
}).listen(Number(PORT), HOST)
`

/** In TypeScript; it visits the page by its path, and by the address of its service. */
const browse = `interface Given { page: any; target: string; url(service: string): string }
export default async ({ page, target, url }: Given): Promise<void> => {
  await page.goto('/')
  const words: string = await page.locator('h1').textContent()
  if (!words.startsWith('stall v')) throw new Error('it says ' + words)
  await page.goto(url('web'))
  console.log('browsed ' + target + ', which says ' + words)
}
`

const buy = `export default async ({ page }) => {
  await page.goto('/')
  const title = await page.title()
  if (title === 'v2') throw new Error('nothing can be bought of ' + title)
}
`

const manifest = (version: string): string => `roadstead: v1
app: stall
services:
  web:
    run: node server.js
    instances: 2
    health: { http: /healthz, every: 200ms }
    route: stall.localhost
    env: { VERSION: ${version} }
journeys:
  browse: { script: e2e/browse.ts }
  buy: { script: e2e/buy.js }
release:
  files: [e2e/]
  steps:
    - maintenance: { portion: 50% }
    - journeys: [browse, buy]
    - remaining: {}
`

async function deploy(version: string): Promise<{ code: number | null; output: string }> {
  writeFileSync(join(folder, 'roadstead.yaml'), manifest(version))
  return cloud.run('deploy', '--file', folder, '--version', version)
}

/** What customers read while something else goes on. */
async function readMeanwhile<T>(work: Promise<T>): Promise<{ result: T; read: Set<string> }> {
  const read = new Set<string>()
  let isOver = false
  const over = work.finally(() => (isOver = true))
  while (!isOver) {
    const answer = await request(cloud.file.ingress, asked)
    read.add(`${answer.statusCode} ${(await answer.body.text()).slice(0, 17)}`)
    await systemClock.sleep(25)
  }
  return { result: await over, read }
}

/** Processes of browsers that this cloud has started, by what they were started with. */
function browsers(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return command.includes(`--user-data-dir=${cloud.data}`)
    } catch {
      return false
    }
  })
}

const runs = async (): Promise<RunView[]> =>
  (await cloud.get<{ items: RunView[] }>('/v1/runs')).items

if (isMissing) {
  process.stderr.write('journeys: skipped, no Chromium here (apt-get install chromium)\n')
  test.runIf(isCi)('under CI a missing Chromium is a failure', () => {
    expect.fail('no Chromium at /usr/bin/chromium')
  })
}

test('without a Chromium, say how to get one', async () => {
  const args = ['60000', 'buy=e2e/buy.js']
  const ran = spawnSync(process.execPath, [runner, ...args], { env: { PATH: '/nowhere' } })
  expect(ran.status).toBe(journeyExits.noBrowser)
  expect(ran.stdout.toString()).toContain('apt-get install chromium')
})

describe.skipIf(isMissing)('journeys of a release', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    await cloud.start()
    mkdirSync(join(folder, 'e2e'), { recursive: true })
    writeFileSync(join(folder, 'server.js'), server)
    writeFileSync(join(folder, 'e2e/browse.ts'), browse)
    writeFileSync(join(folder, 'e2e/buy.js'), buy)
  }, 120_000)

  afterAll(() => cloud.remove())

  test('pass in a real browser, and the version goes online', async () => {
    const deployed = await deploy('v1')
    expect(deployed.code, deployed.output).toBe(0)
    const rollout = await cloud.newestRollout()
    expect(rollout.steps.find(({ kind }) => kind === 'journeys')).toMatchObject({
      state: 'done',
      title: expect.stringContaining(': browse, buy'),
    })
    const [run] = await runs()
    const { output } = await cloud.run('runs', run?.id ?? '')
    expect(output).toContain('which says stall v1')
    expect(output).toMatch(/browse passed in .* s/)
    expect(output).toMatch(/buy passed in .* s/)
  })

  test('revert by their name when one throws, and no customer met the version', async () => {
    const { result, read } = await readMeanwhile(deploy('v2'))
    expect(result.code).toBe(1)
    expect([...read]).toEqual(['200 <title>v1</title>'])
    const rollout = await cloud.newestRollout()
    expect(rollout.ledger.during?.failed).toBe(0)
    expect(rollout).toMatchObject({
      state: 'reverted',
      because: expect.stringContaining('the journey `buy` failed'),
    })
    const [run] = await runs()
    expect(run?.attempts.map(({ exitCode }) => exitCode)).toEqual([12])
    const { output } = await cloud.run('runs', run?.id ?? '')
    expect(output).toMatch(/buy failed after .* s: nothing can be bought of v2/)
    expect(output).toMatch(/at .*buy\.js:4/)
  })

  test('leave no browser behind when their run is taken back', async () => {
    writeFileSync(join(folder, 'e2e/buy.js'), 'export default () => new Promise(() => {})')
    const deployed = deploy('v3')
    await until(() => browsers().length > 0, 'a browser runs')
    const [run] = await runs()
    const { status } = await cloud.request('POST', `/v1/runs/${run?.id}/cancel`, {})
    expect(status).toBe(202)
    expect((await deployed).code).toBe(1)
    await until(() => browsers().length === 0, 'no browser is left')
  })

  test('end at their limit, or by a promise left alone, and the others still run', async () => {
    writeFileSync(join(folder, 'e2e/hang.js'), 'export default () => new Promise(() => {})')
    const stray =
      "export default async ({ page }) => { Promise.reject(new Error('stray')); await page.title(); await new Promise(() => {}) }"
    writeFileSync(join(folder, 'e2e/stray.js'), stray)
    writeFileSync(join(folder, 'e2e/none.js'), 'export const journey = 1')
    writeFileSync(
      join(folder, 'e2e/fine.js'),
      "export default ({ page }) => page.goto('about:blank')",
    )
    const names = ['fine', 'hang', 'stray', 'none', 'missing', 'fine']
    const args = ['3000', ...names.map((name) => `${name}=e2e/${name}.js`)]
    const ran = spawnSync(process.execPath, [runner, ...args], { cwd: folder })
    const output = ran.stdout.toString()
    expect(ran.status).toBe(journeyExits.first + 1)
    expect(output.match(/fine passed/g)).toHaveLength(2)
    expect(output).toMatch(/hang failed after .* s: it takes longer than 3 s/)
    expect(output).toMatch(/stray failed after .* s: stray/)
    expect(output).toMatch(/none failed after .* s: its script has no default export/)
    expect(output).toMatch(/missing failed after .* s: Cannot find module/)
  })
})
