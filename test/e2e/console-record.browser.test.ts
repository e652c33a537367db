import { describe, expect, test } from 'vitest'
import {
  faultsOf,
  isBrowserMissing,
  openSignedIn,
  useConsoleBrowser,
} from '../fixtures/console-browser.ts'

/** What happened and who may do what: events, control loops, settings. */

const browser = useConsoleBrowser()

describe.skipIf(isBrowserMissing)('the record', () => {
  test('events are narrowed down, and one of them leads to what it changed and the state then', async () => {
    const server = await browser.serve('fleet')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/events')
    const list = page.getByRole('group', { name: 'Events, newest first' })
    await list.getByText('Scaled storefront from 3 to 4.').waitFor()
    await page.getByLabel('Who').fill('rollouts')
    await expect.poll(() => list.getByText('Scaled storefront').count()).toBe(0)
    await list.getByText('Carried it out.').click()
    const panel = page.getByRole('region', { name: /^Revision/ })
    await panel.getByRole('group', { name: 'Fields' }).getByText('scale.storefront').waitFor()
    await panel.getByRole('button', { name: 'The state then' }).click()
    await panel.getByRole('row', { name: /prod\/cz\/shop v41/ }).waitFor()
    await page.getByText('roadstead events --who rollouts').waitFor()
    await page.reload()
    await panel.getByText('Carried it out.').waitFor()
    expect(errors).toEqual([])
  })

  test('a commit shows up at the top of the events', async () => {
    const server = await browser.serve('shop')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/events')
    const list = page.getByRole('group', { name: 'Events, newest first' })
    await list.getByRole('listitem').first().waitFor()
    await page.getByText('Live', { exact: true }).waitFor()
    server.world.deploy('v2', 60_000, Date.now())
    await list.getByText(/^Deployed v2 of shop/).waitFor()
    const newest = await list.getByRole('listitem').allTextContents()
    // The rollout's first step is told beside it.
    expect(newest.slice(0, 2).join(' ')).toContain('Deployed v2')
  })

  test('a link to an old commit leads back to the newest', async () => {
    const server = await browser.serve('fleet')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/events?revision=1')
    await page.getByText('Nothing that fits is in the log').waitFor()
    const button = page.getByRole('button', { name: 'To the newest' })
    await button.click()
    await page.getByText('Scaled storefront from 3 to 4.').waitFor()
    expect(new URL(page.url()).searchParams.has('revision')).toBe(false)
    expect(await button.count()).toBe(0)
  })

  test('control loops tell their plans, their failures, and which bounds are nearly full', async () => {
    const server = await browser.serve('fleet')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/loops')
    await page.getByText('The store was busy; it is tried again in 2 s.').waitFor()
    await page.getByText('1 bound is nearly full.').waitFor()
    await page.getByText('2 refused since the start').waitFor()
    await page.getByRole('link', { name: /^rollouts/ }).click()
    await expect.poll(() => page.getByText('The store was busy').count()).toBe(0)
    expect(new URL(page.url()).searchParams.get('controller')).toBe('rollouts')
    expect(errors).toEqual([])
  })

  test('a token is made here, its sha256 alone is sent, and it is shown once', async () => {
    const server = await browser.serve('fleet')
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, '/settings')
    await page.getByLabel('Name').fill('bob')
    await page.getByLabel('May, besides').fill('releaser')
    await page.getByRole('button', { name: 'Create the token' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('roadstead tokens create bob --role developer --may releaser').waitFor()
    await dialog.getByRole('button', { name: 'Create' }).click()
    const token = await page.getByText(/^rst_[\w-]{43}$/).textContent()
    const sent = server.app.writes.find(({ path }) => path === '/v1/tokens')
    expect(sent?.body).toMatchObject({ name: 'bob', role: 'developer', may: ['releaser'] })
    expect(JSON.stringify(sent?.body)).toMatch(/"hash":"sha256:[0-9a-f]{64}"/)
    expect(JSON.stringify(server.app.writes)).not.toContain(token)
    await page.getByRole('button', { name: 'I have kept it' }).click()
    await expect.poll(() => page.getByText(token ?? '').count()).toBe(0)
    expect(errors).toEqual([])
  })

  test('a token is revoked by its name, the program’s own is not', async () => {
    const server = await browser.serve('fleet')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/settings')
    const own = page.getByRole('button', { name: /Revoke the token of operator/ })
    expect(await own.getAttribute('aria-disabled')).toBe('true')
    await page.getByRole('button', { name: 'Revoke the token of alice' }).click()
    await page.getByRole('dialog').getByRole('textbox').fill('alice')
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await expect
      .poll(() => server.app.writes.map(({ method, path }) => `${method} ${path}`))
      .toContain('DELETE /v1/tokens/alice')
  })

  test('a platform.yaml is put in force with its difference in sight', async () => {
    const server = await browser.serve('fleet')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/settings')
    await page.getByRole('button', { name: 'Change it' }).click()
    const draft = page.getByLabel('The new platform.yaml')
    const before = await draft.inputValue()
    await draft.fill(before.replace('qa: {}', 'qa: {}\n  dev: {}'))
    await page.getByLabel('What differs').getByText('+ dev: {}').waitFor()
    await page.getByRole('button', { name: 'Apply' }).click()
    await page.getByRole('dialog').getByText('1 line comes, 0 lines go.').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Apply' }).click()
    await expect
      .poll(() => server.app.writes.find(({ path }) => path === '/v1/platform')?.body)
      .toMatchObject({ text: expect.stringContaining('dev: {}') })
  })

  test.each([
    ['light', 1440],
    ['dark', 390],
  ] as const)(
    'can be read by everybody: %s colours, %i pixels wide',
    async (colorScheme, width) => {
      const server = await browser.serve('fleet')
      const [page] = await browser.open({ colorScheme, viewport: { width, height: 900 } })
      for (const place of ['/events?revision=4002', '/loops', '/settings']) {
        await openSignedIn(page, server, place)
        await page.getByRole('heading', { level: 2 }).first().waitFor()
        expect([place, await faultsOf(page)]).toEqual([place, []])
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
      }
    },
  )
})
