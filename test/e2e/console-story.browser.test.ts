import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contentSecurityPolicy } from '../../console/dev/fake-server.ts'
import type { EventView, RolloutView } from '../../src/wire/api.ts'
import { isBrowserMissing, useConsoleBrowser } from '../fixtures/console-browser.ts'
import { Cloud, shopFolder } from './cloud.ts'

/**
 * The first ten minutes in the console, before a real server, agent and ingress: a version watched
 * under load, a death that heals, a broken version that goes back, and what people do about it.
 *
 * With ROADSTEAD_FILM=docs/tutorial each scene is also pictured there.
 */

const film = process.env['ROADSTEAD_FILM']
const browser = useConsoleBrowser()
const cloud = new Cloud()

/** Until a shell has begun, and answers. */
const patienceMs = 15_000

/** As long as a rollout of the shop may take on a machine that is busy with other suites. */
const rolloutMs = 60_000

beforeAll(async () => {
  if (isBrowserMissing) return
  if (film !== undefined) await mkdir(film, { recursive: true })
  await cloud.start(['--demo'])
}, 120_000)

afterAll(() => cloud.remove())

/** The newly built console in place of the one that the server has, if it has any. */
async function openConsole(): Promise<[Page, readonly string[]]> {
  const [page, { errors }] = await browser.open({ reducedMotion: 'reduce' })
  await page.route(
    (url) => !url.pathname.startsWith('/v1/'),
    async (route) => {
      const { pathname } = new URL(route.request().url())
      const name = extname(pathname) === '' ? 'index.html' : pathname
      await route.fulfill({
        body: await readFile(join(browser.files(), name)),
        contentType: types[extname(name)] ?? 'application/octet-stream',
        headers: { 'content-security-policy': contentSecurityPolicy },
      })
    },
  )
  await page.goto(`${cloud.file.server}/#token=${cloud.token}`)
  await page.getByRole('navigation', { name: 'Pages' }).waitFor()
  return [page, errors]
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

async function picture(page: Page, name: string): Promise<void> {
  if (film !== undefined) await page.screenshot({ path: join(film, `${name}.png`) })
}

/** Begins a deploy as a pipeline would, and goes where the console shows it. */
async function watchDeploy(page: Page, file: string, version: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByText('Overview').click()
  const ran = cloud.run('deploy', '--file', file, '--version', version, '--detach')
  await page.getByRole('link', { name: 'Watch it' }).click()
  await page.getByRole('heading', { name: new RegExp(`→ ${version}$`) }).waitFor()
  expect((await ran).code).toBe(0)
}

/** The shop with a version whose test takes its time. */
async function slowly(manifest: string): Promise<string> {
  const copy = join(cloud.folder, 'shop')
  await cp(shopFolder, copy, { recursive: true })
  const text = await readFile(join(copy, manifest), 'utf8')
  const file = join(copy, 'roadstead-slow.yaml')
  await writeFile(
    file,
    text
      .replace('node tests/smoke.mjs', 'sleep 50')
      .replaceAll('VERSION: v2', 'VERSION: v2, SLOW: "1"'),
  )
  return file
}

/** Presses a button of the page, says yes, and waits until the server has taken it. */
async function act(page: Page, button: string, done: string, name?: string): Promise<void> {
  await page.getByRole('button', { name: button }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('The same in a terminal').waitFor()
  if (name !== undefined) await picture(page, name)
  await dialog.getByRole('button').last().click()
  await page.getByText(done).waitFor()
}

const shop = '/apps/local/default/shop'

/** What a page of another origin would be answered with the cookie of this one. */
async function fromElsewhere(page: Page, path: string): Promise<number> {
  const [cookie] = await page.context().cookies()
  const headers = { cookie: `${cookie?.name}=${cookie?.value}`, origin: 'http://elsewhere.example' }
  return (await fetch(`${cloud.file.server}${path}`, { headers })).status
}

describe.skipIf(isBrowserMissing)('the first ten minutes, in the console', () => {
  test('a new version is watched under load, and nobody notices', async () => {
    const [page, errors] = await openConsole()
    await page.getByRole('table', { name: 'Apps and cells' }).getByText('Healthy').waitFor()
    await page.locator('canvas').first().waitFor()
    if (film !== undefined) await page.waitForTimeout(30_000)
    await picture(page, '1-overview')
    await page.getByRole('link', { name: 'Open shop' }).click()
    await page.getByRole('img', { name: /^Services: storefront calls/ }).waitFor()
    await page
      .getByText(/^\d+\/s$/)
      .first()
      .waitFor()
    await picture(page, '2-app')
    await watchDeploy(page, 'roadstead-v2.yaml', 'v2')
    await picture(page, '3-rollout')
    await page
      .getByText(/\(v2\) is online: 0 of \d+ requests failed/)
      .waitFor({ timeout: rolloutMs })
    expect(await page.getByTestId('headline').textContent()).toMatch(
      /^0 of [\d,]+ requests failed$/,
    )
    expect(errors).toEqual([])
  })

  test('what is killed appears, and heals', async () => {
    const [page, errors] = await openConsole()
    const [first] = await cloud.instances('storefront')
    await page.goto(`${cloud.file.server}/instances/${first!.id}`)
    await page.getByText('Ready').first().waitFor()
    process.kill(first!.observed!.pid!, 'SIGKILL')
    await page.getByText(/^signal SIGKILL/).waitFor()
    await expect
      .poll(async () => (await page.getByText('Runs so far').locator('..').textContent()) ?? '')
      .toBe('Runs so far2')
    await page.getByText('Ready').first().waitFor()
    await picture(page, '4-killed')
    await page.goto(`${cloud.file.server}/nodes`)
    await page
      .getByText(/storefront .*was ended by SIGKILL/)
      .first()
      .waitFor()
    expect(errors).toEqual([])
  })

  test('a broken version goes back by itself, and says why', async () => {
    const [page, errors] = await openConsole()
    await watchDeploy(page, 'roadstead-v3.yaml', 'v3')
    await page.getByText(/The test failed: exit code 1.*runs again/).waitFor({ timeout: rolloutMs })
    await page.getByRole('log').getByText('catalogue: lantern has a price, not null').waitFor()
    await picture(page, '5-reverted')
    expect(errors).toEqual([])
  })

  test('a rollout under way is taken back, and what ran stays', async () => {
    const [page, errors] = await openConsole()
    const { releaseNumber, version } = await cloud.app()
    await watchDeploy(page, await slowly('roadstead-v2.yaml'), 'slow')
    const { id } = await cloud.newestRollout()
    await act(page, 'Revert', `shop goes back to release ${releaseNumber}.`)
    await page.getByRole('heading', { name: new RegExp(`→ ${version}$`) }).waitFor()
    await page.getByText(/is online: 0 of \d+ requests failed/).waitFor({ timeout: rolloutMs })
    const path = `/v1/cells/local/default/apps/shop/rollouts/${id}`
    expect(await cloud.get<RolloutView>(path)).toMatchObject({ state: 'superseded' })
    expect(await cloud.app()).toMatchObject({ releaseNumber, version, rolloutId: null })
    expect(errors).toEqual([])
  })

  test('people scale, replace and revert, and the log says who did', async () => {
    const [page, errors] = await openConsole()
    await page.goto(`${cloud.file.server}${shop}`)
    await act(page, 'Scale catalogue', 'catalogue is asked to have 3 instances.', '6-scale')
    const row = page.getByRole('row', { name: /^catalogue/ })
    await row.getByText('3/3').waitFor({ timeout: rolloutMs })
    const [first] = await cloud.instances('checkout')
    await page.goto(`${cloud.file.server}/instances/${first!.id}`)
    await act(page, 'Replace', 'Another checkout takes the place')
    await page.getByText('operator wants another in its place').waitFor({ timeout: rolloutMs })
    await page.getByText('Ended', { exact: true }).first().waitFor({ timeout: rolloutMs })
    await page.goto(`${cloud.file.server}${shop}?part=releases`)
    await act(page, 'Revert to release 1', 'shop goes back to release 1.', '7-revert')
    await expect.poll(async () => (await cloud.app()).version, { timeout: rolloutMs }).toBe('v1')
    const { items } = await cloud.get<{ items: EventView[] }>('/v1/events?limit=500')
    const done = items.filter(({ who }) => who === 'operator').map(({ what }) => what)
    expect(done).toEqual(
      expect.arrayContaining(['app.scale', 'instance.replace', 'app.revert', 'session.open']),
    )
    expect(errors).toEqual([])
  })

  test('a shell beside an instance runs in the page, and is on the log', async () => {
    const [page, errors] = await openConsole()
    const [first] = await cloud.instances('storefront')
    await page.goto(`${cloud.file.server}/instances/${first!.id}`)
    await page.getByRole('button', { name: 'Terminal' }).click()
    const terminal = page.getByRole('group', { name: 'Terminal' })
    const shown = async (): Promise<string> => (await terminal.textContent()) ?? ''
    await expect.poll(shown, { timeout: patienceMs }).toMatch(/[$#]/)
    await page.keyboard.type('echo "I am $ROADSTEAD_SERVICE"\n')
    await expect.poll(shown, { timeout: patienceMs }).toContain('I am storefront')
    await picture(page, '8-terminal')
    expect(await fromElsewhere(page, '/v1/execs/ex-any')).toBe(403)
    await page.keyboard.type('exit 3\n')
    await page.getByText('The shell ended with exit code 3.').waitFor()
    const { items } = await cloud.get<{ items: EventView[] }>('/v1/events?limit=500')
    expect(items.some(({ who, what }) => who === 'operator' && what === 'instance.exec')).toBe(true)
    expect(errors).toEqual([])
  })
})
