import { expect, test } from 'vitest'
import { shop } from '../../../test/fixtures/records.ts'
import type { TestLink } from './model.ts'
import { planTestLinks } from './plan-test-links.ts'

function aLink(id: string, parts: Partial<TestLink> = {}): TestLink {
  const kept = { digest: 'd'.repeat(64), createdBy: 'test', createdAt: 0 }
  return { id, at: shop, releaseId: 'rel-2', until: 1_000, ...kept, ...parts }
}

function endedIds(
  isRolling: boolean,
  releases: string[],
  links: TestLink[],
  now: number,
): string[] {
  const { ended } = planTestLinks({ links, releases: new Set(releases), isRolling }, now)
  return ended.map(({ link }) => link.id)
}

test('a link lives to its last millisecond, and the pass after it takes it away', () => {
  const links = [aLink('tl-1'), aLink('tl-2', { until: 2_000 })]
  const view = { links, releases: new Set(['rel-2']), isRolling: false }
  expect(planTestLinks(view, 1_000)).toEqual({ ended: [], wakeAt: 1_001 })
  const late = planTestLinks(view, 1_001)
  expect(late.ended.map(({ link }) => link.id)).toEqual(['tl-1'])
  expect(late.wakeAt).toBe(2_001)
  expect(planTestLinks({ ...view, links: [] }, 0)).toEqual({ ended: [], wakeAt: undefined })
})

test('a link dies with the last instance of its release, but not during a rollout', () => {
  const links = [aLink('tl-1'), aLink('tl-2', { releaseId: 'rel-1' })]
  expect(endedIds(false, ['rel-1'], links, 0)).toEqual(['tl-1'])
  expect(endedIds(true, ['rel-1'], links, 0)).toEqual([])
  expect(endedIds(false, [], links, 0)).toEqual(['tl-1', 'tl-2'])
})
