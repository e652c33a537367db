import { describe, expect, test } from 'vitest'
import { aRelease, aSpec } from '../../../test/fixtures/records.ts'
import type { NodeView } from '../scheduling/model.ts'
import { planFit, type FitQuestion } from './plan-fit.ts'

const spec = aSpec({ resources: { cpu: 1, memoryBytes: 1, diskBytes: 1 } })

function aNodeView(cpu: number, used: number): NodeView {
  return {
    id: 'node-1',
    zone: 'a',
    address: '127.0.0.1',
    capacity: { cpu, memoryBytes: 100, diskBytes: 100 },
    used: { cpu: used, memoryBytes: used, diskBytes: used },
    runsImages: false,
    enforcesLimits: false,
    buildsImages: false,
    isolatesPorts: false,
    showsMounts: false,
    portsFrom: 1,
    portsTo: 100,
    portsUsed: new Set([1]),
    portCursor: 1,
    groups: new Map([['old', used]]),
    heardAt: 0,
  }
}

function aQuestion(node: NodeView, first: number, all: number): FitQuestion {
  const leaving = { service: 'web', nodeId: 'node-1', port: 1, group: 'old' }
  return {
    placement: { nodes: [node], listeningSince: 0 },
    release: aRelease({ services: [spec] }),
    arriving: [{ spec, first, all }],
    leaving: [{ ...leaving, resources: spec.resources }],
  }
}

describe('whether a deploy fits', () => {
  test('is yes where the first portion fits beside what runs and the rest once it has gone', () => {
    expect(planFit(aQuestion(aNodeView(2, 1), 1, 2), 0)).toEqual([
      { service: 'web', fits: true, because: 'room for 2 more', fix: null },
    ])
  })

  test('is no where the first portion has no room beside what runs', () => {
    const [fit] = planFit(aQuestion(aNodeView(1, 1), 1, 1), 0)
    expect(fit?.fits).toBe(false)
    expect(fit?.because).toMatch(/cpu.*\(beside what runs\)$/)
    expect(fit?.fix).toBeTruthy()
  })

  test('is yes where a predecessor that is not the last one gives its room', () => {
    const question = aQuestion(aNodeView(2, 2), 1, 2)
    const leaving = question.leaving.flatMap((one) => [one, { ...one, port: 2 }])
    expect(planFit({ ...question, leaving }, 0)).toEqual([
      {
        service: 'web',
        fits: true,
        because: 'no room beside what runs: the first one takes the place of a predecessor',
        lends: 1,
        fix: null,
      },
    ])
  })

  test('is no where all of it is too much even then', () => {
    const [fit] = planFit(aQuestion(aNodeView(2, 1), 1, 3), 0)
    expect(fit?.because).toMatch(/\(once those before it have gone\)$/)
  })

  test('is not worked out for more than a pass may place', () => {
    expect(planFit(aQuestion(aNodeView(2, 1), 1, 501), 0)[0]?.because).toMatch(/^not worked out/)
  })
})
