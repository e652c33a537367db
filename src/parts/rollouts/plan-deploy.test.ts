import { describe, expect, test } from 'vitest'
import { anApp, aRelease, aRollout, aSpec, shop } from '../../../test/fixtures/records.ts'
import type { Release } from '../apps/model.ts'
import { isPlanHash, partsChanged, planDeploy, type DeployView } from './plan-deploy.ts'

const current = aRelease({ services: [aSpec({ name: 'web', instances: 2 })] })

function aDraft(parts: Partial<Release> = {}): Release {
  return { ...current, id: '', number: 8, version: 'v8', createdAt: 1, ...parts }
}

function aView(parts: Partial<DeployView> = {}): DeployView {
  const view = { app: anApp(), current, ahead: [], release: aDraft(), team: '', keepDrift: false }
  return { ...view, ...parts }
}

const changed = aDraft({ services: [aSpec({ name: 'web', instances: 2, env: { A: '1' } })] })

describe('a deploy', () => {
  test('of what runs is nothing to do, whatever it is called', () => {
    const { verdict, view } = planDeploy(aView())
    expect(verdict).toEqual({ is: 'unchanged', release: current })
    expect(view).toMatchObject({ nothingToDo: true, steps: [], base: { number: 7 } })
  })

  test('of something else is a release, with what is different and what follows', () => {
    const { verdict, view } = planDeploy(aView({ release: changed }))
    expect(verdict).toEqual({ is: 'release' })
    expect(view.services).toEqual([
      {
        name: 'web',
        change: 'changed',
        instances: { from: 2, to: 2 },
        replaces: 2,
        fields: [{ path: 'env.A', from: null, to: '1' }],
      },
    ])
    expect(view.steps.map(({ kind }) => kind)).toEqual(['maintenance', 'online', 'remaining'])
  })

  test('that changes a count replaces nothing', () => {
    const release = aDraft({ services: [aSpec({ name: 'web', instances: 5 })] })
    const { view } = planDeploy(aView({ release }))
    expect(view.services[0]).toMatchObject({ replaces: 0, instances: { from: 2, to: 5 } })
    expect(view.steps).toEqual([])
  })

  test('names what is created and what is removed', () => {
    const release = aDraft({ services: [aSpec({ name: 'api' })] })
    const { view } = planDeploy(aView({ release }))
    expect(view.services.map(({ name, change }) => `${name} ${change}`)).toEqual([
      'api created',
      'web removed',
    ])
  })

  test('where nothing runs is all new', () => {
    const { verdict, view } = planDeploy(aView({ current: null }))
    expect(verdict.is).toBe('release')
    expect(view).toMatchObject({ base: null, services: [{ change: 'created' }] })
  })

  test('of another team is a change', () => {
    expect(planDeploy(aView({ team: 'shop-team' })).verdict.is).toBe('release')
  })
})

describe('what was done by hand', () => {
  const hands = { scale: { web: { by: 'grace', at: 5 } }, stop: {} }
  const scaled = anApp({ scale: { web: 4 }, hands })

  test('is reported with whose hand it was, and undone by a rollout of the same release', () => {
    const { verdict, putsBack, view } = planDeploy(aView({ app: scaled }))
    expect(verdict).toEqual({ is: 'put-back', release: current })
    expect(putsBack).toEqual({ scale: { web: 4 }, stopped: [] })
    expect(view.services[0]).toMatchObject({ instances: { from: 4, to: 2 }, replaces: 0 })
    expect(view.drift).toEqual([
      { service: 'web', kind: 'scaled', byHand: 4, inManifest: 2, by: 'grace', since: 5 },
    ])
  })

  test('stays where that is asked for', () => {
    const { verdict, putsBack } = planDeploy(aView({ app: scaled, keepDrift: true }))
    expect([verdict.is, putsBack]).toEqual(['unchanged', undefined])
  })

  test('is none where the hand chose what the manifest says', () => {
    const { verdict, view } = planDeploy(aView({ app: anApp({ scale: { web: 2 } }) }))
    expect([verdict.is, view.drift]).toEqual(['unchanged', []])
  })

  test('that a rollout ahead undoes is not undone twice', () => {
    const rollout = aRollout({ putsBack: { scale: { web: 4 }, stopped: [] } })
    const view = aView({ app: scaled, ahead: [{ rollout, release: current }] })
    expect(planDeploy(view).verdict.is).toBe('attach')
  })

  test('counts a stopped service as none', () => {
    const app = anApp({ stopped: ['web'] })
    expect(planDeploy(aView({ app })).view.drift).toMatchObject([
      { kind: 'stopped', byHand: 0, inManifest: 2, by: null },
    ])
  })
})

describe('rollouts ahead', () => {
  const ahead = (state: 'queued' | 'running' | 'reverting') => [
    { rollout: aRollout({ state }), release: { ...changed, id: 'rel-2', number: 8 } },
  ]

  test.each(['queued', 'running'] as const)('%s with the same are attached to', (state) => {
    const { verdict } = planDeploy(aView({ release: changed, ahead: ahead(state) }))
    expect(verdict).toMatchObject({ is: 'attach', to: { rollout: { id: 'ro-1' } } })
  })

  test('are what a deploy is compared with', () => {
    const { verdict, view } = planDeploy(aView({ ahead: ahead('running') }))
    expect(verdict.is).toBe('release')
    expect(view.services[0]?.fields).toEqual([{ path: 'env.A', from: '1', to: null }])
  })

  test('that revert are no base: what runs comes back', () => {
    expect(planDeploy(aView({ ahead: ahead('reverting') })).verdict.is).toBe('unchanged')
    const again = planDeploy(aView({ release: changed, ahead: ahead('reverting') }))
    expect(again.verdict.is).toBe('release')
  })
})

describe('the hash', () => {
  const planned = planDeploy(aView({ release: changed })).hash

  test('is the same for the same inputs on any machine, whatever ids and times are', () => {
    const elsewhere = aView({
      release: { ...changed, manifest: 'other comments', version: 'other', createdAt: 99 },
      current: { ...current, id: 'rel-z', number: 3, createdAt: 50 },
      app: anApp({ releaseId: 'rel-z', nextReleaseNumber: 4 }),
    })
    expect(planDeploy(elsewhere).hash).toBe(planned)
    expect(isPlanHash(planned)).toBe(true)
  })

  test('stays when the rollout ahead that it was planned on has ended', () => {
    const before = aView({
      release: changed,
      current: null,
      ahead: [{ rollout: aRollout({ state: 'running' }), release: current }],
    })
    expect(planDeploy(before).hash).toBe(planned)
  })

  const others: [string, Partial<DeployView>, string[]][] = [
    ['what is deployed', { release: aDraft() }, ['content']],
    ['what runs', { current: { ...current, services: [] } }, ['base']],
    ['a scale by hand', { app: anApp({ scale: { web: 9 } }) }, ['hands']],
    ['a stop by hand', { app: anApp({ stopped: ['web'] }) }, ['hands']],
    ['--keep-drift', { keepDrift: true }, ['options']],
  ]
  test.each(others)('differs with %s, and says so', (_what, parts, expected) => {
    const { hash } = planDeploy(aView({ release: changed, ...parts }))
    expect(hash).not.toBe(planned)
    expect(partsChanged(planned, hash)).toEqual(expected)
  })

  test('of another form is another program’s', () => {
    expect(partsChanged(planned.replace('p1-', 'p2-'), planned)).toEqual(['program'])
    expect(isPlanHash('latest')).toBe(false)
  })

  test('is of one app in one cell', () => {
    const app = anApp({ at: { ...shop, environment: 'prod' } })
    expect(planDeploy(aView({ release: changed, app })).hash).not.toBe(planned)
  })
})
