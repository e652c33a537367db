import { describe, expect, test } from 'vitest'
import { jobRunKey } from '../../src/parts/jobs/model.ts'
import type { Operation } from '../../src/store/port.ts'
import type { Checker } from '../view.ts'
import { allCheckers } from './all.ts'
import { aNode, anApp, anInstance, aRollout, aSpec, History, web, at } from './history.fixture.ts'

/** Each checker of safety is shown one history that breaks its promise, and one that does not. */

interface Case {
  readonly invariant: string
  readonly broken: (history: History) => unknown
  readonly sound: (history: History) => unknown
}

const singleton = aSpec({ singleton: true, instances: 1 })
const alone = { epoch: 1, leaseMs: 30_000 }
const next = { epoch: 2, leaseMs: 30_000 }
const online = { pool: 'online' } as const

/** Two instances online and healthy at the ingress, as many as are wanted. */
function serving(history: History): History {
  history.commit(anApp())
  for (const id of ['i-a', 'i-b']) {
    history
      .commit([anInstance(id)])
      .start(id)
      .health(id, true)
      .commit([anInstance(id, online)])
  }
  return history.publish('i-a', 'i-b')
}

const cases: readonly Case[] = [
  {
    invariant: 'S1',
    broken: (history) =>
      history
        .commit([...anApp(singleton), anInstance('i-a', { singleton: alone })])
        .commit([anInstance('i-b', { singleton: next })])
        .start('i-a', { epoch: 1 })
        .start('i-b', { epoch: 2, nodeId: 'n2' }),
    sound: (history) =>
      history
        .commit([...anApp(singleton), anInstance('i-a', { singleton: alone })])
        .commit([anInstance('i-b', { singleton: next })])
        .start('i-a', { epoch: 1 })
        .end('i-a', 'watchdog')
        .start('i-b', { epoch: 2, nodeId: 'n2' }),
  },
  {
    invariant: 'S2',
    broken: (history) => threeStarts(history.aMachine('n1')),
    sound: (history) => threeStarts(history.aMachine('n1'), 'i-a'),
  },
  {
    invariant: 'S2a',
    broken: (history) =>
      history.commit([aNode('n1')]).commit(['i-a', 'i-b', 'i-c'].map((id) => anInstance(id))),
    sound: (history) =>
      history.commit([aNode('n1')]).commit([anInstance('i-a'), anInstance('i-b')]),
  },
  {
    invariant: 'S3',
    broken: (history) => serving(history).publish('i-a'),
    sound: (history) => serving(history).end('i-b', 'itself').publish('i-a'),
  },
  {
    invariant: 'S3d',
    broken: (history) => serving(history).commit([anInstance('i-b', { pool: 'draining' })]),
    sound: (history) =>
      serving(history)
        .commit([anInstance('i-c')])
        .start('i-c')
        .health('i-c', true)
        .commit([anInstance('i-c', online)])
        .commit([anInstance('i-b', { pool: 'draining' })]),
  },
  {
    invariant: 'S4',
    broken: (history) =>
      history
        .commit([...anApp(), anInstance('i-a')])
        .start('i-a')
        .commit([anInstance('i-a', online)]),
    sound: (history) => serving(history),
  },
  {
    invariant: 'S5',
    broken: (history) => history.commit([aRollout('ro-a')]).commit([aRollout('ro-b')]),
    sound: (history) =>
      history.commit([aRollout('ro-a')]).commit([aRollout('ro-b', { state: 'queued' })]),
  },
  {
    invariant: 'S6',
    broken: (history) => acknowledge(history.commit([aRollout('ro-a')]), 2),
    sound: (history) => acknowledge(history.commit([aRollout('ro-a')]), 1),
  },
  {
    invariant: 'S7',
    broken: (history) =>
      history
        .commit([aNode('n1')], { epoch: 2, by: 'server-2' })
        .commit([aNode('n2')], { epoch: 1 }),
    sound: (history) =>
      history
        .commit([aNode('n1')], { epoch: 1 })
        .commit([aNode('n2')], { epoch: 2, by: 'server-2' }),
  },
  {
    invariant: 'S8',
    broken: (history) => history.start('i-a').end('i-a', 'agent', true).start('i-a', { run: 2 }),
    sound: (history) => history.start('i-a').end('i-a', 'itself').start('i-a', { run: 2 }),
  },
  {
    invariant: 'S9',
    broken: (history) => history.start('i-a', { port: 21_000 }).start('i-b', { port: 21_000 }),
    sound: (history) =>
      history.start('i-a', { port: 21_000 }).end('i-a', 'agent').start('i-b', { port: 21_000 }),
  },
  {
    invariant: 'S10',
    broken: (history) => account(history.commit([aNode('n1'), anInstance('i-a')]), 0.5),
    sound: (history) => account(history.commit([aNode('n1'), anInstance('i-a')]), 0.4),
  },
  {
    invariant: 'S11',
    broken: (history) => spread(history, 'n1'),
    sound: (history) => spread(history, 'n2'),
  },
  {
    invariant: 'S12',
    broken: (history) => serving(history).publish(),
    sound: (history) => serving(history).publish('i-b'),
  },
  {
    invariant: 'S13',
    broken: (history) =>
      history
        .commit([...anApp(singleton), anInstance('i-a', { singleton: next })])
        .commit([anInstance('i-b', { singleton: next })]),
    sound: (history) =>
      history
        .commit([...anApp(singleton), anInstance('i-a', { singleton: alone })])
        .commit([anInstance('i-b', { singleton: next })]),
  },
  {
    invariant: 'S14',
    broken: (history) => history.commit([aRun('run-a', 60_000)]).commit([aRun('run-b', 60_000)]),
    sound: (history) => history.commit([aRun('run-a', 60_000)]).commit([aRun('run-b', 120_000)]),
  },
  {
    invariant: 'S15',
    broken: (history) => concern(history, ['i-a', 'i-b', 'i-a']),
    sound: (history) => concern(history, ['i-a', 'i-b']),
  },
  {
    invariant: 'S16',
    broken: (history) => serving(history).pass(20_000).stopping('i-a').end('i-a', 'agent', true),
    sound: (history) =>
      serving(history)
        .pass(20_000)
        .commit([anInstance('i-a', { desired: 'stopped' })])
        .end('i-a', 'agent', true),
  },
  {
    invariant: 'S17',
    broken: (history) => loseTwoOf(4, history),
    sound: (history) => loseTwoOf(7, history),
  },
  {
    invariant: 'S18',
    broken: (history) => history.commit([aNode('n1')], { why: '' }),
    sound: (history) => history.commit([aNode('n1')]),
  },
]

/** As much of a job's run as its checker looks at. */
function aRun(id: string, slot: number): Operation {
  const value = { at, id, job: 'nightly', slot, attempts: [] }
  return { op: 'put', key: jobRunKey(at, id), value, schema: 1 }
}

function threeStarts(history: History, ended?: string): void {
  const ids = ['i-a', 'i-b', 'i-c']
  history
    .commit(ids.map((id) => anInstance(id)))
    .start('i-a')
    .start('i-b')
  if (ended !== undefined) history.end(ended, 'agent')
  history.start('i-c')
}

function acknowledge(history: History, revision: number): void {
  const keys = ['rollout/default/local/shop/ro-a']
  history.tell({ is: 'acknowledged', revision, keys })
}

function account(history: History, cpu: number): void {
  const used = { cpu, memoryBytes: 100, diskBytes: 1 }
  const leader = { controllers: [], now: () => 0, snapshot: history.records }
  history.leader = { ...leader, reservedOn: () => ({ revision: history.revision, used }) }
  history.tell({ is: 'end' })
}

function spread(history: History, nodeId: string): void {
  const spec = aSpec({ spread: { zone: 'none', node: 'require' } })
  const placement = { nodeId, port: 21_001 }
  history.commit([...anApp(spec), aNode('n1'), aNode('n2'), anInstance('i-a')])
  history.commit([anInstance('i-b', { placement })])
}

function concern(history: History, concerns: readonly string[]): void {
  history.tell({ is: 'pass', controller: 'instances', key: web, concerns })
}

function loseTwoOf(count: number, history: History): void {
  const ids = Array.from({ length: count }, (_none, index) => `n${index}`)
  history.commit(ids.map((id) => aNode(id)))
  for (const id of ids.slice(0, 2)) {
    history.commit([aNode(id, { lost: { since: 0 } })], { who: 'nodes' })
  }
}

describe.each(cases)('$invariant', ({ invariant, broken, sound }) => {
  test('is found broken', () => {
    const history = new History(checkerOf(invariant))
    broken(history)
    expect(history.found.map((one) => one.invariant)).toContain(invariant)
  })

  test('is found kept', () => {
    const history = new History(checkerOf(invariant))
    sound(history)
    expect(history.found).toEqual([])
  })
})

test('S1 excuses a host that was frozen', () => {
  const history = new History(checkerOf('S1'))
  history.aMachine('n1', { isFrozen: true }).aMachine('n2')
  history.commit([...anApp(singleton), anInstance('i-a', { singleton: alone })])
  history.commit([anInstance('i-b', { singleton: next })])
  history.start('i-a', { epoch: 1 }).start('i-b', { epoch: 2, nodeId: 'n2' })
  expect(history.found).toEqual([])
})

test('S3d knows that bad news takes its time', () => {
  const history = new History(checkerOf('S3d'))
  serving(history)
    .commit([anInstance('i-c')])
    .start('i-c')
    .health('i-c', true)
  history
    .commit([anInstance('i-c', online)])
    .end('i-c', 'itself')
    .pass(5_000)
  history.commit([anInstance('i-b', { pool: 'draining' })])
  expect(history.found).toEqual([])
})

test('S6 notices a revision that is given twice', () => {
  const history = new History(checkerOf('S6'))
  history.commit([aNode('n1')])
  history.revision = 0
  history.commit([aNode('n2')])
  expect(history.found).toHaveLength(1)
})

function checkerOf(invariant: string): Checker {
  const checker = allCheckers().find((one) => one.invariant === invariant)
  if (checker === undefined) throw new Error(`nobody checks ${invariant}`)
  return checker
}
