import { describe, expect, test } from 'vitest'
import { planInstance } from './plan-instance.ts'
import { aTest, aView, running, failed, passed } from './plan-instance.fixture.ts'

/** What an instance waits for, and what runs out: room, leases, and the time that an agent stood still. */

describe('room on the machine', () => {
  const here = { artifact: { is: 'here' } } as const

  test('an instance that is to start waits for what ends, and goes where there is none', () => {
    const waiting = planInstance(aView({ ...here, room: 'awaited' }), 0)
    expect(waiting).toMatchObject({ state: 'pulling', action: null, wakeAt: 250 })
    expect(planInstance(aView({ ...here, room: 'none' }), 0).state).toBe('refused')
    const test = { ...here, room: 'none', assigned: aTest } as const
    expect(planInstance(aView(test), 0).state).toBe('pulling')
  })
})

describe('the lease of a singleton', () => {
  const singleton = { assigned: { singleton: { epoch: 3, leaseMs: 30_000 } } } as const
  const here = { ...singleton, artifact: { is: 'here' } } as const

  test('nothing starts before it is there, nor once it has run out', () => {
    expect(planInstance(aView(here), 0)).toMatchObject({ state: 'pulling', action: null })
    expect(planInstance(aView({ ...here, leaseUntil: 10 }), 10).state).toBe('pulling')
    expect(planInstance(aView({ ...here, leaseUntil: 10 }), 9).state).toBe('starting')
  })

  test('whoever runs is looked at again when it ends, and ends with it', () => {
    const ready = { ...singleton, state: 'ready', process: running, leaseUntil: 5_000 } as const
    const before = planInstance(aView({ ...ready, lastProbeAt: 4_000 }), 4_000)
    expect(before).toMatchObject({ state: 'ready', wakeAt: 5_000 })
    const over = planInstance(aView(ready), 5_000)
    expect(over).toMatchObject({ state: 'backing-off', action: { do: 'end' } })
    expect(over.because).toContain('its lease of 30 s ran out')
  })

  test('one that is no singleton needs none', () => {
    expect(planInstance(aView({ artifact: { is: 'here' } }), 0).state).toBe('starting')
  })
})

test('an instance that was taken over with an old record is asked before it counts as late', () => {
  const view = aView({ state: 'starting', process: running, acceptedAt: 60_000 })
  expect(planInstance(view, 60_000)).toMatchObject({ state: 'starting', action: { do: 'probe' } })
  const late = planInstance({ ...view, checks: [{ ...failed, askedAt: 89_500 }] }, 90_000)
  expect(late).toMatchObject({ state: 'backing-off', action: { do: 'end' } })
})

describe('an agent that stood still asks again before it ends what is past a deadline', () => {
  const pausedAt = 10_000
  const old = { ...failed, askedAt: pausedAt }

  test.each([
    ['a start', aView({ state: 'starting', process: running, checks: [old] })],
    ['a start that was never asked', aView({ state: 'starting', process: running })],
    [
      'an unhealthy one',
      aView({ state: 'unhealthy', process: running, checks: [old], readyAt: 1 }),
    ],
  ])('%s', (_which, view) => {
    const seen = { ...view, lastProbeAt: pausedAt }
    expect(planInstance(seen, 60_000)).toMatchObject({ state: view.state, action: { do: 'probe' } })
    const asked = { ...seen, lastProbeAt: 60_000, checks: [{ ...failed, askedAt: 60_000 }] }
    expect(planInstance(asked, 60_500)).toMatchObject({ state: 'backing-off' })
    const isWell = { ...asked, checks: [{ ...passed, askedAt: 60_000 }] }
    expect(planInstance(isWell, 60_500).action).not.toEqual({ do: 'end' })
  })
})
