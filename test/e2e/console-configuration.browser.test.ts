import { describe, expect, test } from 'vitest'
import {
  faultsOf,
  isBrowserMissing,
  openSignedIn,
  patience,
  useConsoleBrowser,
} from '../fixtures/console-browser.ts'

/** The configuration of an app, of which each value says which layer and line it is from. */

const browser = useConsoleBrowser()
const configuration = '/apps/local/default/shop?part=configuration'

describe.skipIf(isBrowserMissing)('the configuration', () => {
  test('says of each value where it comes from, and what it replaced', async () => {
    const server = await browser.serve('shop')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, configuration)
    const lines = page.getByRole('region', { name: 'Configuration, line by line' })
    const row = lines.getByRole('listitem').filter({ hasText: 'instances: 4' })
    await row.getByText('cell local/default', { exact: true }).waitFor()
    expect(await row.getByRole('listitem').allTextContents()).toEqual([
      'was 3 in environment local line 23',
      'was 2 in app line 10',
    ])
    await page.getByText('roadstead render local/default --explain --release 6').waitFor()
    await page.getByText(/after this release was made/).waitFor()
    await row.getByRole('link', { name: 'line 10' }).click()
    const tab = page.getByRole('link', { name: 'Configuration' })
    expect(new URL(page.url()).searchParams.get('line')).toBe('10')
    expect(await tab.getAttribute('aria-current')).toBe('page')
    await page
      .getByRole('region', { name: 'Text of the manifest' })
      .getByText('instances: 2')
      .waitFor()
    expect(errors).toEqual([])
  })

  test('is narrowed to what one layer says, and that is an address', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server, configuration)
    const lines = page.getByRole('region', { name: 'Configuration, line by line' })
    await page.getByLabel('Layer').selectOption('tenant default')
    await expect.poll(() => lines.getByText('memory:').count(), patience).toBe(0)
    await page.reload()
    await lines.getByText('<b>ahoy</b>').waitFor()
    expect(await lines.getByRole('listitem').allTextContents()).toEqual([
      'services:',
      'storefront:',
      'env:',
      expect.stringMatching(/^GREETING: <b>ahoy<\/b>tenant defaultline 27was hello in app line 13/),
      'was hello in app line 13',
    ])
    expect(await faultsOf(page)).toEqual([])
  })

  test('that does not read any more says why, and the manifest stays', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    const error = {
      code: 'release-unreadable',
      message: 'release 6 does not read with the platform.yaml in force',
      hint: 'mend the manifest or platform.yaml before the next deploy',
    }
    await page.route('**/explanation?*', (route) =>
      route.fulfill({ status: 409, json: { error: { ...error, requestId: 'req-fake' } } }),
    )
    await openSignedIn(page, server, configuration)
    await page.getByText('release 6 does not read with the platform.yaml in force').waitFor()
    await page.getByText('mend the manifest or platform.yaml').waitFor()
    await page
      .getByRole('region', { name: 'Text of the manifest' })
      .getByText('team: harbour')
      .waitFor()
  })
})
