import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import {
  faultsOf,
  isBrowserMissing,
  openSignedIn,
  useConsoleBrowser,
} from '../fixtures/console-browser.ts'

/** The console acts: what it asks before, what it sends, and what it says when it is refused. */

const browser = useConsoleBrowser()
const shop = '/apps/local/default/shop'

/** Presses a button of the page, and waits for the question. */
async function ask(page: Page, button: string): Promise<ReturnType<Page['getByRole']>> {
  await page.getByRole('button', { name: button, exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  return dialog
}

describe.skipIf(isBrowserMissing)('an action', () => {
  test('says what will happen and its command, is sent once, and is seen', async () => {
    const server = await browser.serve('shop')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, shop)
    const dialog = await ask(page, 'Scale storefront')
    await dialog.getByLabel('Instances').fill('6')
    await dialog.getByText('storefront gets 2 more: 6 instances in place of 4.').waitFor()
    await dialog.getByText('roadstead scale shop/storefront 6 --cell local/default').waitFor()
    expect(await faultsOf(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Scale' }).click()
    await page.getByText('storefront is asked to have 6 instances.').waitFor()
    await page
      .getByRole('row', { name: /^storefront/ })
      .getByText('6/6')
      .waitFor()
    expect(server.app.writes).toMatchObject([
      {
        method: 'POST',
        path: '/v1/cells/local/default/apps/shop/scale',
        body: { service: 'storefront', instances: 6 },
        key: expect.stringMatching(/^console-[0-9a-f]{32}$/),
      },
    ])
    expect(errors).toEqual([])
  })

  test('that another tab has overtaken is told with what changed there', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server, shop)
    server.app.refusals.set('/stop', {
      status: 409,
      code: 'conflict',
      message: 'shop was changed a moment ago',
      hint: 'look again, and decide anew',
    })
    const dialog = await ask(page, 'Stop mailer')
    await dialog.getByRole('button', { name: 'Stop' }).click()
    await dialog.getByText('shop was changed a moment ago').waitFor()
    await dialog.getByText('look again, and decide anew').waitFor()
    await dialog.getByRole('heading', { name: 'What changed there last' }).waitFor()
    await dialog.getByRole('listitem').first().waitFor()
    expect(await dialog.getByRole('listitem').count()).toBe(3)
    await dialog.getByRole('button', { name: 'Look again' }).click()
    await dialog.getByRole('button', { name: 'Stop' }).click()
    await page.getByText('mailer is asked to stop.').waitFor()
    expect(new Set(server.app.writes.map(({ key }) => key)).size).toBe(2)
  })

  test('that destroys asks for the name, then for the number where the server wants it', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server, shop)
    server.app.refusals.set('/apps/shop', {
      status: 409,
      code: 'confirmation-needed',
      message: 'this ends 14 instances, after 30 within ten minutes',
      details: { instances: 14 },
    })
    const dialog = await ask(page, 'Destroy')
    const destroy = dialog.getByRole('button', { name: 'Destroy' })
    expect(await destroy.isEnabled()).toBe(false)
    await dialog.getByLabel('Type shop to go on').fill('shop')
    await destroy.click()
    await dialog.getByText('after 30 within ten minutes').waitFor()
    expect(await destroy.isEnabled()).toBe(false)
    await dialog.getByLabel('Type 14 to go on').fill('14')
    await destroy.click()
    await page.getByText('There is no shop in local/default').waitFor()
    expect(server.app.writes.map(({ path }) => path.split('?')[1])).toEqual([
      undefined,
      'confirm=14',
    ])
    await page.getByRole('button', { name: 'Bring it back' }).waitFor()
    expect(await faultsOf(page)).toEqual([])
  })

  test('is not for everybody: a viewer is told why, and nothing is sent', async () => {
    const server = await browser.serve('shop')
    server.setRole('viewer')
    const [page] = await browser.open()
    await openSignedIn(page, server, shop)
    const destroy = page.getByRole('button', { name: 'Destroy' })
    await destroy.waitFor()
    expect(await destroy.getAttribute('title')).toBe(
      "This is for operators; your token is a viewer's.",
    )
    await destroy.click({ force: true })
    expect(await page.getByRole('dialog').count()).toBe(0)
    expect(server.app.writes).toEqual([])
  })

  test('of a session that was ended meanwhile leads to the login, and back', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server, `${shop}?part=jobs`)
    const dialog = await ask(page, 'Run now reindex')
    server.endSessions()
    await dialog.getByRole('button', { name: 'Run now' }).click()
    await page.getByText('Your session has ended').waitFor()
    expect(server.app.writes).toEqual([])
  })

  test('that nobody answered may be pressed again, and is the same write', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server, shop)
    const dialog = await ask(page, 'Stop mailer')
    const keys: string[] = []
    await page.route('**/stop', async (route) => {
      keys.push(route.request().headers()['idempotency-key'] ?? '')
      await (keys.length === 1 ? route.abort() : route.continue())
    })
    await dialog.getByRole('button', { name: 'Stop' }).click()
    await dialog.getByText('The server does not answer.').waitFor()
    await dialog.getByRole('button', { name: 'Stop' }).click()
    await page.getByText('mailer is asked to stop.').waitFor()
    expect(keys).toHaveLength(2)
    expect(keys[0]).toBe(keys[1])
  })
})

describe.skipIf(isBrowserMissing)('the pages of an app and an instance', () => {
  const places = [
    shop,
    `${shop}?part=instances`,
    `${shop}?part=releases`,
    `${shop}?part=configuration`,
    `${shop}?part=jobs&job=reindex`,
    '/instances/i-00000',
  ]

  test.each([
    ['light', 1_440],
    ['dark', 1_440],
    ['light', 390],
  ] as const)('can be read by everybody, %s and %i px wide', async (colorScheme, width) => {
    const server = await browser.serve('shop')
    const viewport = { width, height: 900 }
    const [page, { errors }] = await browser.open({ colorScheme, viewport })
    for (const place of places) {
      await openSignedIn(page, server, place)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.getByRole('table').or(page.getByRole('log')).first().waitFor({ state: 'attached' })
      expect(await faultsOf(page)).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    }
    expect(errors).toEqual([])
  })

  test('names with markup are text, in the picture too', async () => {
    const server = await browser.serve('hostile')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, shop)
    await page.getByRole('img', { name: /^Services: <img/ }).waitFor()
    await page.getByRole('link', { name: /^<img src=x/ }).waitFor()
    expect(await page.title()).toBe('shop in local/default · Roadstead')
    expect(errors).toEqual([])
  })

  test('lines with terminal codes, markup and a megabyte are shown as text that is cut', async () => {
    const server = await browser.serve('shop')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/instances/i-00000')
    const log = page.getByRole('log')
    await log.getByText('warning: the cache is cold').waitFor()
    await log.getByText('<script>document.title="taken"</script>').waitFor()
    await log.getByText(/^x+$/).first().click()
    await page.getByRole('button', { name: 'Show all 1,000,000 characters' }).waitFor()
    expect(errors).toEqual([])
  })

  test('of what is gone say so, and what to do', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/instances/i-none')
    await page.getByText('There is no instance i-none').waitFor()
    await openSignedIn(page, server, '/apps/local/default/none')
    await page.getByText('There is no none in local/default').waitFor()
    await page.getByText('roadstead deploy --cell local/default').waitFor()
  })
})
