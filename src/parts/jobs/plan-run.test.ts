import { describe, expect, test } from 'vitest'
import { aJobRun, anObserved } from '../../../test/fixtures/records.ts'
import type { JobRun } from './model.ts'
import { planRun, retryWaitMs, type RunSeen } from './plan-run.ts'

const now = 1_000_000
const attempt = {
  instanceId: 'i-1',
  startedAt: now - 500,
  endedAt: null,
  exitCode: null,
  because: '',
}

function seen(run: Partial<JobRun>, more: Partial<RunSeen> = {}): RunSeen {
  return {
    run: aJobRun(run),
    appGone: false,
    unwanted: false,
    instance: { state: 'placed', unplaced: null, ended: null },
    observed: undefined,
    nodeLost: false,
    ...more,
  }
}

function running(retries: number, more: Partial<RunSeen>, attempts = [attempt]): RunSeen {
  const spec = { ...aJobRun().spec, retries }
  return seen({ state: 'running', attempts, spec }, more)
}

function exited(code: number | null, more: object = {}): RunSeen['observed'] {
  const lastExit = { code, signal: code === null ? 'SIGKILL' : null, at: now }
  return anObserved({ instanceId: 'i-1', state: 'exited', because: 'ended', lastExit, ...more })
}

/** What the plan notes, or the kind of action that it asks for. */
function decided(one: RunSeen, open: readonly RunSeen[] = [one]): unknown {
  const [action] = planRun(one, { open }, now).actions
  return action?.type === 'note' ? action.changes : action?.type
}

describe('a run that waits', () => {
  const older = seen({ id: 'run-0', state: 'running', attempts: [attempt] })

  test('starts when none is before it', () => {
    expect(decided(seen({}))).toBe('attempt')
  })

  test.each([
    ['skip', { state: 'skipped', because: 'run-0 was still under way' }],
    ['queue', undefined],
    ['allow', 'attempt'],
  ] as const)('behind another under the rule %s', (overlap, expected) => {
    const spec = { ...aJobRun().spec, overlap }
    const waiting = seen({ spec })
    const found = decided(waiting, [older, waiting])
    if (typeof expected === 'object') expect(found).toMatchObject(expected)
    else expect(found).toBe(expected)
  })

  test('does not mind those that came after it', () => {
    const waiting = seen({})
    expect(decided(waiting, [waiting, seen({ id: 'run-2' })])).toBe('attempt')
  })
})

describe('an attempt that ends', () => {
  test('with 0 is the run’s success', () => {
    expect(decided(running(3, { observed: exited(0) }))).toMatchObject({
      state: 'succeeded',
      endedAt: now,
      attempts: [{ exitCode: 0, endedAt: now }],
    })
  })

  test('otherwise fails the run that has no attempt left', () => {
    const found = decided(running(0, { observed: exited(3) }))
    expect(found).toMatchObject({ state: 'failed', because: 'exit code 3' })
  })

  test('otherwise is followed by another after a wait', () => {
    const found = decided(running(2, { observed: exited(3) }))
    expect(found).toMatchObject({
      because: 'attempt 1 of 3 failed: exit code 3',
      retryAt: now + retryWaitMs(1),
      attempts: [{ exitCode: 3, endedAt: now }],
    })
    expect(found).not.toHaveProperty('state')
  })

  test('because its time ran out is told so, even if its last word was 0', () => {
    const observed = exited(0, { timedOut: true, because: 'timed out after 1 min' })
    expect(decided(running(0, { observed }))).toMatchObject({
      state: 'timed-out',
      because: 'timed out after 1 min',
    })
  })

  test('with its node is lost, and tried again only if it may be', () => {
    expect(decided(running(0, { nodeLost: true }))).toMatchObject({ state: 'failed' })
    expect(decided(running(1, { nodeLost: true }))).toMatchObject({ retryAt: now + retryWaitMs(1) })
  })

  test('before it began, for good, is not tried again', () => {
    const observed = anObserved({
      state: 'backing-off',
      hopeless: true,
      because: 'no such archive',
    })
    expect(decided(running(5, { observed }))).toMatchObject({
      state: 'failed',
      because: 'it cannot run: no such archive',
    })
  })
})

describe('an attempt that nobody hears of', () => {
  test('is given up a while after its time-out', () => {
    const late = { ...attempt, startedAt: now - aJobRun().spec.timeoutMs - 60_000 }
    expect(decided(running(0, {}, [late]))).toMatchObject({ state: 'timed-out' })
    expect(decided(running(0, {}))).toBeUndefined()
  })

  test('and that found no place says which was missing', () => {
    const late = { ...attempt, startedAt: now - aJobRun().spec.timeoutMs }
    const unplaced = { because: 'no node has 3 cores', fix: 'add one' }
    const instance = { state: 'pending' as const, unplaced, ended: null }
    expect(decided(running(0, { instance }, [late]))).toMatchObject({
      state: 'timed-out',
      because: 'it found no place in time: no node has 3 cores',
    })
  })
})

describe('a run is cancelled', () => {
  test.each([
    ['by a person', seen({ cancelledBy: 'ann' }), 'cancelled by ann'],
    ['with its app', seen({}, { appGone: true }), 'its app is being destroyed'],
    ['when its rollout has gone on', seen({}, { unwanted: true }), 'its rollout has gone on'],
  ])('%s', (_how, one, because) => {
    expect(decided(one)).toMatchObject({ state: 'cancelled', because })
  })
})

test('the waits between attempts double up to five minutes', () => {
  expect([1, 2, 3, 10].map(retryWaitMs)).toEqual([5_000, 10_000, 20_000, 300_000])
})
