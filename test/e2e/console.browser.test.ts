import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { fakeToken } from '../../console/dev/fake-server.ts'
import {
  faultsOf,
  isBrowserMissing,
  openSignedIn,
  useConsoleBrowser,
} from '../fixtures/console-browser.ts'

/** The console as people meet it: the built files, a real browser, the strict policy. */

const browser = useConsoleBrowser()

function placeOf(page: Page): string {
  const { pathname, search, hash } = new URL(page.url())
  return pathname + search + hash
}

describe.skipIf(isBrowserMissing)('signing in', () => {
  test('a wrong token is said, the right one leads to the place that was asked for', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await page.goto(`${server.url}/rollouts`)
    const field = page.getByLabel('Operator token', { exact: true })
    expect(await field.getAttribute('type')).toBe('password')
    expect(await page.getByText('.roadstead/tokens/operator').count()).toBe(1)
    await field.fill('rst_wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('This token is not known to the server').waitFor()
    expect(await faultsOf(page)).toEqual([])
    await field.fill(fakeToken)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Rollouts' }).waitFor()
    expect(placeOf(page)).toBe('/rollouts')
  })

  test('a token in the fragment signs in and leaves the address bar and the history', async () => {
    const server = await browser.serve('shop')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/rollouts')
    expect(placeOf(page)).toBe('/rollouts')
    expect(await page.evaluate('history.length')).toBeLessThanOrEqual(2)
    expect(errors).toEqual([])
  })

  test('a wrong token in the fragment leads to the login, which says so', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await page.goto(`${server.url}/#token=rst_old`)
    await page.getByText('The token in that link is not known to this server').waitFor()
    expect(page.url()).not.toContain('rst_old')
  })

  test('a session that ends leads to the login with a notice, and back to the same place', async () => {
    const server = await browser.serve('fleet')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/?at=prod%2Fsk%2Fshop')
    await page.getByText('prod/sk, counted at the ingress').waitFor()
    server.endSessions()
    await page.getByText('Your session has ended').waitFor()
    await page.getByLabel('Operator token', { exact: true }).fill(fakeToken)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('prod/sk, counted at the ingress').waitFor()
  })

  test('a link cannot lead to another site after the login', async () => {
    const server = await browser.serve('empty')
    const [page] = await browser.open()
    await page.goto(`${server.url}/login?to=${encodeURIComponent('//evil.example/x')}`)
    await page.getByLabel('Operator token', { exact: true }).fill(fakeToken)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(placeOf(page)).toBe('/')
  })

  test('signing out ends the session', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server)
    await page.getByRole('button', { name: /Sign out/ }).click()
    await page.getByLabel('Operator token', { exact: true }).waitFor()
    await page.goto(`${server.url}/`)
    await page.getByLabel('Operator token', { exact: true }).waitFor()
  })
})

describe.skipIf(isBrowserMissing)('the overview', () => {
  test('shows each app in each cell with health, pips, rates, changes and nodes', async () => {
    const server = await browser.serve('fleet')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server)
    const matrix = page.getByRole('table', { name: 'Apps and cells' })
    await matrix.getByText('2026.46').waitFor()
    expect(await matrix.getByRole('columnheader').allTextContents()).toEqual([
      'App',
      'prod/cz',
      'prod/sk',
      'qa/cz',
    ])
    expect(await matrix.getByText('Degraded').count()).toBe(1)
    expect(await matrix.getByLabel('ledger: 2 of 3 instances ready').count()).toBe(1)
    await page.locator('canvas').first().waitFor()
    await page.getByText('Scaled storefront from 3 to 4.').waitFor()
    await page.getByText('Lost', { exact: true }).waitFor()
    expect(errors).toEqual([])
  })

  test('a tile is chosen by keyboard, and the choice is an address', async () => {
    const server = await browser.serve('fleet')
    const [page] = await browser.open()
    await openSignedIn(page, server)
    await page.getByRole('link', { name: 'qa/cz/shop, v42' }).focus()
    await page.keyboard.press('Enter')
    await page.getByText('qa/cz, counted at the ingress').waitFor()
    expect(placeOf(page)).toContain('at=qa')
    await page.reload()
    await page.getByText('qa/cz, counted at the ingress').waitFor()
  })

  test('an empty roadstead teaches the next command', async () => {
    const server = await browser.serve('empty')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server)
    await page.getByText('roadstead init && roadstead deploy').waitFor()
    expect(await faultsOf(page)).toEqual([])
    expect(errors).toEqual([])
  })

  test('a dead server is told, and the page catches up when it is back', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server)
    await page.getByText('Live', { exact: true }).waitFor()
    server.setDown(true)
    await page.getByText(/Stale since \d\d:\d\d:\d\d/).waitFor()
    await page.getByRole('table', { name: 'Apps and cells' }).getByText('v1').waitFor()
    server.world.deploy('v2', 50, Date.now())
    server.setDown(false)
    await page.getByText(/Stale since/).waitFor({ state: 'detached' })
    await page.getByRole('table', { name: 'Apps and cells' }).getByText('v2').waitFor()
  })

  test('names and sentences that bite are shown as text', async () => {
    const server = await browser.serve('hostile')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server)
    await page.getByText('<img src=x onerror="document.title=\'taken\'">').first().waitFor()
    await page.getByText('<script>document.title="taken"</script>').waitFor()
    await page.getByText('<b>mallory</b>').waitFor()
    expect(await page.title()).toBe('Overview · Roadstead')
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0)
    expect(errors).toEqual([])
  })
})

describe.skipIf(isBrowserMissing)('a rollout', () => {
  test('is followed from maintenance to done, with the proof of zero', async () => {
    const server = await browser.serve('shop')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server)
    const rollout = server.world.deploy('v2', 250, Date.now())
    await page.getByRole('link', { name: 'Watch it' }).click()
    await page.getByRole('heading', { name: 'shop v1 → v2' }).waitFor()
    const ships = page.getByRole('list', { name: 'Instances of storefront' })
    await ships
      .getByText(/new, maintenance/)
      .first()
      .waitFor()
    await ships
      .getByText(/new, online, ready/)
      .first()
      .waitFor()
    await page.getByText('exit code 0 after 14 checks').waitFor()
    await page.getByText('Every instance runs v2, and nobody noticed.').waitFor()
    const headline = await page.getByTestId('headline').textContent()
    expect(headline).toMatch(/^0 of [\d,]+ requests failed$/)
    const sent = Number(/of ([\d,]+)/.exec(headline ?? '')?.[1]?.replaceAll(',', ''))
    expect(sent).toBe(rollout.ledger.during?.sent)
    await expect.poll(() => ships.getByText(/old/).count()).toBe(0)
    expect(errors).toEqual([])
  })

  test('that failed requests says so first, with the gaps in its count', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/rollouts')
    await page.getByText('3 of 20,931 failed').waitFor()
    await page.getByRole('link', { name: 'shop v0.7 → v0.8' }).click()
    await page.getByText('3 of 20,931 requests failed').waitFor()
    await page.getByText('Causes: 2 connection refused, 1 cut while draining.').waitFor()
    await page.getByText(/The count is not whole: ingress node-1 was restarted/).waitFor()
  })

  test('that was judged shows its numbers, and both distributions', async () => {
    const server = await browser.serve('shop')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/rollouts/local/default/shop/ro-3')
    await page.getByRole('table', { name: 'Canary and baseline by criterion' }).waitFor()
    const picture = page.getByRole('img', { name: /^Most answers of the canary took up to 14 ms/ })
    await picture.waitFor()
    expect(await picture.locator('path').count()).toBe(2)
    await page.getByText(/^canary, [\d,]+ answers$/).waitFor()
    expect(await faultsOf(page)).toEqual([])
    expect(errors).toEqual([])
  })

  test('of an unknown id leads to a page that says so', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/rollouts/local/default/shop/ro-none')
    await page.getByText('There is nothing at this address').waitFor()
  })

  test('moves nothing for people who asked for less motion', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open({ reducedMotion: 'reduce' })
    const { id } = server.world.deploy('v2', 250, Date.now())
    await openSignedIn(page, server, `/rollouts/local/default/shop/${id}`)
    const ship = page.getByRole('list', { name: 'Instances of storefront' }).locator('li').first()
    await ship.waitFor()
    const seconds = await page.evaluate(
      `parseFloat(getComputedStyle(document.querySelector('[data-trim]')).transitionDuration)`,
    )
    expect(Number(seconds)).toBeLessThan(0.001)
  })
})

describe.skipIf(isBrowserMissing)('every page', () => {
  const places = ['/', '/rollouts', '/rollouts/local/default/shop/ro-7']

  test.each(['light', 'dark'] as const)(
    'can be read by everybody in %s colours',
    async (colours) => {
      const server = await browser.serve('shop')
      const [page, { errors }] = await browser.open({
        colorScheme: colours,
        reducedMotion: 'reduce',
      })
      server.world.deploy('v2', 150, Date.now())
      for (const place of places) {
        await openSignedIn(page, server, place)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await page.waitForTimeout(600)
        expect(await faultsOf(page)).toEqual([])
      }
      expect(errors).toEqual([])
    },
  )

  test('fits a telephone without scrolling sideways', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open({ viewport: { width: 390, height: 844 } })
    server.world.deploy('v2', 150, Date.now())
    for (const place of places) {
      await openSignedIn(page, server, place)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.waitForTimeout(400)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
      expect(await faultsOf(page)).toEqual([])
    }
  })

  test('keeps still: nothing jumps while it lives', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await page.addInitScript(`
      window.jumps = []
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          if (!entry.hadRecentInput) window.jumps.push(entry.value)
        }
      }).observe({ type: 'layout-shift', buffered: true })`)
    await openSignedIn(page, server)
    await page.locator('canvas').first().waitFor()
    await page.evaluate('window.jumps.length = 0')
    await page.waitForTimeout(3_500)
    expect(await page.evaluate('window.jumps.reduce((sum, one) => sum + one, 0)')).toBeLessThan(
      0.01,
    )
  })

  test('keeps the colours that were chosen, and follows the system until then', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open({ colorScheme: 'dark' })
    await openSignedIn(page, server)
    const scheme = 'document.documentElement.dataset.mantineColorScheme'
    expect(await page.evaluate(scheme)).toBe('dark')
    await page.getByRole('button', { name: 'Switch to light colours' }).click()
    expect(await page.evaluate(scheme)).toBe('light')
    await page.reload()
    await page.getByRole('button', { name: 'Switch to dark colours' }).waitFor()
  })
})
