import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { emptyLedger, type LedgerWindow } from '../../parts/rollouts/model.ts'
import type { RolloutView } from '../../wire/api.ts'
import { rolloutChanges, rolloutEnding, rolloutPicture, trafficLine } from './rollout-lines.ts'

function aWindow(counts: Partial<LedgerWindow> = {}): LedgerWindow {
  return {
    from: 0,
    until: 4_000,
    sent: 0,
    answered: 0,
    failed: 0,
    causes: {},
    retried: 0,
    clientAborted: 0,
    appErrors: 0,
    p50Ms: null,
    p95Ms: null,
    p99Ms: null,
    ...counts,
  }
}

function aStep(
  kind: RolloutView['steps'][number]['kind'],
  state: RolloutView['steps'][number]['state'],
  because = '',
): RolloutView['steps'][number] {
  const startedAt = state === 'waiting' ? null : 1_000
  const endedAt = state === 'done' || state === 'failed' ? 2_500 : null
  return { kind, title: `${kind} happens`, state, startedAt, endedAt, because }
}

function aRollout(changes: Partial<RolloutView> = {}): RolloutView {
  return {
    id: 'ro-1',
    at: { tenant: 'default', environment: 'local', app: 'shop' },
    purpose: 'deploy',
    releaseId: 'rel-2',
    fromReleaseId: 'rel-1',
    supersede: false,
    state: 'running',
    because: 'is under way',
    steps: [aStep('maintenance', 'running', 'waits for i-1'), aStep('online', 'waiting')],
    targets: [],
    runId: null,
    createdBy: 'operator',
    createdAt: 500,
    startedAt: 1_000,
    endedAt: null,
    deadline: null,
    resumeAt: null,
    baseline: null,
    ledger: emptyLedger(),
    releaseNumber: 2,
    version: 'v2',
    fromVersion: 'v1',
    pools: [],
    live: null,
    ...changes,
  }
}

const plain = (lines: readonly string[]): string[] => lines.map(stripVTControlCharacters)
const during = aWindow({ sent: 8_412, answered: 8_412 })

describe('the picture', () => {
  test('shows each step with its state, time and reason, and the count', () => {
    const view = aRollout({ ledger: { ...emptyLedger(), during: aWindow({ sent: 312 }) } })
    expect(plain(rolloutPicture(view, 3_000, '*'))).toEqual([
      'deploy shop to local/default: release 2 (v2) from v1',
      '  * maintenance happens 2.0 s · waits for i-1',
      '  · online happens',
      '  312 requests, 0 failed',
    ])
  })

  test('of one that waits its turn says for what', () => {
    const view = aRollout({ state: 'queued', steps: [], because: 'waits for ro-0' })
    expect(plain(rolloutPicture(view, 3_000, '*'))).toContain('  * waits for ro-0')
  })
})

describe('changes', () => {
  test('begin with the title and what has happened so far', () => {
    expect(plain(rolloutChanges(undefined, aRollout()))).toEqual([
      'deploy shop to local/default: release 2 (v2) from v1',
      '  begins: maintenance happens',
    ])
  })

  test('are none when nothing happened', () => {
    expect(rolloutChanges(aRollout(), aRollout())).toEqual([])
  })

  test('tell each step that moved on, and why one failed', () => {
    const after = aRollout({
      steps: [aStep('maintenance', 'failed', 'i-1 never got healthy'), aStep('revert', 'running')],
    })
    expect(plain(rolloutChanges(aRollout(), after))).toEqual([
      '  failed: maintenance happens 1.5 s',
      '    i-1 never got healthy',
      '  begins: revert happens',
    ])
  })
})

describe('the ending', () => {
  const ledger = { ...emptyLedger(), during }

  test('of a good one is the proof of zero', () => {
    const view = aRollout({ state: 'done', endedAt: 5_100, ledger })
    expect(stripVTControlCharacters(rolloutEnding(view))).toBe(
      '✓ release 2 (v2) is online in local/default · 4.1 s · 0 of 8,412 requests failed',
    )
  })

  test('of a reverted one says why', () => {
    const because = 'the test failed: exit code 1'
    const view = aRollout({ state: 'reverted', endedAt: 5_100, because, ledger })
    expect(stripVTControlCharacters(rolloutEnding(view))).toBe(
      '✗ reverted: the test failed: exit code 1 · 4.1 s · 0 of 8,412 requests failed',
    )
  })

  test('without traffic claims nothing', () => {
    const view = aRollout({ state: 'done', endedAt: 5_100, version: '' })
    expect(stripVTControlCharacters(rolloutEnding(view))).toBe(
      '✓ release 2 is online in local/default · 4.1 s · no requests meanwhile',
    )
  })
})

test('traffic names what is not zero', () => {
  const window = aWindow({ sent: 10, failed: 1, retried: 2, appErrors: 1, p99Ms: 12 })
  expect(stripVTControlCharacters(trafficLine(window))).toBe(
    '10 requests, 1 failed, 2 retried, 1 app error, p99 12 ms',
  )
})
