import { describe, expect, it } from 'vitest'
import { aService, at, World } from '../fixtures/world.ts'
import type { Release, ServiceSpec } from '../../src/parts/apps/model.ts'
import { backendOf } from '../../src/parts/ingress/records.ts'
import { instanceKind } from '../../src/parts/instances/records.ts'
import type { Instance } from '../../src/parts/instances/model.ts'
import { jobRunKind } from '../../src/parts/jobs/records.ts'
import { isOver } from '../../src/parts/rollouts/model.ts'
import { schemaStagesOf } from '../../src/parts/rollouts/records.ts'

const migrate = { expand: ['e'], contract: ['c'], undo: null, timeoutMs: 10_000 }

function web(text: string, instances: number, parts: Partial<ServiceSpec> = {}): ServiceSpec {
  const route = { host: 'web.localhost', path: '/', expose: 'public' } as const
  return aService('web', text, { instances, route, ...parts })
}

const remaining = { kind: 'remaining', batch: 1, pauseMs: 0 } as const
const maintenance = { kind: 'maintenance', portion: 0.25, min: 1 } as const

function instances(world: World): Instance[] {
  return [...world.state.snapshot.list(instanceKind)].map(({ value }) => value)
}

function living(world: World, releaseId: string): Instance[] {
  return instances(world).filter(
    (one) => one.releaseId === releaseId && one.purpose === 'service' && one.state !== 'ended',
  )
}

/** The migrations that ran, in order: what each ran and how it ended. */
function migrations(world: World): string[] {
  return [...world.state.snapshot.list(jobRunKind)]
    .map(({ value }) => value)
    .filter(({ purpose }) => purpose === 'migration')
    .map(({ spec, state, releaseId }) => `${releaseId} ${spec.run.join(' ')} ${state}`)
}

async function over(world: World, id: string): Promise<string> {
  expect(await world.runUntil(() => isOver(world.rollout(id).state))).toBe(true)
  return world.rollout(id).state
}

describe('a migration', () => {
  const steps: Release['steps'] = [{ kind: 'migrate', stage: 'expand' }, maintenance, remaining]

  it('expands before anything of the release starts, once per release and service', async () => {
    const world = await World.open(1)
    const api = aService('api', 'v1', { migrate: { ...migrate, expand: ['a'] } })
    const first = await world.deploy([web('v1', 2, { migrate }), api], { steps })
    const isMigrating = (): boolean => migrations(world).length > 0
    expect(await world.runUntil(isMigrating)).toBe(true)
    expect(living(world, 'rel-1')).toEqual([])
    expect(await over(world, first)).toBe('done')
    expect(migrations(world)).toEqual(['rel-1 e succeeded', 'rel-1 a succeeded'])
    await over(world, await world.deploy([web('v2', 2, { migrate }), api], { steps }))
    // The api is as it was, and so is its schema.
    expect(migrations(world).filter((one) => one.startsWith('rel-2'))).toEqual([
      'rel-2 e succeeded',
    ])
    const stages = schemaStagesOf(world.state.snapshot, at).map(({ value }) => value)
    expect(stages.map(({ service, expandedBy }) => `${service} ${expandedBy.number}`)).toEqual(
      expect.arrayContaining(['web 2', 'api 1']),
    )
  })

  it('that fails leaves the old version as it is, and says which step it was', async () => {
    const world = await World.open(2)
    await over(world, await world.deploy([web('v1', 2)]))
    world.load = true
    world.ingress.atLeast.set('web', 2)
    const spec = web('v2', 2, { migrate })
    const second = await world.deploy([spec], { steps, version: 'bad-jobs' })
    expect(await over(world, second)).toBe('reverted')
    expect(world.rollout(second).because).toContain('the expand of web failed')
    expect(
      instances(world).some((one) => one.releaseId === 'rel-2' && one.purpose === 'service'),
    ).toBe(false)
    expect(schemaStagesOf(world.state.snapshot, at)).toEqual([])
    expect(world.ingress.violations).toEqual([])
    expect(world.ingress.failed).toBe(0)
    // The lock is free: the next one gets through.
    expect(await over(world, await world.deploy([spec], { steps }))).toBe('done')
  })

  it('contracts after the soak, once nothing older lives, and holds no queue', async () => {
    const world = await World.open(3)
    await over(world, await world.deploy([web('v1', 2)]))
    const after: Release['after'] = [{ kind: 'soak', ms: 60_000 }, { kind: 'contract' }]
    const id = await world.deploy([web('v2', 2, { migrate })], { steps, after })
    expect(await over(world, id)).toBe('done')
    await world.run(30_000)
    expect(world.rollout(id).after?.map(({ state }) => state)).toEqual(['running', 'waiting'])
    await world.run(60_000)
    expect(world.rollout(id).after?.map(({ state }) => state)).toEqual(['done', 'done'])
    expect(migrations(world)).toEqual(['rel-2 e succeeded', 'rel-2 c succeeded'])
    const [stage] = schemaStagesOf(world.state.snapshot, at)
    expect(stage?.value.contractedBy?.number).toBe(2)
  })

  it('is not contracted when a newer release has begun', async () => {
    const world = await World.open(4)
    const after: Release['after'] = [{ kind: 'soak', ms: 60_000 }, { kind: 'contract' }]
    const id = await world.deploy([web('v1', 2, { migrate })], { steps, after })
    await over(world, id)
    await world.run(15_000)
    const next = await world.deploy([web('v2', 2)])
    await over(world, next)
    await world.run(90_000)
    expect(world.rollout(id).after).toMatchObject([
      { state: 'cancelled', because: 'a newer release has begun' },
      { state: 'cancelled' },
    ])
    expect(migrations(world)).toEqual(['rel-1 e succeeded'])
  })

  it('of a release that fails to contract says so, and nothing else changes', async () => {
    const world = await World.open(5)
    const after: Release['after'] = [{ kind: 'contract' }]
    const options = { after, steps: [remaining], version: 'bad-jobs' }
    const id = await world.deploy([web('v1', 2, { migrate })], options)
    await over(world, id)
    await world.run(30_000)
    const [contract] = world.rollout(id).after ?? []
    expect(contract).toMatchObject({ state: 'failed' })
    expect(contract?.because).toContain('the contract of web failed')
    expect(living(world, 'rel-1').length).toBe(2)
  })
})

describe('a canary', () => {
  const judged: Release['steps'] = [
    maintenance,
    { kind: 'online', weight: 0.1, sticky: false },
    { kind: 'judge', forMs: 120_000, stop: { errors: 0.05 } },
    remaining,
  ]

  it('gets its share beside all of the predecessors, and as many fresh ones to compare', async () => {
    const world = await World.open(6)
    await over(world, await world.deploy([web('v1', 4)]))
    world.load = true
    world.ingress.atLeast.set('web', 4)
    const id = await world.deploy([web('v2', 4)], { steps: judged })
    const current = (): string | undefined =>
      world.rollout(id).steps.find(({ state }) => state === 'running')?.kind
    expect(await world.runUntil(() => current() === 'judge')).toBe(true)
    const split = backendOf(world.state.snapshot, at, 'web')?.split
    expect(
      split?.groups.map(({ name, share, instanceIds }) => [name, share, instanceIds.length]),
    ).toEqual([
      ['canary', 0.1, 1],
      ['baseline', 0.1, 1],
    ])
    expect(living(world, 'rel-1').length).toBe(5)
    world.ingress.met.clear()
    await world.run(60_000)
    const [canary] = split?.groups[0]?.instanceIds ?? []
    const share = (world.ingress.met.get(canary ?? '') ?? 0) / 1_200
    expect(share).toBeGreaterThan(0.06)
    expect(share).toBeLessThan(0.14)
    expect(await over(world, id)).toBe('done')
    await world.run(10_000)
    expect(living(world, 'rel-1')).toEqual([])
    expect(living(world, 'rel-2').length).toBe(4)
    expect(backendOf(world.state.snapshot, at, 'web')?.split).toBeUndefined()
    expect(world.rollout(id).judging?.report).toMatchObject({ verdict: 'pass' })
    expect([world.ingress.failed, world.ingress.violations]).toEqual([0, []])
  })

  it('that errs is stopped at its share, with its numbers', async () => {
    const world = await World.open(7)
    await over(world, await world.deploy([web('v1', 4)]))
    world.load = true
    world.ingress.atLeast.set('web', 4)
    const id = await world.deploy([web('v2', 4)], { steps: judged, version: 'errs' })
    expect(await over(world, id)).toBe('reverted')
    expect(world.rollout(id).judging?.report).toMatchObject({ verdict: 'fail' })
    expect(world.rollout(id).because).toContain('web')
    await world.run(10_000)
    expect(living(world, 'rel-2')).toEqual([])
    expect(living(world, 'rel-1').length).toBe(4)
    expect([world.ingress.failed, world.ingress.violations]).toEqual([0, []])
  })

  it('that nobody asks is held, and says so, until somebody lets it go on', async () => {
    const world = await World.open(8)
    await over(world, await world.deploy([web('v1', 4)]))
    const id = await world.deploy([web('v2', 4)], { steps: judged })
    await world.run(400_000)
    expect(world.rollout(id)).toMatchObject({ state: 'running' })
    expect(world.rollout(id).judging?.report).toMatchObject({ verdict: 'inconclusive' })
    await world.proceed(id)
    expect(await over(world, id)).toBe('done')
  })

  it('without a comparison goes on as soon as it is online', async () => {
    const world = await World.open(9)
    await over(world, await world.deploy([web('v1', 4)]))
    const steps: Release['steps'] = [
      maintenance,
      { kind: 'online', weight: 0.1, sticky: true },
      remaining,
    ]
    const id = await world.deploy([web('v2', 4)], { steps })
    expect(await over(world, id)).toBe('done')
    expect(instances(world).some(({ baselineOf }) => baselineOf !== undefined)).toBe(false)
  })
})

describe('a test of the maintenance pool', () => {
  const steps: Release['steps'] = [
    maintenance,
    { kind: 'test', run: ['node', 'test.js'], timeoutMs: 10_000 },
    remaining,
  ]
  const hasRun = (world: World): boolean =>
    instances(world).some(({ purpose }) => purpose === 'job')
  const told = (world: World, id: string): string | undefined =>
    world.rollout(id).steps.find(({ state }) => state === 'running')?.kind

  it('waits until the ingress knows the pool: without a way to it, it would fail', async () => {
    const world = await World.open(10)
    world.ingress.isBehind = true
    const id = await world.deploy([web('v1', 2)], { steps })
    expect(await world.runUntil(() => told(world, id) === 'test')).toBe(true)
    await world.run(20_000)
    expect([told(world, id), hasRun(world)]).toEqual(['test', false])
    world.ingress.isBehind = false
    expect(await over(world, id)).toBe('done')
    expect(hasRun(world)).toBe(true)
  })

  it('does not wait for an ingress that is gone', async () => {
    const world = await World.open(11)
    world.ingress.isSilent = true
    await world.deploy([web('v1', 2)], { steps })
    expect(await world.runUntil(() => hasRun(world), 30_000)).toBe(true)
  })
})
