import { describe, expect, test } from 'vitest'
import { aNode } from '../../../test/fixtures/records.ts'
import type { NodeView, RolloutView } from '../../wire/api.ts'
import type { BoundView } from '../../wire/bounds.ts'
import { examine, type Finding } from './checks.ts'
import type { Facts, ServerFacts } from './facts.ts'

const now = 100_000_000
type There = Extract<ServerFacts, { is: 'there' }>

const node: NodeView = {
  ...aNode(),
  protocol: 2,
  status: 'ready',
  heardAt: now - 1_000,
  reserved: { cpu: 0, memoryBytes: 0, diskBytes: 0, instances: 1 },
}
const bound: BoundView = {
  name: 'store.commits-waiting',
  says: 'commits that wait; beyond it a write is refused',
  unit: 'items',
  overflow: 'refuses',
  limit: 100,
  used: 1,
  lost: 0,
}

function facts(server: Partial<There> = {}, more: Partial<Facts> = {}): Facts {
  return {
    now,
    version: '0.2.0',
    nodeVersion: 'v24.1.0',
    data: {
      folder: '/data',
      exists: true,
      mode: 0o700,
      freeBytes: 1e12,
      freeInodes: 1e6,
      tokens: [{ name: 'operator', mode: 0o600 }],
    },
    openFilesMax: 20_000,
    knowsZones: true,
    server: {
      is: 'there',
      url: 'http://127.0.0.1:7070',
      version: '0.2.0',
      skewMs: 0,
      answeredInMs: 3,
      nodes: [node],
      bounds: [bound],
      rollouts: [],
      jobs: [],
      ...server,
    },
    ...more,
  }
}

/** What is not well. */
function complaints(of: Facts): Pick<Finding, 'check' | 'is'>[] {
  return examine(of)
    .filter((finding) => finding.is !== 'ok')
    .map(({ check, is, advice }) => {
      expect(advice).toBeTruthy()
      return { check, is }
    })
}

test('a set-up that is well has no complaint, and each check says what it saw', () => {
  expect(complaints(facts())).toEqual([])
  expect(examine(facts()).every(({ seen }) => seen.length > 10)).toBe(true)
})

const data = facts().data!
const underWay = { id: 'ro-1', at: { app: 'shop' }, endedAt: null, because: 'waits' }
const gone = { is: 'unreachable', because: 'connect ECONNREFUSED', url: 'http://x' } as const

describe('a complaint', () => {
  test.each<[string, Facts, Finding['check'], Finding['is']]>([
    ['an old Node.js', facts({}, { nodeVersion: 'v20.1.0' }), 'node.js', 'fail'],
    ['no time zones', facts({}, { knowsZones: false }), 'time zones', 'fail'],
    ['few open files', facts({}, { openFilesMax: 256 }), 'open files', 'warn'],
    ['no data folder', facts({}, { data: { ...data, exists: false } }), 'data', 'warn'],
    ['an open data folder', facts({}, { data: { ...data, mode: 0o755 } }), 'data', 'warn'],
    ['a full disk', facts({}, { data: { ...data, freeBytes: 1e6 } }), 'disk', 'fail'],
    ['a disk that fills', facts({}, { data: { ...data, freeBytes: 1e9 } }), 'disk', 'warn'],
    ['no inodes', facts({}, { data: { ...data, freeInodes: 10 } }), 'disk', 'warn'],
    [
      'a token that others can read',
      facts({}, { data: { ...data, tokens: [{ name: 'agent', mode: 0o644 }] } }),
      'tokens',
      'fail',
    ],
    ['no server', facts({}, { server: gone }), 'server', 'fail'],
    ['another version', facts({ version: '0.1.0' }), 'version', 'warn'],
    ['a clock that is off', facts({ skewMs: -60_000 }), 'clocks', 'warn'],
    ['no nodes', facts({ nodes: [] }), 'nodes', 'fail'],
    ['a silent node', facts({ nodes: [{ ...node, status: 'lost' }] }), 'nodes', 'fail'],
    ['an older agent', facts({ nodes: [{ ...node, protocol: 1 }] }), 'agents', 'warn'],
    ['a bound that bites', facts({ bounds: [{ ...bound, used: 100 }] }), 'bounds', 'fail'],
    ['a bound that fills', facts({ bounds: [{ ...bound, used: 85 }] }), 'bounds', 'warn'],
    ['something lost', facts({ bounds: [{ ...bound, lost: 3 }] }), 'bounds', 'warn'],
    [
      'a stuck rollout',
      facts({ rollouts: [{ ...underWay, startedAt: now - 7_200_000 } as unknown as RolloutView] }),
      'rollouts',
      'warn',
    ],
  ])('of %s', (_what, seen, check, is) => {
    expect(complaints(seen)).toEqual([{ check, is }])
  })
})

test('a history that is full is no complaint: it forgets its oldest', () => {
  const full: BoundView = { ...bound, overflow: 'drops-oldest', used: 100 }
  expect(complaints(facts({ bounds: [full] }))).toEqual([])
})

test('without a server what is local is checked all the same', () => {
  const checks = examine(facts({}, { server: gone })).map(({ check }) => check)
  expect(checks).toEqual(['node.js', 'time zones', 'open files', 'disk', 'tokens', 'server'])
})
