import { describe, expect, test } from 'vitest'
import {
  faultsOf,
  isBrowserMissing,
  openSignedIn,
  patience,
  useConsoleBrowser,
} from '../fixtures/console-browser.ts'

/** The log of one instance: the same list as on the page of logs, live. */

const browser = useConsoleBrowser()
const frame = 'document.querySelector("[role=log]")'

describe.skipIf(isBrowserMissing)('the log of an instance', () => {
  test('follows what is printed, keeps its place for a reader, and can be paused', async () => {
    const server = await browser.serve('shop')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/instances/i-00000')
    const log = page.getByRole('log', { name: 'Lines' })
    await log
      .getByText(/ms, request \d+/)
      .nth(12)
      .waitFor()
    await expect.poll(() => page.evaluate(`${frame}.scrollTop`), patience).toBeGreaterThan(0)
    // Somebody reads what was printed before: nothing moves, whatever comes.
    await page.evaluate(`${frame}.scrollTop = 0`)
    const lines = page.getByText(/^\d+ lines here/)
    const before = await lines.textContent()
    await expect.poll(() => lines.textContent(), patience).not.toBe(before)
    expect(await page.evaluate(`${frame}.scrollTop`)).toBe(0)
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('button', { name: /Go on: \d+ new lines?/ }).click()
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    expect(errors).toEqual([])
  })

  test('tells all of a line, and leads to its neighbours among the logs', async () => {
    const server = await browser.serve('shop')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/instances/i-00000')
    await page.getByRole('log').getByText('warning: the cache is cold').click()
    const panel = page.getByRole('region', { name: 'Line', exact: true })
    await panel.getByText('standard output').waitFor()
    expect(await faultsOf(page)).toEqual([])
    await panel.getByRole('button', { name: 'Lines around it' }).click()
    await page.getByRole('heading', { name: 'Logs', level: 1 }).waitFor()
    const { pathname, searchParams } = new URL(page.url())
    expect([pathname, searchParams.get('instance')]).toEqual(['/logs', 'i-00000'])
    expect(searchParams.get('line')).toMatch(/\.i-00000$/)
    expect(errors).toEqual([])
  })
})
