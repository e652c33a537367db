import type { Locator, Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import {
  faultsOf,
  isBrowserMissing,
  openSignedIn,
  useConsoleBrowser,
} from '../fixtures/console-browser.ts'

/** The overview at its real size: 4 environments of 10 tenants with 70 services. */

const browser = useConsoleBrowser()

/** Long enough for a busy machine. */
const patience = { timeout: 15_000 }

/** More rows than a window shows, and far fewer than there are. */
const rowsHeldMax = 60

function matrixOf(page: Page): Locator {
  return page.getByRole('table', { name: 'Apps and cells' })
}

function focused(page: Page): Promise<unknown> {
  return page.evaluate('document.activeElement.dataset.at')
}

describe.skipIf(isBrowserMissing)('the matrix', () => {
  test('of 400 apps is a line for each app and environment, and live', async () => {
    const server = await browser.serve('large')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/')
    const matrix = matrixOf(page)
    await matrix.getByRole('link', { name: /^dev\/at\/basket, v52: / }).waitFor()
    expect(await matrix.getAttribute('aria-rowcount')).toBe('41')
    await page.getByLabel('App, cell or version').fill('prod/cz v50')
    await matrix.getByRole('link', { name: /^prod\/cz\/shop,/ }).click()
    await page.getByRole('region', { name: 'Traffic of shop' }).waitFor()
    const address = new URL(page.url()).searchParams
    expect([address.get('at'), address.get('q')]).toEqual(['prod/cz/shop', 'prod/cz v50'])
    expect(await matrix.getByRole('link').count()).toBe(10)
    const own = [...server.world.fleet.instances.values()].find(
      ({ service: { at }, state }) =>
        at.app === 'shop' && at.environment === 'prod' && at.tenant === 'cz' && state === 'ready',
    )
    await page.getByText('Live', { exact: true }).waitFor()
    server.world.change(own!.id, 'unhealthy')
    await matrix.getByRole('link', { name: /^prod\/cz\/shop, v50: Degraded/ }).waitFor()
    expect(errors).toEqual([])
  })

  test('of 2,800 apps holds the rows in view, and the last is reached by scrolling', async () => {
    const server = await browser.serve('wide')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/')
    const matrix = matrixOf(page)
    await matrix.getByRole('link').first().waitFor()
    expect(await matrix.getAttribute('aria-rowcount')).toBe('281')
    expect(await matrix.getByRole('row').count()).toBeLessThan(rowsHeldMax)
    const last = matrix.getByRole('link', { name: /^stage\/sk\/stock-worker,/ })
    expect(await last.count()).toBe(0)
    await matrix.evaluate((frame) => frame.scrollTo(0, frame.scrollHeight))
    await last.waitFor()
    expect(await matrix.getByRole('row').count()).toBeLessThan(rowsHeldMax)
    const head = matrix.getByRole('columnheader', { name: 'sk' })
    const [frame, box] = await Promise.all([matrix.boundingBox(), head.boundingBox()])
    // The heads are still there.
    expect(Math.abs(box!.y - frame!.y)).toBeLessThan(20)
    expect(errors).toEqual([])
  })

  test('is one stop of the tab key, and keys lead to every cell', async () => {
    const server = await browser.serve('wide')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/?at=prod/cz/shop-web')
    const matrix = matrixOf(page)
    // The link leads to the row, far down.
    const chosen = matrix.getByRole('link', { name: /^prod\/cz\/shop-web,/ })
    await chosen.waitFor()
    expect(await matrix.locator('a[tabindex="0"]').count()).toBe(1)
    await chosen.focus()
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => focused(page), patience).toBe('prod/de/shop-web')
    await page.keyboard.press('Control+End')
    await expect.poll(() => focused(page), patience).toBe('stage/sk/stock-worker')
    await page.keyboard.press('Control+Home')
    await expect.poll(() => focused(page), patience).toBe('dev/at/basket-api')
    await page.keyboard.press('PageDown')
    await expect.poll(() => focused(page), patience).toBe('dev/at/basket-web')
    // What has the focus stays while one scrolls away.
    await matrix.evaluate((frame) => frame.scrollTo(0, frame.scrollHeight))
    await matrix.getByRole('link', { name: /^stage\/sk\/stock-worker,/ }).waitFor()
    expect(await focused(page)).toBe('dev/at/basket-web')
    await page.keyboard.press('Enter')
    await page.getByRole('region', { name: 'Traffic of basket-web' }).waitFor()
  })

  test('is narrowed down to what is wrong, in the address', async () => {
    const server = await browser.serve('wide')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/')
    await page.getByRole('link', { name: /^\d+ need a look$/ }).click()
    await expect
      .poll(() => page.getByRole('combobox', { name: 'Health' }).inputValue(), patience)
      .toBe('wrong')
    const matrix = matrixOf(page)
    await expect
      .poll(() => matrix.getByRole('link', { name: /: Healthy, 7 of 7 ready$/ }).count(), patience)
      .toBe(0)
    await matrix
      .getByRole('link', { name: /Degraded|by hand/ })
      .first()
      .waitFor()
    await page.reload()
    await matrix
      .getByRole('link', { name: /Degraded|by hand/ })
      .first()
      .waitFor()
    await page.getByRole('combobox', { name: 'Health' }).selectOption('stopped')
    await page.getByText('Nothing fits').waitFor()
    expect(new URL(page.url()).searchParams.get('only')).toBe('stopped')
    expect(await faultsOf(page)).toEqual([])
    expect(errors).toEqual([])
  })

  test.each([
    ['light', 1_440, '/?only=wrong&q=prod'],
    ['dark', 1_440, '/?q=shop-web'],
    ['light', 390, '/?q=shop-web'],
  ] as const)('can be read by everybody, %s and %i px wide', async (colorScheme, width, place) => {
    const server = await browser.serve('wide')
    const viewport = { width, height: 900 }
    const [page] = await browser.open({ colorScheme, viewport })
    // A part of it: what is looked at costs by the element.
    await openSignedIn(page, server, place)
    await matrixOf(page).getByRole('link').first().waitFor()
    expect(await faultsOf(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
  })
})
