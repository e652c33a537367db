import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../base/random.ts'
import { Sides } from './sides.ts'

const groups = (canary: number, baseline: number) => [
  { name: 'canary' as const, share: canary, instanceIds: ['a'] },
  { name: 'baseline' as const, share: baseline, instanceIds: ['b', 'c'] },
]

describe('sides', () => {
  test('are drawn by their shares, at the borders exactly', () => {
    const sides = new Sides({ groups: groups(0.25, 0.25), sticky: false })
    const at = (float: number) => sides.draw({ ...seededRandom(1), float: () => float })
    expect([0, 0.2499, 0.25, 0.4999, 0.5, 0.9999].map(at)).toEqual([
      'canary',
      'canary',
      'baseline',
      'baseline',
      'rest',
      'rest',
    ])
  })

  test('without a share are never drawn, however floats add up', () => {
    const sides = new Sides({ groups: groups(0.7, 0.3), sticky: true })
    expect(sides.draw({ ...seededRandom(1), float: () => 1 - 2 ** -48 })).toBe('baseline')
    expect(sides.has('rest')).toBe(false)
    expect(new Sides({ groups: groups(0, 1), sticky: true }).has('canary')).toBe(false)
  })

  test('know their instances; any other is the rest', () => {
    const sides = new Sides({ groups: groups(0.1, 0.1), sticky: false })
    expect(['a', 'b', 'c', 'd'].map((id) => sides.sideOf(id))).toEqual([
      'canary',
      'baseline',
      'baseline',
      'rest',
    ])
    expect([sides.has('rest'), sides.has('other'), sides.has(undefined)]).toEqual([
      true,
      false,
      false,
    ])
  })
})
