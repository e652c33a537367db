import { join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import { fakeToken, startFakeServer } from './fake-server.ts'

/**
 * Takes the pictures of docs/screenshots, of the built console:
 *
 *     node console/dev/take-screenshots.ts [CONSOLE_URL_WITH_TOKEN [ROLLOUT_PATH]]
 *
 * Without an address the fake server's shop stands for a real one.
 */

const folder = join(import.meta.dirname, '../../docs/screenshots')
const desktop = { width: 1_440, height: 900 }
const telephone = { width: 390, height: 844 }

/** Until the curves show something. */
const settleMs = 32_000
/** How far the fake rollout is in its picture, in ms: one third online, the next in maintenance. */
const rolloutMs = 19_500

interface Picture {
  readonly name: string
  readonly place: string
  readonly scheme: 'light' | 'dark'
  readonly viewport: { readonly width: number; readonly height: number }
}

const [address, rolloutPath] = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
})
try {
  if (address === undefined) await takeOfFake()
  else await takeOf(new URL(address), rolloutPath ?? '/rollouts', settleMs)
} finally {
  await browser.close()
}

async function takeOfFake(): Promise<void> {
  const server = await startFakeServer('shop')
  const { at, id } = server.world.deploy('v2', 850, Date.now())
  const url = new URL(`${server.url}/#token=${fakeToken}`)
  await takeOf(url, `/rollouts/${at.environment}/${at.tenant}/${at.app}/${id}`, rolloutMs)
  await server.close()
}

async function takeOf(url: URL, rollout: string, waitMs: number): Promise<void> {
  const pictures: Picture[] = [
    { name: 'overview-light', place: '/', scheme: 'light', viewport: desktop },
    { name: 'overview-dark', place: '/', scheme: 'dark', viewport: desktop },
    { name: 'overview-telephone', place: '/', scheme: 'light', viewport: telephone },
    { name: 'rollout-light', place: rollout, scheme: 'light', viewport: desktop },
    { name: 'rollout-dark', place: rollout, scheme: 'dark', viewport: desktop },
    { name: 'rollout-telephone', place: rollout, scheme: 'dark', viewport: telephone },
  ]
  await Promise.all(pictures.map((picture) => take(browser, picture, url, waitMs)))
}

async function take(from: Browser, picture: Picture, url: URL, waitMs: number): Promise<void> {
  const { name, place, scheme, viewport } = picture
  const page = await from.newPage({ viewport, colorScheme: scheme, deviceScaleFactor: 1 })
  await page.goto(new URL(place + url.hash, url).href)
  await page.waitForTimeout(waitMs)
  await page.screenshot({ path: join(folder, `${name}.png`) })
  await page.close()
}
