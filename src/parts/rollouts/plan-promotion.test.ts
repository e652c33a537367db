import { expect, test } from 'vitest'
import { anApp, aRelease } from '../../../test/fixtures/records.ts'
import { planPromotion, type PromotionView } from './plan-promotion.ts'

const from = { tenant: 'cz', environment: 'qa', app: 'shop' }

type Seen = PromotionView['rollouts'][number]

function aView(rollouts: readonly Seen[], parts: Partial<PromotionView> = {}): PromotionView {
  return { from, app: anApp(), current: aRelease(), rollouts, ...parts }
}

function seen(state: Seen['state'], parts: Partial<Seen> = {}): Seen {
  return { id: 'ro-1', state, startedAt: 1, because: 'a test failed', ...parts }
}

test.each([
  ['done', [seen('done')]],
  ['done, and a later one was taken back', [seen('cancelled', { startedAt: null }), seen('done')]],
  ['no longer on record', []],
])('what runs is promoted when its rollout is %s', (_how, rollouts) => {
  expect(planPromotion(aView(rollouts)).id).toBe('rel-1')
})

test.each([
  [
    'queued',
    aView([seen('queued', { startedAt: null }), seen('done')]),
    /ro-1 .* is queued: it is not/,
  ],
  ['running', aView([seen('running')]), /is running: it is not tested yet/],
  ['reverting', aView([seen('reverting')]), /is reverting/],
  ['reverted', aView([seen('reverted'), seen('done')]), /ro-1, is reverted: a test failed/],
  ['failed', aView([seen('failed')]), /is failed: a test failed/],
  ['superseded midway', aView([seen('superseded')]), /is superseded/],
  ['never run', aView([], { current: undefined }), /shop in qa\/cz has never run/],
  ['not there', aView([], { app: undefined }), /there is no shop in qa\/cz/],
  ['going', aView([seen('done')], { app: anApp({ destroying: true }) }), /being destroyed/],
])('what is %s is refused, with the reason', (_how, view, message) => {
  expect(() => planPromotion(view)).toThrow(
    expect.objectContaining({
      code: 'promotion-untested',
      status: 409,
      message: expect.stringMatching(message),
    }),
  )
})
