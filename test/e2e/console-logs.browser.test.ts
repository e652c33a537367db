import { describe, expect, test } from 'vitest'
import {
  faultsOf,
  isBrowserMissing,
  openSignedIn,
  patience,
  useConsoleBrowser,
} from '../fixtures/console-browser.ts'

/** A million lines: searched, counted, followed, shared, and shown as text whatever is in them. */

const browser = useConsoleBrowser()

/** The number that a line of the fake server ends with, of the first line in view. */
const firstShown = `(() => {
  const frame = document.querySelector('[role=log]')
  const top = frame.getBoundingClientRect().top
  const row = [...frame.querySelectorAll('[data-level]')]
    .find((one) => one.getBoundingClientRect().top >= top)
  return Number(/request (\\d+)/.exec(row?.textContent ?? '')?.[1])
})()`

describe.skipIf(isBrowserMissing)('the logs', () => {
  test('are searched as one types, and the search is an address', async () => {
    const server = await browser.serve('shop')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/logs')
    const log = page.getByRole('log', { name: 'Lines' })
    await log
      .getByText(/GET \/basket/)
      .first()
      .waitFor()
    await page.getByLabel('Text in the line').fill('timed out')
    await log
      .getByText(/upstream timed out/)
      .first()
      .waitFor()
    await expect.poll(() => log.getByText(/GET \/basket/).count(), patience).toBe(0)
    await page.getByLabel('App').selectOption('local/default/shop')
    await page.getByLabel('Service').selectOption('checkout')
    await expect.poll(() => log.getByText('shop/storefront').count(), patience).toBe(0)
    const { searchParams } = new URL(page.url())
    expect(Object.fromEntries(searchParams)).toMatchObject({
      q: 'timed out',
      app: 'local/default/shop',
      service: 'checkout',
    })
    await page.getByText('roadstead logs shop/checkout --grep "timed out"').waitFor()
    await page.reload()
    await log
      .getByText(/upstream timed out/)
      .first()
      .waitFor()
    expect(errors).toEqual([])
  })

  test('go back page by page, and nothing moves under the reader', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/logs?last=360')
    const log = page.getByRole('log', { name: 'Lines' })
    await log
      .getByText(/request \d+/)
      .first()
      .waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    for (let older = 0; older < 6; older++) {
      await page.evaluate('document.querySelector("[role=log]").scrollTop = 600')
      await page.waitForTimeout(250)
    }
    expect(Number(await page.evaluate(firstShown))).toBeLessThan(998_500)
    const shown = await page.evaluate(firstShown)
    await page.waitForTimeout(400)
    expect(await page.evaluate(firstShown)).toBe(shown)
    const rows = await log.locator('[data-level]').count()
    expect(rows).toBeLessThan(120)
  })

  test('follow what is printed until they are paused, and then say how much waits', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/logs')
    const log = page.getByRole('log', { name: 'Lines' })
    await log
      .getByText(/request 1000\d{3}/)
      .first()
      .waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('button', { name: /Go on: \d+ new lines/ }).click()
    await page.getByRole('button', { name: 'Pause' }).waitFor()
  })

  test('a line leads to its neighbours, and its link to the line', async () => {
    const server = await browser.serve('shop')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/logs?q=timed+out&last=60')
    const log = page.getByRole('log', { name: 'Lines' })
    await log
      .getByText(/upstream timed out/)
      .first()
      .click()
    const panel = page.getByRole('region', { name: 'Line', exact: true })
    const text = await panel.locator('pre').textContent()
    await panel.getByRole('button', { name: 'Lines around it' }).click()
    await log
      .getByText(/ms, request/)
      .first()
      .waitFor()
    await expect.poll(() => panel.locator('pre').textContent(), patience).toBe(text)
    await page.reload()
    await expect.poll(() => panel.locator('pre').textContent(), patience).toBe(text)
    await panel.getByRole('link', { name: /^i-/ }).waitFor()
    expect(errors).toEqual([])
  })

  test('with markup, terminal codes and endless lines are text, cut until somebody asks', async () => {
    const server = await browser.serve('hostile')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/logs?q=end')
    const log = page.getByRole('log', { name: 'Lines' })
    await log
      .getByText(/^long x+/)
      .first()
      .click()
    const panel = page.getByRole('region', { name: 'Line', exact: true })
    await panel.getByRole('button', { name: /Show all 16,\d{3} characters/ }).click()
    await panel.getByText(/x end \d+$/).waitFor()
    await page.getByLabel('Text in the line').fill('<img')
    await log
      .getByText(`<img src=x onerror="document.title='taken'"> \ufffdgnp.exe`)
      .first()
      .waitFor()
    expect(await page.title()).toBe('Logs · Roadstead')
    expect(errors).toEqual([])
  })

  test('a stretch of time is chosen in the histogram', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/logs')
    const bars = page.getByRole('img', { name: /^Lines by time: [\d,]+ lines/ })
    const box = (await bars.boundingBox())!
    await page.mouse.move(box.x + box.width * 0.25, box.y + 20)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.5, box.y + 20)
    await page.mouse.up()
    await page.getByRole('button', { name: 'Look at the last hour again' }).waitFor()
    const { searchParams } = new URL(page.url())
    const minutes = (Number(searchParams.get('until')) - Number(searchParams.get('since'))) / 60_000
    expect(Math.abs(minutes - 15)).toBeLessThan(2)
  })

  test.each([
    ['light', 1440],
    ['dark', 1440],
    ['light', 390],
  ] as const)(
    'can be read by everybody: %s colours, %i pixels wide',
    async (colorScheme, width) => {
      const server = await browser.serve('shop')
      const [page] = await browser.open({ colorScheme, viewport: { width, height: 900 } })
      await openSignedIn(page, server, '/logs?q=ERROR')
      const log = page.getByRole('log', { name: 'Lines' })
      await log
        .getByText(/upstream timed out/)
        .first()
        .click()
      await page.getByRole('heading', { name: 'Line', exact: true }).waitFor()
      expect(await faultsOf(page)).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    },
  )
})
