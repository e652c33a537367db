import Type from 'typebox'
import type { Snapshot } from '../../store/port.ts'
import { PackingAnswer, type PackedService, type PackingView } from '../../wire/packing.ts'
import { pageOf, pageQuery } from '../../wire/page.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { serviceName, type Instance } from '../instances/model.ts'
import { instanceKind, instancesOn } from '../instances/records.ts'
import { nodeKind } from './records.ts'

/** What lies on which node: the picture of the whole fleet, a page of nodes at a time. */
export function packingRoutes({ snapshot }: { readonly snapshot: Snapshot }): RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/packing',
      rule: { roles: ['operator', 'developer', 'viewer'] },
      summary: 'What lies on which node, by node, each service named once in a page.',
      tag: 'nodes',
      query: Type.Object(pageQuery),
      answers: { 200: PackingAnswer },
      async handle({ query }) {
        const page = pageOf(snapshot.list(nodeKind), query, (entry) => entry.value.id)
        const services = new ServiceList()
        const items = page.items.map(({ value }) => viewOf(value.id, snapshot, services))
        return { body: { ...page, items, services: services.all, unplaced: unplacedIn(snapshot) } }
      },
    }),
  ]
}

function viewOf(nodeId: string, snapshot: Snapshot, services: ServiceList): PackingView {
  const instances = [...instancesOn(snapshot, nodeId)]
    .map(({ value }) => ({
      id: value.id,
      service: services.placeOf(value),
      cpu: value.resources.cpu,
      memoryBytes: value.resources.memoryBytes,
      pool: value.pool,
      state: snapshot.observations.instance(value.id)?.state ?? null,
    }))
    // Neighbours of one service lie side by side, and a picture that is drawn again is the same.
    .toSorted((a, b) => a.service - b.service || (a.id < b.id ? -1 : 1))
  return { nodeId, instances }
}

function unplacedIn(snapshot: Snapshot): number {
  let count = 0
  for (const _entry of snapshot.find(instanceKind, 'state', 'pending')) count++
  return count
}

/** The services of a page in the order in which they were met. */
class ServiceList {
  readonly all: PackedService[] = []
  readonly #places = new Map<string, number>()

  placeOf({ at, service }: Instance): number {
    const name = serviceName(at, service)
    const known = this.#places.get(name)
    if (known !== undefined) return known
    this.#places.set(name, this.all.length)
    this.all.push({ at, service })
    return this.all.length - 1
  }
}
