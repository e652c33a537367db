import { describe, expect, test } from 'vitest'
import { judgedSlow, queuedRollout } from '../../console/dev/fake-rollout.ts'
import type { FakeServer } from '../../console/dev/fake-server.ts'
import type { RolloutView } from '../../src/wire/api.ts'
import { isBrowserMissing, openSignedIn, useConsoleBrowser } from '../fixtures/console-browser.ts'

/** What people decide about a rollout: each is one call, the same that the command line makes. */

const browser = useConsoleBrowser()

/** A rollout that nothing moves while a test looks at it. */
function aRollout({ world }: FakeServer): RolloutView {
  const at = { environment: 'local', tenant: 'default', app: 'shop' }
  const identity = { id: 'ro-9', at, releaseNumber: 9, version: 'v2', fromVersion: 'v1' }
  const rollout = queuedRollout(identity, [{ name: 'storefront', count: 4 }], Date.now())
  world.rollouts.unshift(rollout)
  return rollout
}

interface Decision {
  readonly button: string
  readonly says: string
  readonly done: string
  readonly path: string
  readonly prepare: (rollout: RolloutView) => void
}

const decisions: readonly Decision[] = [
  {
    button: 'Approve',
    says: 'The gate asks for 2 releasers, none of them an author of it.',
    done: 'Your approval stands.',
    path: 'approve',
    prepare: (rollout) => {
      rollout.gate = { approve: { role: 'releaser', people: 2, notAuthor: true } }
    },
  },
  {
    button: 'Cancel',
    says: 'It has not begun, and never will: nothing that runs changes.',
    done: 'The rollout is taken back.',
    path: 'cancel',
    prepare: () => {},
  },
  {
    button: 'Proceed',
    says: 'It goes on as if it were not, on your word.',
    done: 'The rollout goes on.',
    path: 'proceed',
    prepare: (rollout) => {
      const judging = judgedSlow(Date.now() - 60_000)
      const report = judging.report
      if (report?.verdict === undefined) throw new Error('nothing was judged')
      rollout.state = 'running'
      rollout.judging = { ...judging, report: { ...report, verdict: 'inconclusive' } }
    },
  },
]

describe.skipIf(isBrowserMissing)('a decision about a rollout', () => {
  test.each(decisions)('$button is one call', async ({ button, says, done, path, prepare }) => {
    const server = await browser.serve('shop')
    const rollout = aRollout(server)
    prepare(rollout)
    const [page, { errors }] = await browser.open()
    await openSignedIn(page, server, `/rollouts/local/default/shop/${rollout.id}`)
    await page.getByRole('button', { name: button, exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText(says).waitFor()
    await dialog.getByRole('button', { name: button, exact: true }).click()
    await page.getByText(done).waitFor()
    expect(server.app.writes.map(({ method, path: sent }) => `${method} ${sent}`)).toEqual([
      `POST /v1/cells/local/default/apps/shop/rollouts/${rollout.id}/${path}`,
    ])
    expect(errors).toEqual([])
  })

  test('Promote carries the release that runs into the cell that was chosen', async () => {
    const server = await browser.serve('fleet')
    const [page] = await browser.open()
    await openSignedIn(page, server, '/apps/qa/cz/shop')
    await page.getByRole('button', { name: 'Promote', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('To the cell').selectOption('prod/cz')
    await dialog.getByText('roadstead promote shop --from qa/cz --to prod/cz').waitFor()
    await dialog.getByRole('button', { name: 'Promote', exact: true }).click()
    await expect
      .poll(() => server.app.writes, { timeout: 15_000 })
      .toMatchObject([
        {
          method: 'POST',
          path: '/v1/cells/prod/cz/apps/shop/promote',
          body: {
            from: { environment: 'qa', tenant: 'cz' },
            supersede: false,
            keepDrift: false,
          },
        },
      ])
  })
})
