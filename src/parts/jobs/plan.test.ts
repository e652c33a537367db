import { describe, expect, test } from 'vitest'
import type { JobSpec } from '../apps/model.ts'
import type { JobState } from './model.ts'
import { planJob, type JobView } from './plan.ts'

const hourMs = 3_600_000
const slot = Date.parse('2026-05-01T03:00Z')
const at = { tenant: 'default', environment: 'local', app: 'shop' }

const nightly: JobSpec = {
  name: 'nightly',
  service: 'web',
  run: ['node', 'nightly.js'],
  schedule: { cron: '0 3 * * *', timezone: 'UTC' },
  overlap: 'skip',
  timeoutMs: hourMs,
  retries: 0,
  lateAfterMs: 26 * hourMs,
}

function aJobState(parts: Partial<JobState> = {}): JobState {
  const begunAt = slot - 20 * hourMs
  const never = { lastSuccessAt: null, lateSince: null }
  return { at, job: 'nightly', begunAt, decidedUntil: begunAt, ...never, ...parts }
}

function view(parts: Partial<JobView> = {}): JobView {
  return { job: 'nightly', spec: nightly, state: aJobState(), open: [], over: [], ...parts }
}

describe('a schedule', () => {
  test('begins when it is first seen, and starts nothing of the time before', () => {
    const plan = planJob(view({ state: null }), slot + 1)
    expect(plan.actions).toMatchObject([{ type: 'begin', state: { decidedUntil: slot + 1 } }])
  })

  test('wakes at its next time', () => {
    const plan = planJob(view(), slot - 1)
    expect(plan.actions).toEqual([])
    expect(plan.wakeAt).toBe(slot)
  })

  test('starts a run for its slot, once', () => {
    expect(planJob(view(), slot).actions).toMatchObject([{ type: 'start-slot', slot }])
    const decided = aJobState({ decidedUntil: slot })
    expect(planJob(view({ state: decided }), slot + 1).actions).toEqual([])
  })

  test('says how many times were missed', () => {
    const state = aJobState({ decidedUntil: slot - 3 * 24 * hourMs, lastSuccessAt: slot - hourMs })
    const [start] = planJob(view({ state }), slot).actions
    expect(start?.because).toBe('its time has come; 2 times before it were missed')
  })

  test('of a job that is gone is forgotten', () => {
    expect(planJob(view({ spec: null }), slot).actions).toMatchObject([{ type: 'forget-state' }])
  })
})

describe('a job is late', () => {
  const begun = { begunAt: slot - 100 * hourMs, decidedUntil: slot }

  test('when it has not succeeded for as long as it may', () => {
    const state = aJobState({ ...begun, lastSuccessAt: slot - 26 * hourMs })
    expect(planJob(view({ state }), slot).actions).toMatchObject([{ type: 'late', since: slot }])
  })

  test('not before it has had its time', () => {
    const state = aJobState({ begunAt: slot - hourMs, decidedUntil: slot })
    expect(planJob(view({ state }), slot).actions).toEqual([])
  })

  test('no longer once it has succeeded', () => {
    const state = aJobState({
      ...begun,
      lastSuccessAt: slot - hourMs,
      lateSince: slot - 2 * hourMs,
    })
    expect(planJob(view({ state }), slot).actions).toMatchObject([{ type: 'on-time', since: null }])
  })
})

test('runs beyond the bound are forgotten, oldest first', () => {
  const over = Array.from({ length: 103 }, (_, index) => `run-${index}`)
  const state = aJobState({ decidedUntil: slot })
  const { actions } = planJob(view({ over, state }), slot)
  expect(actions.map((action) => action.type === 'forget' && action.runId)).toEqual([
    'run-0',
    'run-1',
    'run-2',
  ])
})
