import { describe, expect, it } from 'vitest'
import { Refusal } from '../../src/base/errors.ts'
import { checkTransition, type StateTable } from '../../src/base/state-table.ts'
import { InstanceState, instanceTable, ObservedState } from '../../src/parts/instances/model.ts'
import { observedTable } from '../../src/parts/instances/model.ts'
import { RolloutState, rolloutTable } from '../../src/parts/rollouts/model.ts'

/** Every state machine of the program, with all states that its schema knows. */
const tables: [string, StateTable<string, string>, readonly string[]][] = [
  ['instance', instanceTable, InstanceState.enum],
  ['observed instance', observedTable, ObservedState.enum],
  ['rollout', rolloutTable, RolloutState.enum],
]

describe.each(tables)('the state table of an %s', (_name, table, states) => {
  it('has one owner for each source state', () => {
    for (const state of states) {
      const owners = new Set(table.transitions.filter((t) => t.from === state).map((t) => t.by))
      expect(owners.size, state).toBeLessThanOrEqual(1)
    }
  })

  it('reaches every state of its schema, and no other', () => {
    const reached = new Set([table.initial])
    for (let before = -1; before !== reached.size;) {
      before = reached.size
      for (const { from, to } of table.transitions) if (reached.has(from)) reached.add(to)
    }
    expect([...reached].toSorted()).toEqual([...states].toSorted())
  })

  it('names each step once and none that stays where it is', () => {
    const steps = table.transitions.map(({ from, to }) => `${from} ${to}`)
    expect(new Set(steps).size).toBe(steps.length)
    expect(table.transitions.filter(({ from, to }) => from === to)).toEqual([])
  })

  it('refuses every step that it does not name', () => {
    for (const from of states) {
      for (const to of states) {
        const isNamed = table.transitions.some((t) => t.from === from && t.to === to)
        if (isNamed || from === to) checkTransition(table, from, to)
        else expect(() => checkTransition(table, from, to)).toThrow(Refusal)
      }
    }
  })
})

describe.each(tables.filter(([name]) => name !== 'observed instance'))(
  'the stored states of an %s',
  (_name, table) => {
    it('never go backwards', () => {
      const leadsTo = (from: string, wanted: string, seen = new Set<string>()): boolean =>
        table.transitions.some(
          (step) =>
            step.from === from &&
            !seen.has(step.to) &&
            (step.to === wanted || leadsTo(step.to, wanted, seen.add(step.to))),
        )
      for (const { from } of table.transitions) expect(leadsTo(from, from), from).toBe(false)
    })
  },
)
