import { describe, expect, it } from 'vitest'
import { isOver } from '../../src/parts/rollouts/model.ts'
import type { Freeze, Gate } from '../../src/parts/tenants/model.ts'
import { aService, World } from '../fixtures/world.ts'

const approve: Gate['approve'] = { role: 'releaser', people: 1, notAuthor: true }

function aFreeze(world: World, forMs: number): Freeze {
  const fromAt = world.clock.now() - 1
  const untilAt = fromAt + forMs
  return { from: '', until: '2026-11-30 08:00', timezone: 'Europe/Prague', fromAt, untilAt }
}

function web(text: string) {
  return aService('web', text, { instances: 2 })
}

async function aWorldThatRuns(): Promise<World> {
  const world = await World.open(7)
  await settle(world, await world.deploy([web('v1')]))
  return world
}

async function settle(world: World, id: string): Promise<void> {
  expect(await world.runUntil(() => isOver(world.rollout(id).state))).toBe(true)
}

describe('a rollout into a gated cell', () => {
  it('waits out a freeze, and begins by itself when it is over', async () => {
    const world = await aWorldThatRuns()
    const freeze = [aFreeze(world, 600_000)]
    const id = await world.deploy([web('v2')], { gate: { freeze } })
    await world.run(300_000)
    expect(world.rollout(id)).toMatchObject({
      state: 'queued',
      because: 'waits until 2026-11-30 08:00 Europe/Prague: frozen',
    })
    await world.run(299_000)
    expect(world.rollout(id).state).toBe('queued')
    await world.run(2_000)
    expect(world.rollout(id)).toMatchObject({ state: 'running', gate: { freeze } })
    await settle(world, id)
    expect(world.rollout(id).state).toBe('done')
  })

  it('waits for another person, and begins when that one has approved', async () => {
    const world = await aWorldThatRuns()
    const id = await world.deploy([web('v2')], { gate: { approve } })
    await world.run(60_000)
    expect(world.rollout(id)).toMatchObject({
      state: 'queued',
      because: 'waits for the approval of 1 releaser, not its author test',
    })
    await world.approve(id, 'test')
    await world.approve(id, 'bob', 'looker')
    await world.run(60_000)
    expect(world.rollout(id).state).toBe('queued')
    await world.approve(id, 'bob')
    await settle(world, id)
    expect(world.rollout(id).state).toBe('done')
  })

  it('is let go when an operator lifts the gate, and held when one is put up', async () => {
    const world = await aWorldThatRuns()
    await world.applyGate({ approve })
    const id = await world.deploy([web('v2')])
    await world.run(5_000)
    expect(world.rollout(id).state).toBe('queued')
    await world.applyGate({ approve, freeze: [aFreeze(world, 60_000)] })
    await world.run(1_000)
    await world.approve(id, 'bob')
    await world.run(5_000)
    expect(world.rollout(id).because).toMatch(/frozen$/)
    await world.applyGate({})
    await settle(world, id)
    expect(world.rollout(id).state).toBe('done')
  })

  it('is taken back, or gives its place away, while it waits', async () => {
    const world = await aWorldThatRuns()
    const first = await world.deploy([web('v2')], { gate: { approve } })
    const second = await world.deploy([web('v3')], { gate: { approve }, supersede: true })
    await world.run(1_000)
    expect(world.rollout(first).state).toBe('superseded')
    await world.cancel(second)
    await world.run(1_000)
    expect(world.rollout(second).state).toBe('cancelled')
  })

  it('takes nobody’s place before it may begin: what is under way ends', async () => {
    const world = await aWorldThatRuns()
    const running = await world.deploy([web('v2')])
    await world.run(600)
    expect(world.rollout(running).state).toBe('running')
    const held = await world.deploy([web('v3')], { gate: { approve }, supersede: true })
    await settle(world, running)
    expect(world.rollout(running).state).toBe('done')
    expect(world.rollout(held).state).toBe('queued')
    await world.approve(held, 'bob')
    await settle(world, held)
    expect(world.rollout(held).state).toBe('done')
  })

  it('that may begin takes the place of the one under way', async () => {
    const world = await aWorldThatRuns()
    const running = await world.deploy([web('v2')])
    await world.run(600)
    const next = await world.deploy([web('v3')], { gate: { approve }, supersede: true })
    await world.run(50)
    await world.approve(next, 'bob')
    await settle(world, next)
    expect(world.rollout(running).state).toBe('superseded')
    expect(world.rollout(next).state).toBe('done')
  })

  it('does not hold a revert, which passes what waits', async () => {
    const world = await aWorldThatRuns()
    await world.applyGate({ approve, freeze: [aFreeze(world, 600_000)] })
    const held = await world.deploy([web('v2')])
    await world.run(1_000)
    const back = await world.deploy([web('v1')], { purpose: 'revert', supersede: true })
    await settle(world, back)
    expect(world.rollout(back).state).toBe('done')
    expect(world.rollout(held).state).toBe('superseded')
  })
})
