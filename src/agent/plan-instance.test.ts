import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AssignedInstance } from '../wire/agent.ts'
import { observedTable, type ObservedState } from '../parts/instances/model.ts'
import { planInstance, restartWaitMs, type InstanceView } from './plan-instance.ts'
import {
  aTest,
  aView,
  ended,
  failed,
  gone,
  passed,
  running,
  unchecked,
  type Given,
} from './plan-instance.fixture.ts'

interface Case {
  readonly name: string
  readonly view: Given
  readonly now?: number
  readonly state: ObservedState
  readonly action?: string
  readonly because?: string
  readonly wakeAt?: number
}

const cases: Case[] = [
  { name: 'an artifact that is not here is pulled', view: {}, state: 'pulling', action: 'pull' },
  { name: 'a pull under way is waited for', view: { busy: 'pull' }, state: 'pulling' },
  {
    name: 'a process starts when its artifact is here',
    view: { artifact: { is: 'here' } },
    state: 'starting',
    action: 'start',
  },
  {
    name: 'a failed pull backs off and says why',
    view: { artifact: { is: 'failed', because: 'the server does not answer' } },
    state: 'backing-off',
    because: 'the server does not answer; starts again at once',
  },
  {
    name: 'nothing starts of what is told to stop',
    view: { wanted: 'stopped', artifact: { is: 'here' } },
    state: 'exited',
  },
  {
    name: 'what is left of an earlier run is ended before the next one',
    view: { artifact: { is: 'here' }, process: ended },
    state: 'pulling',
    action: 'end',
  },
  {
    name: 'a starting instance is asked every 100 ms though its checks are rarer',
    view: { state: 'starting', process: running, lastProbeAt: 1_000 },
    now: 1_050,
    state: 'starting',
    wakeAt: 1_100,
  },
  {
    name: 'an instance that does not get ready says what its last check was answered',
    view: { state: 'starting', process: running, checks: [failed], lastProbeAt: 1_000 },
    now: 1_050,
    state: 'starting',
    because: 'not ready yet: GET / answered 500',
    wakeAt: 1_100,
  },
  {
    name: 'a hung check does not keep the next one waiting',
    view: { state: 'starting', process: running, lastProbeAt: 1_000, probesUnderWay: 1 },
    now: 1_100,
    state: 'starting',
    action: 'probe',
  },
  {
    name: 'no more than four checks are under way',
    view: { state: 'starting', process: running, lastProbeAt: 0, probesUnderWay: 4 },
    now: 1_100,
    state: 'starting',
    wakeAt: 30_000,
  },
  {
    name: 'one passed check of two is not enough',
    view: { state: 'starting', process: running, checks: [failed, passed] },
    state: 'starting',
    action: 'probe',
  },
  {
    name: 'enough passed checks make it ready',
    view: { state: 'starting', process: running, checks: [passed, passed] },
    state: 'ready',
    because: 'GET / answered 200',
  },
  {
    name: 'what is to be warmed up is warmed up first',
    view: {
      state: 'starting',
      process: running,
      checks: [passed, passed],
      assigned: { warmup: { get: ['/'], times: 3 } },
    },
    state: 'warming',
    action: 'warm-up',
  },
  {
    name: 'a warm-up that is over makes it ready',
    view: { state: 'warming', process: running, warmUp: 'done' },
    state: 'ready',
  },
  {
    name: 'a worker without a check is ready after a second',
    view: { state: 'starting', process: running, assigned: { health: unchecked } },
    now: 1_000,
    state: 'ready',
  },
  {
    name: 'a start past its deadline counts as failed and is ended',
    view: { state: 'starting', process: running, checks: [{ ...failed, askedAt: 29_500 }] },
    now: 30_000,
    state: 'backing-off',
    action: 'end',
    because: 'was not ready 30 s after its start: GET / answered 500; starts again at once',
  },
  {
    name: 'a warm-up past the start deadline counts as failed too',
    view: { state: 'warming', process: running, warmUp: 'under-way' },
    now: 30_000,
    state: 'backing-off',
    action: 'end',
  },
  {
    name: 'a taken port is refused: another node may have it free',
    view: {
      state: 'starting',
      process: { is: 'failed', because: 'port 21000 is held', portTaken: true },
    },
    state: 'refused',
  },
  {
    name: 'a command that cannot start backs off',
    view: {
      state: 'starting',
      process: { is: 'failed', because: 'nod: command not found', portTaken: false },
    },
    state: 'backing-off',
    because: 'nod: command not found; starts again at once',
  },
  {
    name: 'a start that the agent did not survive is made anew',
    view: { state: 'starting' },
    state: 'backing-off',
  },
  {
    name: 'a dead process is swept and started again at once',
    view: { state: 'ready', process: ended },
    now: 3_000,
    state: 'backing-off',
    action: 'end',
    because: 'exited with code 1 after 3 s; starts again at once',
  },
  {
    name: 'fewer failed checks than it takes leave it ready',
    view: { state: 'ready', process: running, checks: [failed, failed], lastProbeAt: 0 },
    now: 10,
    state: 'ready',
    wakeAt: 2_000,
  },
  {
    name: 'failed checks in a row make it unhealthy',
    view: { state: 'ready', process: running, checks: [passed, failed, failed, failed] },
    state: 'unhealthy',
    because: '3 checks in a row failed: GET / answered 500',
  },
  {
    name: 'passed checks make it ready again',
    view: { state: 'unhealthy', process: running, checks: [failed, passed, passed] },
    state: 'ready',
  },
  {
    name: 'what stays unhealthy for as long as a start may take is started anew',
    view: {
      state: 'unhealthy',
      process: running,
      checks: [{ ...failed, askedAt: 30_000 }],
      stateSince: 1_000,
    },
    now: 31_000,
    state: 'backing-off',
    action: 'end',
  },
  {
    name: 'while backing off nothing starts before its time',
    view: { state: 'backing-off', process: gone, retryAt: 4_000 },
    now: 3_999,
    state: 'backing-off',
    wakeAt: 4_000,
  },
  {
    name: 'nothing starts before the tree of the last run is gone',
    view: { state: 'backing-off', process: running, retryAt: 0 },
    now: 10,
    state: 'backing-off',
    action: 'end',
  },
  {
    name: 'after the wait it is pulled again',
    view: { state: 'backing-off', process: gone, retryAt: 4_000 },
    now: 4_000,
    state: 'pulling',
  },
  {
    name: 'what is told to stop while backing off has ended',
    view: { state: 'backing-off', process: gone, wanted: 'stopped' },
    state: 'exited',
  },
  {
    name: 'a running instance that is told to stop gets SIGTERM',
    view: { state: 'ready', process: running, wanted: 'stopped' },
    state: 'stopping',
    action: 'terminate',
  },
  {
    name: 'the grace is given',
    view: { state: 'stopping', process: running, wanted: 'stopped', terminatedAt: 1_000 },
    now: 5_999,
    state: 'stopping',
    wakeAt: 6_000,
  },
  {
    name: 'after the grace its tree is killed',
    view: { state: 'stopping', process: running, wanted: 'stopped', terminatedAt: 1_000 },
    now: 6_000,
    state: 'stopping',
    action: 'end',
  },
  {
    name: 'what its main process left behind is ended before it counts as exited',
    view: { state: 'stopping', process: ended, wanted: 'stopped' },
    state: 'stopping',
    action: 'end',
  },
  {
    name: 'it has exited when nothing is left of its tree',
    view: { state: 'stopping', process: gone, wanted: 'stopped' },
    state: 'exited',
    because: 'stopped: exited with code 1 after 3 s',
  },
  {
    name: 'a test is ready while it runs, without a check',
    view: { state: 'starting', process: running, assigned: aTest },
    state: 'ready',
  },
  {
    name: 'a test that ended is not run again',
    view: { state: 'ready', process: gone, assigned: aTest },
    state: 'exited',
    because: 'exited with code 1 after 3 s',
  },
  {
    name: 'a test that cannot start is not tried again',
    view: {
      state: 'starting',
      process: { is: 'failed', because: 'nod: command not found', portTaken: false },
      assigned: aTest,
    },
    state: 'exited',
    because: 'nod: command not found',
  },
  {
    name: 'a test that takes too long is killed',
    view: { state: 'ready', process: running, assigned: aTest },
    now: 5_000,
    state: 'stopping',
    action: 'end',
    because: 'timed out after 5 s',
  },
  {
    name: 'a killed test says that it timed out',
    view: { state: 'stopping', process: gone, because: 'timed out after 5 s', assigned: aTest },
    state: 'exited',
    because: 'timed out after 5 s',
  },
  {
    name: 'a test whose artifact does not come in its time is given up',
    view: { state: 'backing-off', because: 'no server', assigned: aTest, retryAt: 6_000 },
    now: 5_000,
    state: 'exited',
    because: 'timed out after 5 s, before it had started: no server',
  },
  {
    name: 'what has exited stays so',
    view: { state: 'exited', artifact: { is: 'here' } },
    state: 'exited',
  },
  { name: 'what was refused stays so', view: { state: 'refused' }, state: 'refused' },
]

describe('planInstance', () => {
  test.each(cases)('$name', ({ view, now = 0, state, action, because, wakeAt }) => {
    const step = planInstance(aView(view), now)
    expect(step.state).toBe(state)
    expect(step.action?.do).toBe(action)
    expect(step.because).toBe(because ?? step.because)
    expect(step.wakeAt).toBe(wakeAt ?? step.wakeAt)
  })

  test('the first restart is at once, later ones wait longer and longer up to 30 s', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map(restartWaitMs)
    expect(waits).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  })

  test('a death after a minute of being ready starts the waits anew', () => {
    const dead = { state: 'ready', process: gone, failures: 5, readyAt: 1_000 } as const
    expect(planInstance(aView(dead), 61_000)).toMatchObject({ failures: 1, retryAt: 61_000 })
    expect(planInstance(aView(dead), 60_999)).toMatchObject({ failures: 6, retryAt: 76_999 })
  })

  test('whatever is so, a step follows the table of observed states', () => {
    fc.assert(
      fc.property(anyView(), fc.nat(100_000), (view, now) => {
        const step = planInstance(view, now)
        const isStep = observedTable.transitions.some(
          ({ from, to }) => from === view.state && to === step.state,
        )
        expect(isStep || step.state === view.state).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })

  test('whatever is so, nothing starts that is told to stop or whose last run is not gone', () => {
    fc.assert(
      fc.property(anyView(), fc.nat(100_000), (view, now) => {
        const starts = planInstance(view, now).action?.do === 'start'
        const mayRun = view.process.is === 'running'
        const isLeft = view.process.is === 'ended' && !view.process.swept
        expect(starts && (view.wanted === 'stopped' || mayRun || isLeft)).toBe(false)
      }),
      { numRuns: 5_000 },
    )
  })

  test('whatever is so, one exclusive action is under way at most', () => {
    const exclusive: (string | undefined)[] = ['pull', 'start', 'end']
    fc.assert(
      fc.property(anyView(), fc.nat(100_000), (view, now) => {
        const action = planInstance(view, now).action?.do
        expect(view.busy !== null && exclusive.includes(action)).toBe(false)
      }),
      { numRuns: 5_000 },
    )
  })
})

/** A test is neither warmed up nor checked. */
const serviceOnly: ReadonlySet<ObservedState> = new Set(['warming', 'unhealthy'])

function anyView(): fc.Arbitrary<InstanceView> {
  const states = [...new Set(observedTable.transitions.flatMap(({ from, to }) => [from, to]))]
  const processes: InstanceView['process'][] = [
    { is: 'none' },
    running,
    ended,
    gone,
    { is: 'failed', because: 'no', portTaken: false },
    { is: 'failed', because: 'port', portTaken: true },
  ]
  const artifacts: InstanceView['artifact'][] = [
    { is: 'needed' },
    { is: 'here' },
    { is: 'failed', because: 'no' },
  ]
  return fc
    .record({
      wanted: fc.constantFrom<InstanceView['wanted'][]>('running', 'stopped'),
      state: fc.constantFrom(...states),
      busy: fc.constantFrom<InstanceView['busy'][]>('pull', 'start', 'end', null),
      artifact: fc.constantFrom(...artifacts),
      process: fc.constantFrom(...processes),
      checks: fc.array(fc.constantFrom(passed, failed), { maxLength: 5 }),
      probesUnderWay: fc.nat(5),
      lastProbeAt: fc.option(fc.nat(100_000)),
      warmUp: fc.constantFrom<InstanceView['warmUp'][]>('due', 'under-way', 'done'),
      readyAt: fc.option(fc.nat(100_000)),
      terminatedAt: fc.option(fc.nat(100_000)),
      failures: fc.nat(10),
      retryAt: fc.nat(100_000),
      purpose: fc.constantFrom<AssignedInstance['purpose'][]>('service', 'test'),
      isChecked: fc.boolean(),
    })
    .map(({ purpose, isChecked, ...facts }) => {
      const health = isChecked ? aView().assigned.health : unchecked
      const timeoutMs = purpose === 'test' ? 5_000 : null
      return aView({ ...facts, assigned: { purpose, health, timeoutMs } })
    })
    .filter(({ assigned, state }) => assigned.purpose === 'service' || !serviceOnly.has(state))
}
