import { describe, expect, it } from 'vitest'
import type { Release, ServiceSpec } from '../../src/parts/apps/model.ts'
import { instanceKind } from '../../src/parts/instances/records.ts'
import { isOver } from '../../src/parts/rollouts/model.ts'
import { aService, World } from '../fixtures/world.ts'

/** Rollouts on a node that is full: a portion takes the room of predecessors. */

const seeds = Array.from({ length: 8 }, (_, index) => index + 1)
/** The node has 16 cores. */
const quarter = { cpu: 4, memoryBytes: 1, diskBytes: 1 }
const steps: Release['steps'] = [
  { kind: 'maintenance', portion: 0.25, min: 1 },
  { kind: 'test', run: ['node', 'test.js'], timeoutMs: 10_000 },
  { kind: 'remaining', batch: 0.25, pauseMs: 0 },
]

function web(text: string, instances: number, parts: Partial<ServiceSpec> = {}): ServiceSpec {
  const route = { host: 'web.localhost', path: '/', expose: 'public' } as const
  return aService('web', text, { instances, route, resources: quarter, ...parts })
}

/** What is online, by release. */
function online(world: World): string[] {
  const all = [...world.state.snapshot.list(instanceKind)].map(({ value }) => value)
  return all.flatMap(({ pool, state, releaseId }) =>
    pool === 'online' && state === 'placed' ? [releaseId] : [],
  )
}

async function over(world: World, id: string): Promise<string> {
  expect(await world.runUntil(() => isOver(world.rollout(id).state))).toBe(true)
  return world.rollout(id).state
}

/** A world whose node is full of four instances under load. */
async function fullWorld(seed: number): Promise<World> {
  const world = await World.open(seed)
  // The test itself needs a little room.
  const first = [web('v1', 3), web('v1', 1, { name: 'api', resources: { ...quarter, cpu: 3.5 } })]
  expect(await over(world, await world.deploy(first))).toBe('done')
  world.load = true
  return world
}

describe('a rollout without room beside what runs', () => {
  it.each(seeds)('takes the room of a portion, and costs no request (seed %i)', async (seed) => {
    const world = await fullWorld(seed)
    world.ingress.atLeast.set('web', 2)
    const api = web('v1', 1, { name: 'api', resources: { ...quarter, cpu: 3.5 } })
    const id = await world.deploy([web('v2', 3), api], { steps })
    const lent = (): number => world.rollout(id).targets[0]?.lent ?? 0
    expect(await world.runUntil(() => lent() === 1)).toBe(true)
    expect(await over(world, id)).toBe('done')
    expect(world.ingress.violations).toEqual([])
    expect(world.ingress.failed).toBe(0)
    expect(online(world).toSorted()).toEqual(['rel-1', 'rel-2', 'rel-2', 'rel-2'])
  })

  it.each(seeds)('gives it back when it reverts (seed %i)', async (seed) => {
    const world = await fullWorld(seed)
    world.ingress.atLeast.set('web', 2)
    const api = web('v1', 1, { name: 'api', resources: { ...quarter, cpu: 3.5 } })
    const id = await world.deploy([web('v2', 3), api], { steps, version: 'bad-jobs' })
    expect(await over(world, id)).toBe('reverted')
    expect(world.ingress.violations).toEqual([])
    expect(world.ingress.failed).toBe(0)
    expect(online(world)).toEqual(['rel-1', 'rel-1', 'rel-1', 'rel-1'])
  })

  it('never takes that of the last one: the release is what has to wait', async () => {
    const world = await World.open(3)
    const big = { ...quarter, cpu: 15 }
    await over(world, await world.deploy([web('v1', 1, { resources: big })]))
    world.load = true
    world.ingress.atLeast.set('web', 1)
    const id = await world.deploy([web('v2', 1, { resources: big })], { steps })
    expect(await over(world, id)).toBe('reverted')
    expect(world.rollout(id).because).toMatch(/no node can take it.*cpu/)
    expect([world.ingress.failed, world.ingress.violations]).toEqual([0, []])
    expect(online(world)).toEqual(['rel-1'])
  })
})
