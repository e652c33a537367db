import { describe, expect, test } from 'vitest'
import type { RunAttempt, RunState } from '../jobs/model.ts'
import { journeysCommand, journeysProgress } from './plan-journeys.ts'
import type { RunSeen } from './plan-progress.ts'

const step = {
  kind: 'journeys' as const,
  journeys: [
    { name: 'browse', script: 'e2e/browse.ts' },
    { name: 'buy', script: 'e2e/buy.ts' },
  ],
  timeoutMs: 60_000,
}

interface Seen {
  readonly run: RunSeen
  readonly isTold: boolean
}

function ended(exitCode: number | null, state: RunState = 'failed'): Seen {
  const attempt: RunAttempt = { instanceId: 'i-1', startedAt: 1, endedAt: 2, exitCode, because: '' }
  return { run: { state, because: 'so it ended', attempts: [attempt] }, isTold: true }
}

describe('the journeys of a release', () => {
  test('are one run, with the time that each has and the scripts in their order', () => {
    const scripts = ['browse=e2e/browse.ts', 'buy=e2e/buy.ts']
    expect(journeysCommand(step)).toEqual(['roadstead-journeys', '60000', ...scripts])
  })

  test('start once, are waited for, and pass', () => {
    const start = { outcome: 'waits', start: { of: 'journeys' } }
    const early = journeysProgress({ run: null, isTold: false }, step)
    expect(early).toEqual({
      outcome: 'waits',
      waitsFor: 'every ingress to know the maintenance pool',
    })
    expect(journeysProgress({ run: null, isTold: true }, step)).toMatchObject(start)
    const underWay = journeysProgress(ended(null, 'running'), step)
    expect(underWay).toEqual({ outcome: 'waits', waitsFor: 'the journeys: so it ended' })
    expect(journeysProgress(ended(0, 'succeeded'), step)).toEqual({ outcome: 'done' })
  })

  test.each([
    [11, 'the journey `browse` failed (roadstead logs'],
    [12, 'the journey `buy` failed (roadstead logs'],
    [13, 'the journeys failed: so it ended (roadstead logs'],
    [3, 'need a Chromium'],
    [1, 'the journeys failed: so it ended'],
    [null, 'the journeys failed: so it ended'],
  ])('tell what the exit code %s says', (code, words) => {
    const because = expect.stringContaining(words)
    expect(journeysProgress(ended(code), step)).toEqual({ outcome: 'failed', because })
  })
})
