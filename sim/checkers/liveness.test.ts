import { describe, expect, test } from 'vitest'
import type { AnyController } from '../../src/server/controllers.ts'
import type { Snapshot } from '../../src/store/port.ts'
import type { Checker } from '../view.ts'
import { allCheckers } from './all.ts'
import { aNode, anApp, anInstance, aRollout, aSpec, History } from './history.fixture.ts'

/** Each checker that judges the end is shown one history that breaks its promise, and a sound one. */

interface Case {
  readonly invariant: string
  readonly broken: (history: History) => unknown
  readonly sound: (history: History) => unknown
}

const minutes = 60_000
const online = { pool: 'online' } as const

function serving(history: History, ...ids: readonly string[]): History {
  history.commit(anApp())
  for (const id of ids) {
    history
      .commit([anInstance(id)])
      .start(id)
      .health(id, true)
      .commit([anInstance(id, online)])
  }
  return history.publish(...ids)
}

const cases: readonly Case[] = [
  {
    invariant: 'L1',
    broken: (history) => history.commit([aRollout('ro-a', { deadline: 0 })]).quiet(2 * minutes),
    sound: (history) => history.commit([aRollout('ro-a', { state: 'done' })]).quiet(2 * minutes),
  },
  {
    invariant: 'L2',
    broken: (history) => serving(history, 'i-a').quiet(2 * minutes),
    sound: (history) => serving(history, 'i-a', 'i-b').quiet(2 * minutes),
  },
  {
    invariant: 'L3',
    broken: (history) =>
      serving(history, 'i-a', 'i-b')
        .publish('i-a')
        .quiet(2 * minutes),
    sound: (history) => serving(history, 'i-a', 'i-b').quiet(2 * minutes),
  },
  {
    invariant: 'L4',
    broken: (history) =>
      serving(history, 'i-a')
        .commit([anInstance('i-a', { state: 'ended' })])
        .quiet(2 * minutes),
    sound: (history) =>
      serving(history, 'i-a')
        .commit([anInstance('i-a', { state: 'ended' })])
        .end('i-a', 'agent', true)
        .quiet(2 * minutes),
  },
  {
    invariant: 'L5',
    broken: (history) => wait(history, 1),
    sound: (history) => wait(history, 0.1),
  },
  {
    invariant: 'L6',
    broken: (history) => flap(history, 10_000),
    sound: (history) => flap(history, 50_000),
  },
  {
    invariant: 'L7',
    broken: (history) =>
      serving(history, 'i-a')
        .commit([anInstance('i-a', { pool: 'draining' })])
        .quiet(2 * minutes),
    sound: (history) =>
      serving(history, 'i-a')
        .commit([anInstance('i-a', { pool: 'draining' })])
        .commit([anInstance('i-a', { pool: 'draining', state: 'ended' })])
        .quiet(2 * minutes),
  },
  {
    invariant: 'L8',
    broken: (history) => history.commit([aRollout('ro-a')], { who: 'rollouts' }),
    sound: (history) =>
      history
        .commit([aRollout('ro-a')], { who: 'operator' })
        .commit([aRollout('ro-a', { state: 'reverting' })], { who: 'rollouts' })
        .commit([aRollout('ro-a', { state: 'reverted' })], { who: 'rollouts' }),
  },
  {
    invariant: 'D2',
    broken: (history) => replay(history, ['n1', 'n2'], ['n1']),
    sound: (history) => replay(history, ['n1', 'n2'], ['n1', 'n2']),
  },
  {
    invariant: 'D5',
    broken: (history) => resync(history, 1),
    sound: (history) => resync(history, 0),
  },
]

/** An instance that wants a place, on a node with as much capacity. */
function wait(history: History, cpu: number): void {
  const capacity = { cpu, memoryBytes: 1_000, diskBytes: 1_000 }
  history.commit([...anApp(aSpec()), aNode('n1', { capacity })])
  history.commit([anInstance('i-a', { state: 'pending', placement: null })]).quiet(2 * minutes)
}

/** A node's record that is written again and again. */
function flap(history: History, everyMs: number): void {
  history.healedAt = history.now()
  history.tell({ is: 'healed' })
  for (let passed = 0; passed < 3 * minutes; passed += everyMs) {
    history.commit([aNode('n1')]).pass(everyMs)
  }
  history.tell({ is: 'end' })
}

/** Nodes that were committed, and those that the store has in the end. */
function replay(history: History, committed: readonly string[], kept: readonly string[]): void {
  history.commit(committed.map((id) => aNode(id)))
  const entries = kept.map((id) => {
    const operation = aNode(id)
    return { key: operation.key, value: operation.op === 'put' ? operation.value : undefined }
  })
  const records: Partial<Snapshot> = {
    revision: history.revision,
    list: ((kind: { name: string }) => (kind.name === 'node' ? entries : [])) as never,
  }
  Object.assign(history.records, records)
  history.tell({ is: 'end' })
}

/** A controller that plans so many actions whenever it is asked. */
function resync(history: History, actions: number): void {
  const controller: Partial<AnyController> = {
    name: 'a controller',
    allKeys: () => ['a key'],
    observe: () => ({}),
    plan: () => ({ actions: Array.from({ length: actions }), because: 'a test' }),
  }
  const controllers = [controller as AnyController]
  history.leader = { controllers, now: () => 0, snapshot: history.records }
  history.quiet(2 * minutes)
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

test('nothing is expected of a world that was not left alone', () => {
  const history = new History(checkerOf('L2'))
  serving(history, 'i-a').quiet(minutes / 2)
  expect(history.found).toEqual([])
})

test('every invariant is checked once', () => {
  const invariants = allCheckers().map(({ invariant }) => invariant)
  expect(new Set(invariants).size).toBe(invariants.length)
})

function checkerOf(invariant: string): Checker {
  const checker = allCheckers().find((one) => one.invariant === invariant)
  if (checker === undefined) throw new Error(`nobody checks ${invariant}`)
  return checker
}
