import { join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import type { SceneName } from './fake-scenes.ts'
import { fakeToken, startFakeServer } from './fake-server.ts'

/**
 * Takes the pictures of docs/screenshots, of the built console:
 *
 *     node console/dev/take-screenshots.ts [CONSOLE_URL_WITH_TOKEN]
 *
 * Without an address the fake server's shop stands for a real one. With one, deploy something half
 * a minute later: the newest rollout is pictured.
 */

const folder = join(import.meta.dirname, '../../docs/screenshots')
const desktop = { width: 1_440, height: 900 }
const telephone = { width: 390, height: 844 }

/** Until the curves show something. */
const settleMs = 34_000
/** Until a rollout's page has been answered and drawn. */
const drawMs = 2_500
/** The same of a fleet of 600 nodes. */
const drawLargeMs = 5_000
/** A beat of the fake rollout: the first of each is online when its picture is taken. */
const paceMs = 1_500

const looks = [
  { name: 'light', scheme: 'light', viewport: desktop },
  { name: 'dark', scheme: 'dark', viewport: desktop },
  { name: 'telephone', scheme: 'light', viewport: telephone },
] as const

const [address] = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
})
try {
  if (address !== undefined) await Promise.all(looks.map((look) => take(browser, look, address)))
  else {
    const server = await startFakeServer('shop')
    server.world.deploy('v2', paceMs, Date.now())
    const url = `${server.url}/#token=${fakeToken}`
    await Promise.all(looks.map((look) => take(browser, look, url)))
    await server.close()
    await takeLarge(browser)
  }
} finally {
  await browser.close()
}

/** The overview once its curves are there, then the newest rollout. */
async function take(from: Browser, look: (typeof looks)[number], url: string): Promise<void> {
  const page = await from.newPage({ viewport: look.viewport, colorScheme: look.scheme })
  await page.goto(url)
  await page.waitForTimeout(settleMs)
  await page.screenshot({ path: join(folder, `overview-${look.name}.png`) })
  await page.getByRole('link', { name: 'Rollouts' }).click()
  await page.getByRole('listitem').first().getByRole('link').click()
  await page.waitForTimeout(drawMs)
  await page.screenshot({ path: join(folder, `rollout-${look.name}.png`) })
  await page.close()
}

/** What there is to see of 20,000 instances; a telephone shows too little of it for a picture. */
async function takeLarge(from: Browser): Promise<void> {
  await takePlaces(from, 'wide', [{ name: 'matrix', path: '/' }])
  await takePlaces(from, 'large', [
    { name: 'nodes', path: '/nodes?node=node-a-3' },
    { name: 'logs', path: '/logs' },
  ])
}

async function takePlaces(
  from: Browser,
  scene: SceneName,
  places: readonly { readonly name: string; readonly path: string }[],
): Promise<void> {
  const server = await startFakeServer(scene)
  for (const look of looks.filter(({ viewport }) => viewport === desktop)) {
    const page = await from.newPage({ viewport: look.viewport, colorScheme: look.scheme })
    for (const { name, path } of places) {
      await page.goto(`${server.url}${path}#token=${fakeToken}`)
      await page.waitForTimeout(drawLargeMs)
      await page.screenshot({ path: join(folder, `${name}-${look.name}.png`) })
    }
    await page.close()
  }
  await server.close()
}
