import { describe, expect, it } from 'vitest'
import type { Entry } from '../../store/port.ts'
import type { RefusedAccess } from './model.ts'
import { addRefusal, callersMax, planRefusals } from './plan-refusals.ts'

function counting(requests: readonly (readonly [code: string, address: string])[]) {
  const counted = new Map<string, RefusedAccess>()
  for (const [index, [code, address]] of requests.entries()) {
    addRefusal(counted, { code, address, caller: '-', at: index })
  }
  return counted
}

describe('refused access', () => {
  it('is one record for each caller and reason, with a count', () => {
    const counted = counting([
      ['token-invalid', '10.0.0.1'],
      ['token-invalid', '10.0.0.1'],
      ['token-invalid', '10.0.0.2'],
    ])
    const { put, why } = planRefusals(counted, [])
    expect(put.map(({ address, count, lastAt }) => [address, count, lastAt])).toEqual([
      ['10.0.0.1', 2, 1],
      ['10.0.0.2', 1, 2],
    ])
    expect(why).toBe(
      '3 refused: token-invalid from 10.0.0.1 (2 times), token-invalid from 10.0.0.2',
    )
  })

  it('is one commit that fits, however many callers there are', () => {
    const many = Array.from({ length: 10_000 }, (_, n) => ['token-invalid', `a${n}`] as const)
    const counted = counting(many)
    expect(counted.size).toBe(callersMax + 1)
    expect([...counted.values()].at(-1)).toMatchObject({
      address: 'others',
      count: 10_000 - callersMax,
    })
    const { put, remove, why } = planRefusals(counted, Array.from({ length: 200 }, aKnown))
    expect(put.length + remove.length).toBeLessThanOrEqual(100)
    expect(remove.map(({ value }) => value.lastAt)).toEqual(put.map((_, index) => index))
    expect(why.length).toBeLessThan(300)
  })
})

function aKnown(_: unknown, lastAt: number): Entry<RefusedAccess> {
  const id = String(lastAt).padStart(16, '0')
  const value = { id, code: 'role-refused', address: 'b', caller: '-', count: 1, lastAt }
  return {
    key: `refusal/-/-/-/${id}` as Entry<RefusedAccess>['key'],
    value,
    revision: 1,
    createdRevision: 1,
  }
}
