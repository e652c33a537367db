import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeLostAfterMs } from './model.ts'
import { massLossWindowMs, planNodeHealth, type NodeSeen } from './plan.ts'

const since = 1_000_000
const now = since + 60 * 60_000

function aNode(id: string, parts: Partial<NodeSeen> = {}): NodeSeen {
  return { id, heardAt: now - 1, lostSince: null, knownLostForMs: 0, confirmed: false, ...parts }
}

const silent = { heardAt: now - nodeLostAfterMs }

function types(node: NodeSeen, others: readonly NodeSeen[], at = now): string[] {
  const view = { node, all: [node, ...others], listeningSince: since }
  return planNodeHealth(view, at).actions.map(({ type }) => type)
}

const others = (count: number): NodeSeen[] =>
  Array.from({ length: count }, (_, index) => aNode(`n${index}`))

describe('the nodes planner', () => {
  it('gives a silent node up, and takes it back when it is heard', () => {
    expect(types(aNode('a', silent), others(3))).toEqual(['give-up'])
    expect(types(aNode('a'), others(3))).toEqual([])
    expect(types(aNode('a', { lostSince: now - 5 }), others(3))).toEqual(['welcome-back'])
  })

  it('gives nobody up while the server has not listened for long enough', () => {
    const early = since + nodeLostAfterMs - 1
    expect(types(aNode('a', { heardAt: null }), others(3), early)).toEqual([])
  })

  it('gives none up when more than three in ten are silent together, nor the only one', () => {
    const crowd = [...others(6), ...others(3).map((node) => ({ ...node, ...silent }))]
    expect(types(aNode('a', silent), crowd)).toEqual([])
    expect(types(aNode('a', silent), [])).toEqual([])
  })

  it('counts those that were lost one by one within the window', () => {
    const lost = { ...silent, lostSince: now - 5, knownLostForMs: massLossWindowMs - 1 }
    const crowd = [...others(6), ...others(3).map((node) => ({ ...node, ...lost }))]
    expect(types(aNode('a', silent), crowd)).toEqual([])
  })

  it('counts neither what was lost long ago nor what a person gave up', () => {
    const long = { ...silent, lostSince: now - 5, knownLostForMs: massLossWindowMs }
    const days = { ...silent, lostSince: now - 48 * 3_600_000 }
    const said = { ...silent, lostSince: now - 1, confirmed: true }
    for (const state of [long, days, said]) {
      const crowd = [...others(4), ...others(5).map((node) => ({ ...node, ...state }))]
      expect(types(aNode('a', silent), crowd)).toEqual(['give-up'])
    }
  })

  it('keeps counting a loss of just now when the wall clock jumps forward', () => {
    const lost = { ...silent, lostSince: now - 4 * massLossWindowMs, knownLostForMs: 1_000 }
    const crowd = [...others(3), { ...aNode('lost'), ...lost }]
    expect(types(aNode('a', silent), crowd)).toEqual([])
  })

  it('never gives more than 30 % up in one window, in whichever order nodes fall silent (S17)', () => {
    const fleet = fc.integer({ min: 4, max: 40 })
    const order = fc.array(fc.nat({ max: 39 }), { maxLength: 40 })
    fc.assert(
      fc.property(fleet, order, (size, falls) => {
        const nodes = others(size)
        for (const [step, index] of falls.entries()) {
          const at = now + step * 1_000
          const node = nodes[index % size]
          if (node === undefined) continue
          const fallen = { ...node, heardAt: at - nodeLostAfterMs }
          nodes[index % size] = fallen
          const seen = nodes.map((one) =>
            one.lostSince === null && one !== fallen ? { ...one, heardAt: at } : one,
          )
          const view = { node: fallen, all: seen, listeningSince: since }
          const gives = planNodeHealth(view, at).actions.some(({ type }) => type === 'give-up')
          if (gives) nodes[index % size] = { ...fallen, lostSince: at }
        }
        const lost = nodes.filter(({ lostSince }) => lostSince !== null).length
        expect(lost).toBeLessThanOrEqual(Math.max(1, size * 0.3))
      }),
    )
  })
})
