import { describe, expect, it } from 'vitest'
import { aChange } from './plan-seal.fixture.ts'
import { chainStart } from './model.ts'
import { hashOf, lineOf, planGap, planSeal } from './plan-seal.ts'

describe('what is sealed', () => {
  it('is written in one form, whatever the order of the fields', () => {
    const [record] = planSeal(undefined, [aChange(1)])
    if (record === undefined) throw new Error('nothing was sealed')
    expect(lineOf(record)).toBe(
      lineOf(Object.fromEntries(Object.entries(record).toReversed()) as typeof record),
    )
    expect(Object.keys(JSON.parse(lineOf(record)) as object)).toEqual(
      Object.keys(record).toSorted(),
    )
    expect(lineOf(record)).not.toContain('\n')
  })

  it('chains each record to the one before, and the first to nothing', () => {
    const records = planSeal(undefined, [aChange(7), aChange(8), aChange(9)])
    expect(records.map(({ revision }) => revision)).toEqual([7, 8, 9])
    expect(records[0]?.previous).toBe(chainStart)
    expect(records[1]?.previous).toBe(records[0]?.hash)
    expect(records[2]?.previous).toBe(records[1]?.hash)
    for (const record of records) expect(hashOf(record)).toBe(record.hash)
  })

  it('passes over what is sealed already, and gives the same records a second time', () => {
    const changes = [aChange(1), aChange(2), aChange(3)]
    const once = planSeal(undefined, changes)
    const rest = planSeal(once[0], changes)
    expect(rest).toEqual(once.slice(1))
  })

  it('has another digest for other operations under the same words', () => {
    const [one] = planSeal(undefined, [aChange(1, { scale: 2 })])
    const [other] = planSeal(undefined, [aChange(1, { scale: 3 })])
    expect(one?.operations).not.toBe(other?.operations)
    expect(one?.hash).not.toBe(other?.hash)
  })

  it('never leaves a commit out', () => {
    expect(() => planSeal(undefined, [aChange(1), aChange(3)])).toThrow('left out')
  })

  it('admits a gap in the chain', () => {
    const [tip] = planSeal(undefined, [aChange(1)])
    if (tip === undefined) throw new Error('nothing was sealed')
    const gap = planGap(tip, 40, 5)
    expect(gap).toMatchObject({ from: 2, revision: 40, previous: tip.hash, what: 'audit.gap' })
    expect(planSeal(gap, [aChange(41)])[0]?.previous).toBe(gap.hash)
  })
})
