import { describe, expect, test } from 'vitest'
import {
  faultsOf,
  isBrowserMissing,
  openSignedIn,
  useConsoleBrowser,
} from '../fixtures/console-browser.ts'

/** The packing picture: what lies where, with three nodes and with six hundred. */

const browser = useConsoleBrowser()

describe.skipIf(isBrowserMissing)('the nodes', () => {
  test('a node is chosen by pointer or by keyboard, and the choice is an address', async () => {
    const server = await browser.serve('fleet')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/nodes')
    await page.getByRole('heading', { name: 'Zone b' }).waitFor()
    const zone = page.getByRole('list', { name: 'Nodes of zone a' })
    expect(await zone.getByRole('link').count()).toBe(2)
    await zone.getByRole('link', { name: /^a1\.shop-europe, ready, \d+ instances/ }).focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'a2.shop-europe' }).waitFor()
    expect(new URL(page.url()).searchParams.get('node')).toBe('a2.shop-europe')
    await page.reload()
    await page.getByRole('heading', { name: 'a2.shop-europe' }).waitFor()
    const list = page.getByRole('list', { name: 'Instances on a2.shop-europe' })
    await list.getByRole('listitem').first().waitFor()
    expect(errors).toEqual([])
  })

  test('what is lost, and what agents found, is said in words', async () => {
    const server = await browser.serve('fleet')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/nodes')
    await page.getByText('1 lost').waitFor()
    const attention = page.getByRole('region', { name: 'Needs a look' })
    await attention.getByText('It is silent; its instances may run on.').waitFor()
    await attention.getByText(/was ended by SIGKILL/).waitFor()
    await attention.getByRole('link', { name: 'b2.shop-europe' }).click()
    await page.getByRole('heading', { name: 'b2.shop-europe' }).waitFor()
  })

  test('what an agent tells of an instance is seen on its node', async () => {
    const server = await browser.serve('fleet')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/nodes?node=a1.shop-europe')
    const list = page.getByRole('list', { name: 'Instances on a1.shop-europe' })
    const line = list.getByRole('listitem').filter({ hasText: 'i-00000' })
    await line.getByText('Ready').waitFor()
    await page.getByText('Live', { exact: true }).waitFor()
    server.world.change('i-00000', 'unhealthy')
    await line.getByText('Unhealthy').waitFor()
  })

  test('600 nodes and 20,000 instances are few elements, and a cell can be pointed at', async () => {
    const server = await browser.serve('large')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/nodes')
    await page.getByText('600 nodes in 3 zones · 20,000 instances').waitFor()
    expect(Number(await page.evaluate('document.querySelectorAll("*").length'))).toBeLessThan(3_000)
    const box = page.getByRole('link', { name: /^node-a-1,/ })
    const bounds = await box.boundingBox()
    await expect
      .poll(async () => {
        await page.mouse.move(bounds!.x + 8, bounds!.y + bounds!.height - 5)
        await page.mouse.move(bounds!.x + 9, bounds!.y + bounds!.height - 6)
        return page.getByText(/^i-[0-9a-z]{5}$/).count()
      })
      .toBe(1)
    expect(errors).toEqual([])
  })

  test.each([
    ['light', 1440],
    ['dark', 1440],
    ['light', 390],
  ] as const)(
    'can be read by everybody: %s colours, %i pixels wide',
    async (colorScheme, width) => {
      const server = await browser.serve('fleet')
      const viewport = { width, height: 900 }
      const [page] = await browser.open({ colorScheme, viewport, reducedMotion: 'reduce' })
      await openSignedIn(page, server, '/nodes?node=a1.shop-europe')
      await page.getByRole('heading', { name: 'a1.shop-europe' }).waitFor()
      expect(await faultsOf(page)).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    },
  )

  test('without nodes it teaches how one joins', async () => {
    const server = await browser.serve('empty')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/nodes')
    await page.getByText('roadstead agent', { exact: true }).waitFor()
    expect(await faultsOf(page)).toEqual([])
  })
})
