import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { planInstances, type InstanceSeen } from '../../src/parts/instances/plan.ts'
import {
  nextGoal,
  progressOfService,
  type ServiceProgress,
} from '../../src/parts/rollouts/plan-targets.ts'
import { anInstance, anObserved, shop } from '../fixtures/records.ts'

/** Rule 10: both planners together, batch after batch, over predecessors in any zones. */

const service = 'web'

function predecessors(zones: readonly number[]): InstanceSeen[] {
  return zones.flatMap((zone, index) => {
    const id = `i-${index}`
    const instance = anInstance({ id, service, specDigest: 'old', createdAt: index })
    const observed = anObserved({ instanceId: id })
    return [
      {
        instance,
        revision: 1,
        observed,
        nodeLost: false,
        heardAt: 0,
        zone: `z${zone}`,
        drainMs: 0,
      },
    ]
  })
}

function successors(count: number): InstanceSeen[] {
  return Array.from({ length: count }, (_, index) => {
    const id = `n-${index}`
    const instance = anInstance({ id, service, specDigest: 'new', createdAt: 1_000 + index })
    return {
      instance,
      revision: 1,
      observed: anObserved({ instanceId: id }),
      nodeLost: false,
      heardAt: 0,
      drainMs: 0,
    }
  })
}

function progress(count: number, online: number, left: readonly InstanceSeen[]): ServiceProgress {
  const othersOnline: Record<string, number> = {}
  for (const { zone = '' } of left) othersOnline[zone] = (othersOnline[zone] ?? 0) + 1
  const target = { releaseId: 'rel-2', specDigest: 'new' }
  return progressOfService(
    {
      change: { service, target, count, singleton: false },
      target: { service, target, successors: online, online, predecessors: left.length },
      successors: [],
      others: left.length,
      othersOnline,
      baseline: [],
    },
    1,
  )
}

/** The zones of each batch's victims, in order. */
function batches(zones: readonly number[], batch: number): string[][] {
  let left = predecessors(zones)
  const count = left.length
  const found: string[][] = []
  for (let online = 0; online < count;) {
    online = nextGoal(progress(count, online, left), batch)
    const wanted = {
      target: { releaseId: 'rel-2', specDigest: 'new' },
      successors: online,
      online,
      predecessors: count - online,
      promised: count,
      singleton: false,
    }
    const instances = [...left, ...successors(online)]
    const view = { at: shop, service, wanted, instances, ended: [], ingresses: [] }
    const gone = new Set(
      planInstances(view, 0).actions.flatMap((action) =>
        action.type === 'drain' ? [action.id] : [],
      ),
    )
    found.push(left.filter((seen) => gone.has(seen.instance.id)).map(({ zone = '' }) => zone))
    left = left.filter((seen) => !gone.has(seen.instance.id))
  }
  return found
}

const someZones = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 40 })
const someBatch = fc.double({ min: 0.05, max: 1, noNaN: true })

test('no batch takes predecessors of two zones, and a zone that was begun is finished first', () => {
  fc.assert(
    fc.property(someZones, someBatch, (zones, batch) => {
      const all = batches(zones, batch)
      for (const one of all) expect(new Set(one).size).toBe(1)
      const order = all.map(([zone]) => zone)
      const visits = order.filter((zone, index) => zone !== order[index - 1])
      expect(visits).toHaveLength(new Set(order).size)
    }),
  )
})

test('zones cost a rollout one more batch each at the most', () => {
  fc.assert(
    fc.property(someZones, someBatch, (zones, batch) => {
      const atOnce = Math.max(1, Math.ceil(zones.length * batch - 1e-9))
      const without = Math.ceil(zones.length / atOnce)
      expect(batches(zones, batch).length).toBeLessThanOrEqual(without + new Set(zones).size)
    }),
  )
})
