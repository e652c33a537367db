import { expect, test } from 'vitest'
import { aJobRun, anObserved } from '../../../test/fixtures/records.ts'
import { buildExits } from '../../wire/builds.ts'
import type { JobRun } from './model.ts'
import { planRun } from './plan-run.ts'

const now = 1_000_000
const order = {
  service: 'web',
  image: 'r.example/web:b-1',
  dockerfile: 'Dockerfile',
  target: null,
  args: {},
}
const spec = { ...aJobRun().spec, retries: 2, build: order }
const attempt = {
  instanceId: 'i-1',
  startedAt: now - 500,
  endedAt: null,
  exitCode: null,
  because: '',
}

/** What is noted of a build whose attempt has ended. */
function ended(code: number | null, more: object = {}): Partial<JobRun> | undefined {
  const run = aJobRun({ state: 'running', attempts: [attempt], spec })
  const lastExit = { code, signal: code === null ? 'SIGKILL' : null, at: now }
  const observed = anObserved({
    instanceId: 'i-1',
    state: 'exited',
    because: 'ended',
    lastExit,
    ...more,
  })
  const instance = { state: 'placed', unplaced: null, ended: null } as const
  const seen = { run, appGone: false, unwanted: false, instance, observed, nodeLost: false }
  const [action] = planRun(seen, { open: [seen] }, now).actions
  return action?.type === 'note' ? action.changes : undefined
}

test('a step that failed would fail again, so it is not tried again', () => {
  const because = 'a step of it failed'
  expect(ended(buildExits.failed)).toMatchObject({ state: 'failed', because, retryAt: null })
})

test('an engine, a registry or an agent may be back in a moment', () => {
  for (const code of [buildExits.noEngine, buildExits.notPushed, 1, null]) {
    expect(ended(code)).toMatchObject({ retryAt: now + 5_000 })
    expect(ended(code)).not.toHaveProperty('state')
  }
})

test('one that hangs would hang again', () => {
  const found = ended(null, { timedOut: true })
  expect(found).toMatchObject({ state: 'timed-out', because: 'ended', retryAt: null })
})
