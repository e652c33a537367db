import type { InstanceView, NodeView } from '../../src/wire/api.ts'
import type { NodeFinding, PackedService, PackingAnswer } from '../../src/wire/packing.ts'
import type { FakeApp } from './fake-scenes.ts'

/** Instances on nodes: as many as the apps of a scene want, laid out one node after the other. */

type Packed = PackingAnswer['items'][number]['instances'][number]

export type FakeInstance = Omit<Packed, 'service'> & {
  readonly service: PackedService
  readonly nodeId: string
}

const mebibyte = 2 ** 20

/** One of each sort of trouble in so many instances: a large fleet is never all green. */
const troubleEvery = 211
const newEvery = 97

/** Neighbours in the list do not lie side by side; any number that shares no factor will do. */
const spread = 7_919

export class FakeFleet {
  readonly instances = new Map<string, FakeInstance>()
  readonly #nodes: readonly NodeView[]

  constructor(apps: readonly FakeApp[], nodes: readonly NodeView[]) {
    this.#nodes = nodes
    let number = 0
    for (const { at, services } of apps) {
      for (const { name, wanted } of services) {
        for (let copy = 0; copy < wanted; copy++, number++) {
          const node = nodes[(number * spread + (number >> 4)) % Math.max(1, nodes.length)]
          if (node !== undefined) this.#add(anInstance(number, { at, service: name }, node.id))
        }
      }
    }
    for (const node of nodes) this.#reserve(node)
  }

  /** One page of the packing, as the server cuts it. */
  packing(limit: number, cursor: string | null): PackingAnswer {
    const from = Number(cursor ?? 0)
    const byNode = new Map<string, FakeInstance[]>()
    for (const one of this.instances.values()) {
      const there = byNode.get(one.nodeId)
      if (there === undefined) byNode.set(one.nodeId, [one])
      else there.push(one)
    }
    const services = new Map<PackedService, number>()
    const placeOf = (service: PackedService): number => {
      const place = services.get(service) ?? services.size
      services.set(service, place)
      return place
    }
    const items = this.#nodes.slice(from, from + limit).map(({ id: nodeId }) => ({
      nodeId,
      instances: (byNode.get(nodeId) ?? []).map(
        ({ id, service, cpu, memoryBytes, pool, state }) => ({
          id,
          service: placeOf(service),
          cpu,
          memoryBytes,
          pool,
          state,
        }),
      ),
    }))
    const answer = { items, services: [...services.keys()], unplaced: 0 }
    return from + limit < this.#nodes.length ? { ...answer, next: String(from + limit) } : answer
  }

  /** An agent tells something new of an instance. */
  see(id: string, state: NonNullable<Packed['state']>): void {
    const known = this.instances.get(id)
    if (known !== undefined) this.instances.set(id, { ...known, state })
  }

  /** The record of an instance, as a change of the watch carries it. */
  recordOf(id: string): Partial<InstanceView> | null {
    const known = this.instances.get(id)
    if (known === undefined) return null
    const { service, nodeId, cpu, memoryBytes, pool } = known
    return {
      id,
      ...service,
      pool,
      resources: { cpu, memoryBytes, diskBytes: 0 },
      state: 'placed',
      placement: { nodeId, port: null },
    }
  }

  #add(instance: FakeInstance): void {
    this.instances.set(instance.id, instance)
  }

  #reserve(node: NodeView): void {
    const own = [...this.instances.values()].filter(({ nodeId }) => nodeId === node.id)
    node.reserved = {
      cpu: own.reduce((sum, { cpu }) => sum + cpu, 0),
      memoryBytes: own.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      diskBytes: own.length * 512 * mebibyte,
      instances: own.length,
    }
  }
}

function anInstance(number: number, service: PackedService, nodeId: string): FakeInstance {
  const size = 1 + ((service.service.length + number) % 3)
  const isNew = number % newEvery === 5
  return {
    id: `i-${number.toString(36).padStart(5, '0')}`,
    service,
    nodeId,
    cpu: 0.18 * size,
    memoryBytes: 610 * size * mebibyte,
    pool: isNew ? 'maintenance' : 'online',
    state:
      number % troubleEvery === 17 ? 'unhealthy' : number % newEvery === 6 ? 'warming' : 'ready',
  }
}

/** What agents of a small fleet found by themselves. */
export function findingsOf(nodes: readonly NodeView[], now: number): NodeFinding[] {
  const [first] = nodes
  if (first === undefined) return []
  return [
    {
      nodeId: first.id,
      id: 'f-1',
      kind: 'killed',
      what: 'i-00003 was ended by SIGKILL, which nobody here had sent; it was started again',
      at: now - 190_000,
    },
  ]
}
