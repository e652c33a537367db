import { expect, test } from 'vitest'
import { tablesInUse, type IngressSeen } from './plan-tables.ts'

const now = 100_000

function inUse(ingresses: readonly IngressSeen[], since = 0): ReturnType<typeof tablesInUse> {
  return tablesInUse({ ingresses, since, revision: 7 }, now)
}

test('the oldest table of any ingress that speaks counts', () => {
  const seen = [
    { heardAt: now - 10, appliedRevision: 9 },
    { heardAt: now - 1_000, appliedRevision: 7 },
  ]
  expect(inUse(seen)).toEqual({ applied: 7, wakeAt: undefined })
})

test('one that is behind is looked at again when it may count as lost', () => {
  const seen = [
    { heardAt: now - 10, appliedRevision: 9 },
    { heardAt: now - 4_000, appliedRevision: 3 },
  ]
  expect(inUse(seen)).toEqual({ applied: 3, wakeAt: now + 1_001 })
})

test('one that is silent is waited for no longer', () => {
  const seen = [
    { heardAt: now - 10, appliedRevision: 9 },
    { heardAt: now - 5_001, appliedRevision: 3 },
  ]
  expect(inUse(seen)).toEqual({ applied: 9, wakeAt: undefined })
})

test('a server that has just begun to listen waits for the first word', () => {
  expect(inUse([], now - 1_000)).toEqual({ applied: -Infinity, wakeAt: now + 4_001 })
  expect(inUse([], now - 5_001)).toEqual({ applied: Infinity, wakeAt: undefined })
})
