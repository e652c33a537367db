import { describe, expect, it } from 'vitest'
import type { Instance, ObservedState, Pool } from './model.ts'
import { planInstances, type InstanceSeen, type ServiceInstancesView, type Wanted } from './plan.ts'

const now = 1_000_000
const at = { tenant: 'default', environment: 'local', app: 'shop' }

describe('the instances planner', () => {
  it('creates what is missing, in the maintenance pool by their making', () => {
    const plan = planInstances(aView({ wanted: { successors: 3, online: 3 } }), now)
    expect(kinds(plan)).toEqual(['create', 'create', 'create'])
  })

  it('promotes only what its agent calls ready', () => {
    const instances = [
      seen('i-a', { pool: 'maintenance', observed: 'ready' }),
      seen('i-b', { pool: 'maintenance', observed: 'warming' }),
    ]
    const plan = planInstances(aView({ instances, wanted: { successors: 2, online: 2 } }), now)
    expect(decisions(plan)).toEqual(['promote i-a'])
  })

  it('keeps successors in maintenance while the rollout wants none online', () => {
    const instances = [seen('i-a', { pool: 'maintenance', observed: 'ready' })]
    const plan = planInstances(aView({ instances, wanted: { successors: 1, online: 0 } }), now)
    expect(decisions(plan)).toEqual([])
  })

  it('never drains a ready predecessor before its successor is ready and online', () => {
    const instances = [
      seen('i-old', { pool: 'online', observed: 'ready', digest: 'old' }),
      seen('i-new', { pool: 'online', observed: 'unhealthy' }),
    ]
    const wanted = { successors: 1, online: 1, predecessors: 0 }
    expect(decisions(planInstances(aView({ instances, wanted }), now))).toEqual([])
    const healed = [instances[0]!, seen('i-new', { pool: 'online', observed: 'ready' })]
    expect(decisions(planInstances(aView({ instances: healed, wanted }), now))).toEqual([
      'drain i-old',
    ])
  })

  it('lets a predecessor that is not ready go without counting it', () => {
    const instances = [
      seen('i-old', { pool: 'online', observed: 'backing-off', digest: 'old' }),
      seen('i-new', { pool: 'online', observed: 'ready' }),
    ]
    const plan = planInstances(aView({ instances, wanted: { successors: 1, online: 1 } }), now)
    expect(decisions(plan)).toEqual(['drain i-old'])
  })

  it('takes nothing away that it has not heard of while too few are known to be ready', () => {
    const instances = [
      seen('i-old', { pool: 'online', digest: 'old' }),
      seen('i-new', { pool: 'online', observed: 'ready' }),
    ]
    const two = { successors: 2, online: 2, predecessors: 0 }
    expect(decisions(planInstances(aView({ instances, wanted: two }), now))).toEqual(['create'])
    const heard = [...instances, seen('i-newer', { pool: 'online', observed: 'ready' })]
    const one = { successors: 2, online: 1, predecessors: 0 }
    expect(decisions(planInstances(aView({ instances: heard, wanted: one }), now))).toEqual([
      'drain i-old',
    ])
  })

  it('keeps what customers are promised where a rollout wants fewer than that', () => {
    const instances = [
      seen('i-a', { pool: 'online', observed: 'ready', digest: 'old' }),
      seen('i-b', { pool: 'online', observed: 'ready', digest: 'old' }),
      seen('i-new', { pool: 'online', observed: 'ready' }),
    ]
    const wanted = { successors: 1, online: 1, predecessors: 1, promised: 3 }
    expect(decisions(planInstances(aView({ instances, wanted }), now))).toEqual([])
    const scaledDown = { ...wanted, promised: 2 }
    expect(decisions(planInstances(aView({ instances, wanted: scaledDown }), now))).toEqual([
      'drain i-b',
    ])
  })

  it('puts another in the place of one that somebody wants replaced, the new one first', () => {
    const old = seen('i-old', { pool: 'online', observed: 'ready' })
    const asked = { ...old, instance: { ...old.instance, replaceAsked: { by: 'ada', at: 1 } } }
    const one = { successors: 1, online: 1, predecessors: 0 }
    expect(decisions(planInstances(aView({ instances: [asked], wanted: one }), now))).toEqual([
      'create',
    ])
    const both = [asked, seen('i-new', { pool: 'online', observed: 'ready' })]
    const plan = planInstances(aView({ instances: both, wanted: one }), now)
    expect(decisions(plan)).toEqual(['drain i-old'])
    expect(plan.because).toContain('ada wants another in its place')
  })

  it('takes nothing away on the word of a node that has fallen silent, and looks again', () => {
    const old = seen('i-old', { pool: 'online', observed: 'ready', digest: 'old' })
    const wanted = { successors: 1, online: 1, predecessors: 0, promised: 1 }
    const planWith = (heardAt: number) => {
      const instances = [old, seen('i-new', { pool: 'online', observed: 'ready', heardAt })]
      return planInstances(aView({ instances, wanted }), now)
    }
    const plan = planWith(now - 7_000)
    expect(decisions(plan)).toEqual([])
    expect(plan.because).toBe('waits for news of 1 online ones, whose nodes are silent')
    expect(plan.wakeAt).toBe(now + 2_000)
    expect(decisions(planWith(now - 5_000))).toEqual(['drain i-old'])
  })

  it('lets a singleton of another release go that no rollout has taken back', () => {
    const instances = [seen('i-other', { pool: 'online', observed: 'ready', digest: 'other' })]
    const wanted = { successors: 1, online: 1, predecessors: 0, singleton: true }
    expect(decisions(planInstances(aView({ instances, wanted }), now))).toEqual(['drain i-other'])
  })

  it('keeps what serves when a rollout comes back to it before it wants any', () => {
    const instances = [
      seen('i-a', { pool: 'online', observed: 'ready' }),
      seen('i-b', { pool: 'online', observed: 'ready', digest: 'other' }),
    ]
    const wanted = { successors: 0, online: 0, predecessors: 2 }
    expect(decisions(planInstances(aView({ instances, wanted }), now))).toEqual([])
  })

  it('stops a drained instance once every ingress has let go of it', () => {
    const instances = [draining('i-a', { since: now - 10 })]
    const gone = [ingress({ appliedRevision: 7 })]
    const busy = [ingress({ appliedRevision: 7, leaving: { 'i-a': 2 } })]
    const late = [ingress({ appliedRevision: 6 })]
    expect(decisions(planInstances(aView({ instances, ingresses: gone }), now))).toEqual([
      'stop i-a',
    ])
    expect(decisions(planInstances(aView({ instances, ingresses: busy }), now))).toEqual([])
    expect(decisions(planInstances(aView({ instances, ingresses: late }), now))).toEqual([])
  })

  it('begins a drain anew that a clock began which was ahead', () => {
    const planWith = (since: number) =>
      planInstances(
        aView({
          instances: [draining('i-a', { since })],
          ingresses: [ingress({ appliedRevision: 7, leaving: { 'i-a': 1 } })],
        }),
        now,
      )
    expect(decisions(planWith(now + 2_308_000))).toEqual(['drain i-a'])
    expect(decisions(planWith(now + 2_000))).toEqual([])
    expect(planWith(now + 2_000).wakeAt).toBe(now + 22_000)
  })

  it('waits for no ingress that has been silent, but for the drain time where none is left', () => {
    const silent = [ingress({ appliedRevision: 1, heardAt: now - 6_000 })]
    const waiting = planInstances(
      aView({ instances: [draining('i-a', { since: now - 10 })], ingresses: silent }),
      now,
    )
    expect(decisions(waiting)).toEqual([])
    expect(waiting.wakeAt).toBe(now - 10 + 20_000)
    const over = aView({ instances: [draining('i-a', { since: now - 20_000 })], ingresses: silent })
    expect(decisions(planInstances(over, now))).toEqual(['stop i-a'])
  })

  it('replaces an instance that its node refuses or lost', () => {
    const instances = [
      seen('i-a', { pool: 'online', observed: 'refused' }),
      seen('i-b', { pool: 'online', observed: 'ready', nodeLost: true }),
    ]
    const plan = planInstances(aView({ instances, wanted: { successors: 2, online: 2 } }), now)
    expect(decisions(plan)).toEqual(['stop i-a', 'stop i-b', 'create', 'create'])
  })

  it('ends what was told to stop as soon as its agent says it is gone', () => {
    const instances = [
      seen('i-a', { observed: 'stopping', desired: 'stopped' }),
      seen('i-b', { observed: 'exited', desired: 'stopped' }),
      seen('i-c', { observed: 'refused', desired: 'stopped' }),
    ]
    expect(decisions(planInstances(aView({ instances }), now))).toEqual(['end i-b', 'end i-c'])
  })

  it('takes the least useful first when fewer are wanted', () => {
    const instances = [
      seen('i-old', { pool: 'online', observed: 'ready', createdAt: 1 }),
      seen('i-young', { pool: 'online', observed: 'ready', createdAt: 2 }),
      seen('i-starting', { pool: 'online', observed: 'starting', createdAt: 0 }),
    ]
    const plan = planInstances(aView({ instances, wanted: { successors: 1, online: 1 } }), now)
    expect(decisions(plan)).toEqual(['drain i-starting', 'drain i-young'])
  })

  it('starts no second singleton before the first has ended', () => {
    const wanted = { successors: 1, online: 1, singleton: true }
    const leaving = [seen('i-a', { digest: 'old', desired: 'stopped', observed: 'stopping' })]
    const gone = [seen('i-a', { digest: 'old', desired: 'stopped', observed: 'exited' })]
    expect(kinds(planInstances(aView({ instances: leaving, wanted }), now))).toEqual([])
    expect(kinds(planInstances(aView({ instances: gone, wanted }), now))).toEqual(['end'])
    expect(kinds(planInstances(aView({ wanted }), now))).toEqual(['create'])
  })

  it('ends a singleton on a lost node only once its lease is over, and creates none before (S1)', () => {
    const wanted = { successors: 1, online: 1, singleton: true }
    const lost = { ...seen('i-a', { desired: 'stopped', nodeLost: true }), leaseLeftMs: 900 }
    const waiting = planInstances(aView({ instances: [lost], wanted }), now)
    expect(kinds(waiting)).toEqual([])
    expect(waiting.wakeAt).toBe(now + 900)
    const over = planInstances(aView({ instances: [{ ...lost, leaseLeftMs: 0 }], wanted }), now)
    expect(kinds(over)).toEqual(['end'])
    const unleased = { ...lost, leaseLeftMs: Infinity }
    const asking = planInstances(aView({ instances: [unleased], wanted }), now)
    expect(kinds(asking)).toEqual([])
    expect(asking.because).toContain('nodes give-up node-1')
  })

  it('forgets ended instances beyond its bound, the oldest first', () => {
    const ended = Array.from({ length: 12 }, (_, index) => `i-${index}`)
    expect(decisions(planInstances(aView({ ended }), now))).toEqual(['forget i-0', 'forget i-1'])
  })
})

function decisions(plan: ReturnType<typeof planInstances>): string[] {
  return plan.actions.map((action) => `${action.type} ${'id' in action ? action.id : ''}`.trim())
}

function kinds(plan: ReturnType<typeof planInstances>): string[] {
  return plan.actions.map((action) => action.type)
}

function aView(
  parts: Partial<Omit<ServiceInstancesView, 'wanted'>> & { wanted?: Partial<Wanted> },
): ServiceInstancesView {
  const wanted = {
    target: { releaseId: 'rel-1', specDigest: 'new' },
    successors: 0,
    online: 0,
    predecessors: 0,
    promised: 0,
    singleton: false,
    ...parts.wanted,
  }
  return { service: 'web', instances: [], ended: [], ingresses: [], ...parts, wanted }
}

function ingress(parts: { appliedRevision: number; heardAt?: number; leaving?: object }) {
  const leaving = (parts.leaving ?? {}) as Record<string, number>
  return { heardAt: now, ...parts, leaving }
}

function draining(id: string, parts: { since: number }): InstanceSeen {
  const base = seen(id, { pool: 'draining', observed: 'ready', digest: 'old' })
  return { ...base, instance: { ...base.instance, drainingSince: parts.since } }
}

function seen(
  id: string,
  parts: {
    pool?: Pool
    observed?: ObservedState
    digest?: string
    desired?: Instance['desired']
    createdAt?: number
    nodeLost?: boolean
    heardAt?: number
  },
): InstanceSeen {
  const instance: Instance = {
    id,
    at,
    service: 'web',
    purpose: 'service',
    releaseId: 'rel-1',
    specDigest: parts.digest ?? 'new',
    resources: { cpu: 0.1, memoryBytes: 1, diskBytes: 1 },
    needsPort: true,
    state: 'placed',
    desired: parts.desired ?? 'running',
    pool: parts.pool ?? 'maintenance',
    drainingSince: null,
    placement: { nodeId: 'node-1', port: 21_000 },
    unplaced: null,
    because: 'test',
    createdAt: parts.createdAt ?? 0,
    ended: null,
  }
  const observed =
    parts.observed === undefined
      ? undefined
      : {
          instanceId: id,
          state: parts.observed,
          because: parts.observed,
          since: 0,
          runs: 1,
          pid: 1,
          lastExit: null,
          warmedUp: null,
        }
  const { nodeLost = false, heardAt = now } = parts
  return { instance, revision: 7, observed, nodeLost, heardAt, drainMs: 20_000 }
}
