import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planDifference } from './plan-difference.ts'

describe('the difference of two versions', () => {
  it('names each field that changed, came or went, by its path', () => {
    const before = { at: { app: 'shop' }, scale: { web: 2 }, stopped: ['a'], gone: 1, same: [1] }
    const after = { at: { app: 'shop' }, scale: { web: 3, api: 1 }, stopped: [], same: [1] }
    expect(planDifference(before, after)).toEqual([
      { path: 'scale.web', before: 2, after: 3 },
      { path: 'scale.api', after: 1 },
      { path: 'stopped', before: ['a'], after: [] },
      { path: 'gone', before: 1 },
    ])
  })

  it('goes into lists of objects, and into what became an object', () => {
    const before = { steps: [{ state: 'waiting' }], placement: null }
    const after = { steps: [{ state: 'done' }, { state: 'new' }], placement: { nodeId: 'n' } }
    expect(planDifference(before, after)).toEqual([
      { path: 'steps.0.state', before: 'waiting', after: 'done' },
      { path: 'steps.1.state', after: 'new' },
      { path: 'placement', before: null, after: { nodeId: 'n' } },
    ])
  })

  it('tells all fields of what was created, and of what was deleted', () => {
    expect(planDifference(undefined, { a: 1, b: {} })).toEqual([
      { path: 'a', after: 1 },
      { path: 'b', after: {} },
    ])
    expect(planDifference({ a: 1 }, undefined)).toEqual([{ path: 'a', before: 1 }])
  })

  it('cuts long values, and stops at a hundred fields', () => {
    const [field] = planDifference({ text: '' }, { text: 'x'.repeat(10_000) })
    expect(String(field?.after)).toHaveLength(400)
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`f${n}`, n]))
    expect(planDifference({}, many)).toHaveLength(100)
  })

  it('is empty exactly for data that is the same', () => {
    const data = fc.jsonValue({ maxDepth: 3 })
    fc.assert(
      fc.property(data, data, (a, b) => {
        expect(planDifference(a, structuredClone(a))).toEqual([])
        const isSame = JSON.stringify(a) === JSON.stringify(b)
        const isReordered = sortedText(a) === sortedText(b)
        if (!isSame && !isReordered) expect(planDifference(a, b)).not.toEqual([])
      }),
    )
  })
})

function sortedText(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
