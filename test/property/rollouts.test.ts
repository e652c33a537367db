import { describe, expect, it } from 'vitest'
import type { Release } from '../../src/parts/apps/model.ts'
import { instanceKind } from '../../src/parts/instances/records.ts'
import { isOver } from '../../src/parts/rollouts/model.ts'
import { at, aService, World } from '../fixtures/world.ts'

const seeds = Array.from({ length: 12 }, (_, index) => index + 1)

describe('rollouts over the real controllers', () => {
  it.each(seeds)('carry a release in without a failed request (seed %i)', async (seed) => {
    const world = await World.open(seed)
    const count = 1 + (seed % 6)
    await settle(world, await world.deploy([web('v1', count), api('v1', 2)]))
    expect(online(world)).toEqual([`rel-1 x${count + 2}`])
    world.load = true
    world.ingress.atLeast.set('web', count).set('api', 2)
    const id = await world.deploy([web('v2', count), api('v2', 2)])
    await settle(world, id)
    expect(world.rollout(id)).toMatchObject({ state: 'done', ledger: { during: { failed: 0 } } })
    expect(world.rollout(id).ledger.during?.sent).toBeGreaterThan(0)
    expect(world.ingress.failed).toBe(0)
    expect(world.ingress.violations).toEqual([])
    expect(world.app.releaseId).toBe('rel-2')
    expect(online(world)).toEqual([`rel-2 x${count + 2}`])
  })

  it('leave the instances of an unchanged service alone', async () => {
    const world = await World.open(1)
    await settle(world, await world.deploy([web('v1', 2), api('v1', 2)]))
    const before = world.agent.running()
    await settle(world, await world.deploy([web('v2', 2), api('v1', 2)]))
    const kept = world.agent.running().filter((id) => before.includes(id))
    expect(kept).toHaveLength(2)
    expect(online(world).toSorted()).toEqual(['rel-1 x2', 'rel-2 x2'])
  })

  it.each(['never-ready', 'crashes'] as const)('revert a version that %s', async (version) => {
    const world = await World.open(3)
    await settle(world, await world.deploy([web('v1', 2)]))
    world.load = true
    world.ingress.atLeast.set('web', 2)
    const id = await world.deploy([web('v2', 2)], { version })
    await settle(world, id)
    expect(world.ingress.violations).toEqual([])
    expect(world.rollout(id).state).toBe('reverted')
    expect(world.rollout(id).because).toMatch(/release 1 \(good\) runs again/)
    expect(world.ingress.failed).toBe(0)
    expect(online(world)).toEqual(['rel-1 x2'])
  })

  it('say what the last instance waited for when they revert for want of time', async () => {
    const world = await World.open(3)
    const id = await world.deploy([web('v1', 1)], { version: 'never-ready' })
    await settle(world, id)
    expect(world.rollout(id).because).toMatch(
      /^0 of 1 instances of web ready: \w+.* \(waited 120 s\)/,
    )
  })

  it('are not held up by instances whose port was held by another process', async () => {
    const world = await World.open(5)
    world.agent.portsHeld = 2
    await settle(world, await world.deploy([web('v1', 3)]))
    world.load = true
    const id = await world.deploy([web('v2', 3)])
    world.agent.portsHeld = 1
    await settle(world, id)
    expect(world.rollout(id)).toMatchObject({ state: 'done', ledger: { during: { failed: 0 } } })
    const left = [...world.state.snapshot.list(instanceKind)].filter(
      ({ value }) => value.state !== 'ended',
    )
    expect(left).toHaveLength(3)
  })

  it('revert at once where an archive is refused: no other attempt ends differently', async () => {
    const world = await World.open(3)
    await settle(world, await world.deploy([web('v1', 2)]))
    const id = await world.deploy([web('v2', 2)], { version: 'cannot-unpack' })
    await settle(world, id)
    const { state, startedAt, endedAt } = world.rollout(id)
    expect(state).toBe('reverted')
    expect((endedAt ?? Infinity) - (startedAt ?? 0)).toBeLessThan(10_000)
    expect(online(world)).toEqual(['rel-1 x2'])
  })

  it('revert when a request failed, and say how many', async () => {
    const world = await World.open(4)
    await settle(world, await world.deploy([web('v1', 3)]))
    world.load = true
    const id = await world.deploy([web('v2', 3)], { version: 'fails-requests' })
    await settle(world, id)
    expect(world.rollout(id).state).toBe('reverted')
    expect(world.rollout(id).because).toMatch(/of \d+ requests failed \(\d+ reset\)/)
    expect(online(world)).toEqual(['rel-1 x3'])
  })

  it('run the test against the maintenance pool and revert when it fails', async () => {
    const steps: Release['steps'] = [
      { kind: 'maintenance', portion: 0.5, min: 1 },
      { kind: 'test', run: ['node', 'test.js'], timeoutMs: 10_000 },
      { kind: 'remaining', batch: 1, pauseMs: 0 },
    ]
    const world = await World.open(5)
    const first = await world.deploy([web('v1', 2)], { steps })
    await settle(world, first)
    expect(world.rollout(first).steps.map((step) => `${step.kind} ${step.state}`)).toEqual([
      'maintenance done',
      'test done',
      'online done',
      'remaining done',
    ])
    const second = await world.deploy([web('v2', 2)], { steps, version: 'never-ready' })
    await settle(world, second)
    expect(world.rollout(second).state).toBe('reverted')
  })

  it('bring what a new service needs online before it starts, when nobody else can call it', async () => {
    const world = await World.open(11)
    const shop = aService('shop', 'v1', {
      needs: ['api'],
      route: { host: 'shop.localhost', path: '/', expose: 'public' },
    })
    const id = await world.deploy([shop, api('v1', 1)])
    const isStarted = (): boolean => pools(world).some((pool) => pool.startsWith('shop'))
    expect(await world.runUntil(isStarted)).toBe(true)
    expect(pools(world)).toEqual(['api online', 'shop maintenance', 'shop maintenance'])
    await settle(world, id)
    expect(world.rollout(id).state).toBe('done')
  })

  it('queue behind one another, or supersede safely', async () => {
    const world = await World.open(6)
    await settle(world, await world.deploy([web('v1', 4)]))
    world.load = true
    world.ingress.atLeast.set('web', 4)
    const second = await world.deploy([web('v2', 4)])
    await world.run(600)
    const third = await world.deploy([web('v3', 4)])
    await world.run(100)
    expect(world.rollout(third)).toMatchObject({
      state: 'queued',
      because: `waits for ${second} to end`,
    })
    const fourth = await world.deploy([web('v4', 4)], { supersede: true })
    await settle(world, fourth)
    expect(world.rollout(second).state).toBe('superseded')
    expect(world.rollout(third).state).toBe('superseded')
    expect(world.rollout(fourth).state).toBe('done')
    expect(world.ingress.failed).toBe(0)
    expect(world.ingress.violations).toEqual([])
    expect(online(world)).toEqual(['rel-4 x4'])
  })

  it('that wait can be taken back, and the next one takes their turn', async () => {
    const world = await World.open(6)
    await settle(world, await world.deploy([web('v1', 2)]))
    const second = await world.deploy([web('v2', 2)])
    await world.run(600)
    const third = await world.deploy([web('v3', 2)])
    const fourth = await world.deploy([web('v4', 2)])
    await world.cancel(third)
    await world.run(100)
    expect(world.rollout(third)).toMatchObject({
      state: 'cancelled',
      because: 'grace took it back',
    })
    expect(world.rollout(second).state).toBe('running')
    await settle(world, fourth)
    expect(world.rollout(second).state).toBe('done')
    expect(online(world)).toEqual(['rel-4 x2'])
  })

  it.each([1, 2, 3])('undo a scale by hand at their end (seed %i)', async (seed) => {
    const world = await World.open(seed)
    await settle(world, await world.deploy([web('v1', 2), api('v1', 1)]))
    await world.change({ scale: { web: 5, api: 2 } })
    expect(await world.runUntil(() => world.agent.running().length === 7)).toBe(true)
    world.load = true
    world.ingress.atLeast.set('web', 2).set('api', 1)
    const putsBack = { scale: { web: 5, api: 2 }, stopped: [] }
    const id = await world.deploy([web('v2', 2), api('v1', 1)], { putsBack })
    await settle(world, id)
    expect(world.rollout(id).state).toBe('done')
    expect(world.app.scale).toEqual({})
    expect(online(world).toSorted()).toEqual(['rel-1 x1', 'rel-2 x2'])
    expect([world.ingress.failed, world.ingress.violations]).toEqual([0, []])
  })

  it('start at their end what a person had stopped', async () => {
    const world = await World.open(2)
    await settle(world, await world.deploy([web('v1', 1), api('v1', 1)]))
    await world.change({ stopped: ['api'] })
    expect(await world.runUntil(() => world.agent.running().length === 1)).toBe(true)
    const putsBack = { scale: {}, stopped: ['api'] }
    const id = await world.deploy([web('v2', 1), api('v2', 1)], { putsBack })
    await settle(world, id)
    expect([world.rollout(id).state, world.app.stopped]).toEqual(['done', []])
    expect(online(world)).toEqual(['rel-2 x2'])
  })

  it('leave what was done by hand as it was when they revert', async () => {
    const world = await World.open(3)
    await settle(world, await world.deploy([web('v1', 2)]))
    await world.change({ scale: { web: 4 } })
    expect(await world.runUntil(() => world.agent.running().length === 4)).toBe(true)
    world.load = true
    world.ingress.atLeast.set('web', 4)
    const putsBack = { scale: { web: 4 }, stopped: [] }
    const id = await world.deploy([web('v2', 2)], { version: 'crashes', putsBack })
    await settle(world, id)
    expect(world.rollout(id).state).toBe('reverted')
    expect(world.app.scale).toEqual({ web: 4 })
    expect(online(world)).toEqual(['rel-1 x4'])
    expect([world.ingress.failed, world.ingress.violations]).toEqual([0, []])
  })

  it('leave alone what was done by hand since they were asked for', async () => {
    const world = await World.open(4)
    await settle(world, await world.deploy([web('v1', 2)]))
    await world.change({ scale: { web: 4 } })
    const putsBack = { scale: { web: 4 }, stopped: [] }
    const id = await world.deploy([web('v2', 2)], { putsBack })
    await world.run(600)
    await world.change({ scale: { web: 3 } })
    await settle(world, id)
    expect(world.app.scale).toEqual({ web: 3 })
    expect(online(world)).toEqual(['rel-2 x3'])
  })

  it('scale, stop, start and destroy as the app record says', async () => {
    const world = await World.open(7)
    await settle(world, await world.deploy([web('v1', 2), api('v1', 1)]))
    world.load = true
    await world.change({ scale: { web: 5 } })
    expect(await world.runUntil(() => world.agent.running().length === 6)).toBe(true)
    await world.change({ scale: { web: 1 } })
    expect(await world.runUntil(() => world.agent.running().length === 2)).toBe(true)
    expect([world.ingress.failed, world.ingress.violations]).toEqual([0, []])
    world.load = false
    await world.change({ scale: { web: 5 } })
    await world.change({ stopped: ['web'] })
    expect(await world.runUntil(() => world.agent.running().length === 1)).toBe(true)
    await world.change({ stopped: [] })
    expect(await world.runUntil(() => world.agent.running().length === 6)).toBe(true)
    await world.change({ destroying: true })
    const isGone = (): boolean => [...world.state.snapshot.list(instanceKind)].length === 0
    expect(await world.runUntil(isGone)).toBe(true)
  })

  it('replace a singleton only after the one before has ended', async () => {
    const world = await World.open(8)
    const cron = (text: string) => aService('cron', text, { instances: 1, singleton: true })
    await settle(world, await world.deploy([cron('v1')]))
    const id = await world.deploy([cron('v2')], { revertAboveFailed: null })
    let most = 0
    await world.runUntil(() => {
      most = Math.max(most, world.agent.running().length)
      return isOver(world.rollout(id).state)
    })
    expect(world.rollout(id).state).toBe('done')
    expect(most).toBe(1)
  })

  it('heal a killed instance meanwhile without changing the outcome', async () => {
    const world = await World.open(9)
    await settle(world, await world.deploy([web('v1', 4)]))
    world.ingress.atLeast.set('web', 4)
    const id = await world.deploy([web('v2', 4)])
    await world.run(500)
    for (const victim of world.agent.running()) world.agent.kill(victim)
    await settle(world, id)
    expect(world.rollout(id).state).toBe('done')
    expect(online(world)).toEqual(['rel-2 x4'])
  })
})

function web(text: string, instances: number) {
  return aService('web', text, { instances, needs: ['api'] })
}

function api(text: string, instances: number) {
  return aService('api', text, { instances })
}

/** Runs until the rollout is over and what it left behind has ended. */
async function settle(world: World, id: string): Promise<void> {
  expect(await world.runUntil(() => isOver(world.rollout(id).state))).toBe(true)
  await world.run(8_000)
}

function pools(world: World): string[] {
  const all = [...world.state.snapshot.list(instanceKind)]
  return all.map(({ value }) => `${value.service} ${value.pool}`).toSorted()
}

/** "rel-2 x4": the online instances by release. */
function online(world: World): string[] {
  const counts = new Map<string, number>()
  for (const { value } of world.state.snapshot.list(instanceKind)) {
    if (value.state !== 'placed' || value.desired === 'stopped') continue
    expect(value.at).toEqual(at)
    expect(value.pool).toBe('online')
    counts.set(value.releaseId, (counts.get(value.releaseId) ?? 0) + 1)
  }
  return [...counts].map(([release, count]) => `${release} x${count}`)
}
