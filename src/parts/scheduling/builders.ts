import type { Resources } from '../nodes/model.ts'
import { noSpread, type NodeView, type PendingInstance, type PlacementView } from './model.ts'

/** Builders for tests of the scheduler: a thing with sensible members, and what the test is about. */

export const mib = 2 ** 20
export const gib = 2 ** 30

/** The instant of these tests; every node of `aNode` was heard just before. */
export const testNow = 1_000_000_000

export function someResources(members: Partial<Resources> = {}): Resources {
  return { cpu: 0.25, memoryBytes: 256 * mib, diskBytes: gib, ...members }
}

export function aNode(members: Partial<NodeView> = {}): NodeView {
  return {
    id: 'node-1',
    zone: 'a',
    address: '127.0.0.1',
    capacity: { cpu: 4, memoryBytes: 2 * gib, diskBytes: 100 * gib },
    used: { cpu: 0, memoryBytes: 0, diskBytes: 0 },
    portsFrom: 21_000,
    portsTo: 21_999,
    portsUsed: new Set(),
    portCursor: 20_999,
    groups: new Map(),
    heardAt: testNow - 1_000,
    ...members,
  }
}

export function anInstance(members: Partial<PendingInstance> = {}): PendingInstance {
  return {
    id: 'i-1',
    group: 'local/default/shop/api@1',
    resources: someResources(),
    needsPort: true,
    spread: noSpread,
    desired: 'running',
    unplaced: null,
    ...members,
  }
}

export function aView(nodes: NodeView[], pending: PendingInstance[]): PlacementView {
  return { nodes, pending, listeningSince: 0 }
}

/** The same instance several times, `i-1` and on. */
export function instances(
  count: number,
  members: Partial<PendingInstance> = {},
): PendingInstance[] {
  return Array.from({ length: count }, (_, index) =>
    anInstance({ ...members, id: `i-${index + 1}` }),
  )
}
