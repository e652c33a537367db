/** A kind of record made for tests: with indexes, a state table, and an upgrade worked out. */
import Type, { type Static } from 'typebox'
import { keyOf, type Key } from '../base/key.ts'
import { checkTransition, type StateTable } from '../base/state-table.ts'
import type { Kind } from './port.ts'

export const Thing = Type.Object({
  name: Type.String({ minLength: 1 }),
  group: Type.Union([Type.String(), Type.Null()]),
  count: Type.Integer(),
  state: Type.Enum(['new', 'used', 'gone']),
})
export type Thing = Static<typeof Thing>

const thingTable: StateTable<Thing['state'], 'tests'> = {
  initial: 'new',
  transitions: [
    { from: 'new', to: 'used', by: 'tests' },
    { from: 'used', to: 'gone', by: 'tests' },
  ],
}

export function thingKey(name: string): Key {
  return keyOf({ kind: 'thing', tenant: 'cz', environment: 'prod', app: 'shop', name })
}

/**
 * The worked example of an upgrade. Version 1 was `{ name, group, amount }` with the count as a
 * text; version 2 made it a number and called it `count`; version 3 added `state`. Each upgrader
 * takes one step, so that a record of any age goes through all that came after it.
 */
export const thingKind: Kind<Thing> = {
  name: 'thing',
  version: 3,
  schema: Thing,
  keyOf: (thing) => thingKey(thing.name),
  upgraders: {
    1: (old) => {
      const { amount, ...rest } = old as { amount: string }
      return { ...rest, count: Number(amount) }
    },
    2: (old) => ({ ...(old as object), state: 'new' }),
  },
  indexes: {
    group: (thing) => thing.group ?? undefined,
    state: (thing) => thing.state,
  },
  checkChange: (before, after) => checkTransition(thingTable, before?.state, after.state),
}

export function aThing(name: string, changes: Partial<Thing> = {}): Thing {
  return { name, group: 'g', count: 0, state: 'new', ...changes }
}
