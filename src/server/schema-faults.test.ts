import Type from 'typebox'
import { describe, expect, test } from 'vitest'
import { faultsOf } from './schema-faults.ts'

const item = Type.Object({ id: Type.String(), runs: Type.Integer({ minimum: 0 }) })
const schema = Type.Object({
  name: Type.String(),
  list: Type.Array(item, { maxItems: 1_000 }),
  byName: Type.Record(Type.String(), item),
})
const good = { id: 'a', runs: 1 }

function value(parts: object): unknown {
  return { name: 'x', list: [], byName: {}, ...parts }
}

function pathsOf(parts: object): string[] {
  return faultsOf(schema, value(parts)).map(({ instancePath }) => instancePath)
}

describe('the faults of a value', () => {
  test('are all named where it is small', () => {
    expect(
      pathsOf({
        list: [
          { ...good, runs: -1 },
          { ...good, runs: 0.5 },
        ],
      }),
    ).toEqual(['/list/0/runs', '/list/1/runs'])
  })

  test('in a long list are those of its first bad member', () => {
    const list = Array.from({ length: 900 }, (_, index) => ({
      ...good,
      runs: index < 500 ? 1 : -1,
    }))
    expect(pathsOf({ list })).toEqual(['/list/500/runs'])
  })

  test('in an object of many members are those of the first bad one', () => {
    const byName = Object.fromEntries(
      Array.from({ length: 900 }, (_, index) => [`m${index}`, index < 500 ? good : {}]),
    )
    expect(pathsOf({ byName })[0]).toMatch(/^\/byName\/m500/)
  })

  test('of a list that is too long are that, whatever is in it', () => {
    const list = Array.from({ length: 1_001 }, () => ({}))
    expect(faultsOf(schema, value({ list }))).toEqual([
      { instancePath: '/list', message: 'must not have more than 1000 items' },
    ])
  })

  test('elsewhere are named although a long list is good', () => {
    const list = Array.from({ length: 900 }, () => good)
    expect(pathsOf({ list, byName: [] })).toEqual(['/byName'])
  })
})
