import { describe, expect, test } from 'vitest'
import {
  faultsOf,
  isBrowserMissing,
  openSignedIn,
  useConsoleBrowser,
} from '../fixtures/console-browser.ts'

/** The keyboard alone: anywhere, and anything, by a few letters. */

const browser = useConsoleBrowser()

describe.skipIf(isBrowserMissing)('the palette', () => {
  test('leads to a part of an app, by keyboard alone', async () => {
    const server = await browser.serve('fleet')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/')
    await page.keyboard.press('Control+k')
    const input = page.getByRole('combobox')
    await input.waitFor()
    await page.getByRole('option', { name: /^App shop prod\/cz/ }).waitFor()
    await page.keyboard.type('shop releases qa')
    expect(await faultsOf(page)).toEqual([])
    await page.keyboard.press('Enter')
    await page.getByRole('table', { name: 'Releases of shop' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/apps/qa/cz/shop')
    expect(errors).toEqual([])
  })

  test('asks before it does what was typed', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open({ viewport: { width: 390, height: 844 } })
    await openSignedIn(page, server, '/')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByRole('combobox').fill('scale mailer 3')
    await page.getByRole('option', { name: 'Action Scale mailer to 3' }).click()
    const dialog = page.getByRole('dialog', { name: 'Scale mailer' })
    await dialog.getByText('roadstead scale shop/mailer 3 --cell local/default').waitFor()
    await dialog.getByRole('button', { name: 'Scale' }).click()
    await page.getByText('mailer is asked to have 3 instances.').waitFor()
    expect(server.app.writes.map(({ body }) => body)).toEqual([{ service: 'mailer', instances: 3 }])
  })

  test('offers nobody what their token may not', async () => {
    const server = await browser.serve('shop')
    server.setRole('viewer')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/')
    await page.keyboard.press('/')
    await page.getByRole('combobox').fill('shop')
    await page
      .getByRole('option', { name: /^App shop/ })
      .first()
      .waitFor()
    expect(await page.getByRole('option', { name: /^Action/ }).count()).toBe(0)
  })

  test('has its keys told by ?, and takes none where somebody types', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await page.goto(`${server.url}/login`)
    await page.getByLabel('Operator token', { exact: true }).fill('/?')
    expect(await page.getByRole('dialog').count()).toBe(0)
    await openSignedIn(page, server, '/')
    await page.keyboard.press('?')
    const dialog = page.getByRole('dialog', { name: 'Keyboard' })
    await dialog.getByText('Go anywhere, or do something').waitFor()
    expect(await faultsOf(page)).toEqual([])
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  })
})
