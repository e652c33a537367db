import { expect, test } from 'vitest'
import type { EventView } from '../../../../src/wire/api.ts'
import { runsOf, subjectOf } from './event-runs.ts'

let revision = 100

function anEvent(part: Partial<EventView> = {}): EventView {
  const keys = ['instance/cz/prod/shop/i-1']
  return {
    revision: revision--,
    at: 0,
    who: 'instances',
    what: 'instance.create',
    why: '',
    keys,
    ...part,
  }
}

test('neighbours of the same who, what and subject are told once, with their number', () => {
  const other = anEvent({ who: 'operator' })
  const runs = runsOf([anEvent(), anEvent(), other, anEvent()])
  expect(runs.map(({ times }) => times)).toEqual([2, 1, 1])
})

test('the same of another app begins a run of its own', () => {
  const runs = runsOf([anEvent(), anEvent({ keys: ['instance/sk/prod/shop/i-2'] })])
  expect(runs).toHaveLength(2)
})

test("the server's own bookkeeping is left out and parts no run", () => {
  const runs = runsOf([anEvent(), anEvent({ what: 'idempotency.keep', who: 'server' }), anEvent()])
  expect(runs.map(({ times }) => times)).toEqual([2])
})

test('a commit that touched a rollout leads to it', () => {
  const keys = ['app/cz/prod/shop/-', 'rollout/cz/prod/shop/ro-1']
  const rollout = { environment: 'prod', tenant: 'cz', app: 'shop', id: 'ro-1' }
  expect(subjectOf(anEvent({ keys }))).toEqual({ name: 'shop', cell: 'prod/cz', rollout })
})

test('a node is named by its id, and what has no name has no subject', () => {
  expect(subjectOf(anEvent({ keys: ['node/-/-/-/node-1'] }))).toEqual({ name: 'node-1' })
  expect(subjectOf(anEvent({ keys: ['token/-/-/-/t'] }))).toBeUndefined()
})
