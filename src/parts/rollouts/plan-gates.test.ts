import { describe, expect, test } from 'vitest'
import { aRelease, aRollout } from '../../../test/fixtures/records.ts'
import type { Freeze, Gate } from '../tenants/model.ts'
import type { Approval, Rollout } from './model.ts'
import { approversOf, holdOf, withoutHeldSuperseders, type Gated } from './plan-gates.ts'

const release = aRelease({
  createdBy: 'petra',
  promotedFrom: {
    environment: 'qa',
    tenant: 'cz',
    releaseId: 'rel-0',
    number: 3,
    authors: ['dan'],
  },
})

function aGated(gate: Gate, parts: Partial<Rollout> = {}): Gated {
  const rollout = aRollout({ state: 'queued', purpose: 'deploy', createdBy: 'petra', ...parts })
  return { rollout, release, gate }
}

function aFreeze(fromAt: number, untilAt: number): Freeze {
  return { from: `from ${fromAt}`, until: `until ${untilAt}`, timezone: 'UTC', fromAt, untilAt }
}

function approvedBy(...names: string[]): Approval[] {
  return names.map((by) => ({ by, at: 1, as: 'releaser' }))
}

describe('approvals', () => {
  const two: Gate = { approve: { role: 'releaser', people: 2, notAuthor: true } }
  test.each([
    [[], 'waits for the approval of 2 releasers, not its authors petra, dan'],
    [
      ['eva'],
      'waits for the approval of 1 more releaser, not its authors petra, dan (eva approved)',
    ],
    [['eva', 'eva'], expect.stringContaining('1 more releaser')],
    [['petra', 'dan'], expect.stringContaining('2 releasers')],
    [['eva', 'dan'], expect.stringContaining('1 more releaser')],
    [['eva', 'jan'], undefined],
  ])('of %j', (names, because) => {
    expect(holdOf(aGated(two, { approvals: approvedBy(...names) }), 0)?.because).toEqual(because)
  })

  test('given in another role do not count', () => {
    const gated = aGated(two, { approvals: [{ by: 'eva', at: 1, as: 'tester' }] })
    expect(approversOf(gated)).toEqual([])
  })

  test('of authors count where the gate does not say otherwise', () => {
    const gate: Gate = { approve: { role: 'releaser', people: 1, notAuthor: false } }
    expect(holdOf(aGated(gate), 0)?.because).toBe('waits for the approval of 1 releaser')
    expect(holdOf(aGated(gate, { approvals: approvedBy('petra') }), 0)).toBeNull()
  })
})

describe('freezes', () => {
  const gate: Gate = { freeze: [aFreeze(100, 200), aFreeze(150, 300), aFreeze(300, 400)] }
  test.each([
    [99, undefined],
    [100, 400],
    [199, 400],
    [399, 400],
    [400, undefined],
  ])('at %i: until %s', (now, until) => {
    const hold = holdOf(aGated(gate), now)
    expect(hold?.wakeAt).toBe(until)
    if (until !== undefined) expect(hold?.because).toBe('waits until until 400 UTC: frozen')
  })

  test.each([{ purpose: 'revert' }, { bringsBack: true }] as const)('let %j pass', (parts) => {
    const both = { ...gate, approve: { role: 'releaser', people: 1, notAuthor: false } }
    expect(holdOf(aGated(both, parts), 150)).toBeNull()
  })
})

test('one under way does not make room for one that is held, and a queued one does', () => {
  const gate: Gate = { approve: { role: 'releaser', people: 1, notAuthor: true } }
  const view = (id: string, state: Rollout['state'], superseder: string | null, held: Gate) => ({
    ...aGated(held, { id, state }),
    superseder,
  })
  const running = view('ro-1', 'running', 'ro-3', {})
  const queued = view('ro-2', 'queued', 'ro-3', {})
  const seen = withoutHeldSuperseders([running, queued, view('ro-3', 'queued', null, gate)], 0)
  expect(seen.map(({ superseder }) => superseder)).toEqual([null, 'ro-3', null])
  const free = withoutHeldSuperseders([running, view('ro-3', 'queued', null, {})], 0)
  expect(free[0]?.superseder).toBe('ro-3')
})
