import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import Value from 'typebox/value'
import { ingressReportIntervalMs, TableDelta, type Backend } from '../parts/ingress/model.ts'
import { reportEveryMs } from '../wire/ingress-protocol.ts'
import { parseDelta, parseTable, printTable } from './parse-table.ts'
import { applyDelta, emptyTable, wholeTable } from './routing-table.ts'

const endpoint = fc.record({
  instanceId: fc.string(),
  releaseId: fc.string(),
  address: fc.ipV4(),
  port: fc.integer({ min: 1, max: 65_535 }),
  ready: fc.boolean(),
})
const split = fc.record({
  groups: fc.array(
    fc.record({
      name: fc.constantFrom('canary' as const, 'baseline' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }).map((share) => share + 0),
      instanceIds: fc.array(fc.string(), { maxLength: 2 }),
    }),
    { maxLength: 2 },
  ),
  sticky: fc.boolean(),
})
const pass = fc.record({ digest: fc.string(), releaseId: fc.string(), until: fc.nat() })
const backend: fc.Arbitrary<Backend> = fc.record(
  {
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    online: fc.array(endpoint, { maxLength: 3 }),
    maintenance: fc.array(endpoint, { maxLength: 2 }),
    route: fc.option(
      fc.record({ host: fc.domain(), path: fc.constant('/'), expose: fc.constant('public') }),
    ),
    listener: fc.option(
      fc.record({ port: fc.constant(20_000), maintenancePort: fc.constant(20_001) }),
    ),
    split,
    passes: fc.array(pass, { maxLength: 2 }),
  },
  { requiredKeys: ['id', 'online', 'maintenance', 'route', 'listener'] },
)
const delta = fc.record({
  version: fc.nat(),
  revision: fc.nat(),
  full: fc.boolean(),
  backends: fc.uniqueArray(backend, { selector: ({ id }) => id }),
  removed: fc.subarray(['a', 'b', 'c', 'd']),
})

function aBackend(id: string): Backend {
  return { id, online: [], maintenance: [], route: null, listener: null }
}

describe('routing table', () => {
  test('a delta adds, replaces and removes', () => {
    const first = applyDelta(emptyTable, {
      revision: 3,
      full: false,
      backends: [aBackend('a'), aBackend('b')],
      removed: [],
    })
    const listener = { port: 1, maintenancePort: 2 }
    const second = applyDelta(first, {
      revision: 4,
      full: false,
      backends: [{ ...aBackend('b'), listener }],
      removed: ['a'],
    })
    expect([...first.backends.keys()]).toEqual(['a', 'b'])
    expect([...second.backends.values()]).toEqual([{ ...aBackend('b'), listener }])
    expect(second.revision).toBe(4)
  })

  test('a full delta forgets what it does not name', () => {
    const before = { revision: 3, backends: new Map([['a', aBackend('a')]]) }
    const after = applyDelta(before, {
      revision: 9,
      full: true,
      backends: [aBackend('b')],
      removed: [],
    })
    expect([...after.backends.keys()]).toEqual(['b'])
  })

  test('a revision may come alone', () => {
    const before = { revision: 3, backends: new Map([['a', aBackend('a')]]) }
    const after = applyDelta(before, { revision: 5, full: false, backends: [], removed: [] })
    expect(after).toEqual({ revision: 5, backends: before.backends })
  })

  test('the whole table leads from any table to this one', () => {
    fc.assert(
      fc.property(fc.array(delta), fc.array(delta), (ones, others) => {
        const table = ones.reduce(applyDelta, emptyTable)
        const other = others.reduce(applyDelta, emptyTable)
        const revision = table.revision
        expect(applyDelta(other, { revision, ...wholeTable(table) })).toEqual(table)
      }),
    )
  })
})

describe('tables from outside', () => {
  test('a table that is printed and parsed is the same', () => {
    fc.assert(
      fc.property(fc.array(delta), (deltas) => {
        const table = deltas.reduce(applyDelta, emptyTable)
        expect(parseTable(printTable(table))).toEqual(table)
      }),
    )
  })

  test('what the schema takes is parsed, and what it refuses is refused', () => {
    fc.assert(
      fc.property(delta, mutation, (good, mutate) => {
        expect(parseDelta(structuredClone(good))).toEqual(good)
        const doubtful = mutate(structuredClone(good))
        expect(parseDelta(doubtful) !== undefined).toBe(Value.Check(TableDelta, doubtful))
      }),
    )
  })

  test('a damaged file is no table', () => {
    for (const text of ['', '{', '[]', '{"schema":2,"revision":1,"backends":[]}', 'null']) {
      expect(parseTable(text)).toBeUndefined()
    }
  })

  test('ports outside of 1 to 65535 are refused, whatever the schema says', () => {
    for (const port of [0, 65_536, -1]) {
      const listener = { port, maintenancePort: 20_001 }
      const backends = [{ ...aBackend('a'), listener }]
      const data = { version: 1, revision: 1, full: true, backends, removed: [] }
      expect(parseDelta(data)).toBeUndefined()
    }
  })

  test('the protocol and the model name one report interval', () => {
    expect(reportEveryMs).toBe(ingressReportIntervalMs)
  })
})

/** Breaks one member, somewhere, or none. */
const mutation = fc
  .record({ at: fc.nat(), value: fc.constantFrom(null, 'x', 1.5, true, [], {}, undefined) })
  .map(({ at, value }) => (data: object) => {
    const places: [Record<string, unknown>, string][] = []
    const walk = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return
      for (const [key, child] of Object.entries(node)) {
        places.push([node as Record<string, unknown>, key])
        walk(child)
      }
    }
    walk(data)
    const [owner, key] = places[at % places.length] ?? [{}, '']
    // A port of the right type but out of range is a matter of its own, tested below.
    owner[key] = value
    return data
  })
