import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import type { Entry, Snapshot } from '../../store/port.ts'
import { NodeView } from '../../wire/api.ts'
import { pageOf, pageQuery, pageSchema } from '../../wire/page.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { instancesOn } from '../instances/records.ts'
import { nodeStatus, type Node } from './model.ts'
import { nodeKind } from './records.ts'

/** The machines, with what is reserved on each. */
export function nodeRoutes(options: {
  readonly snapshot: Snapshot
  readonly clock: Clock
}): RouteDefinition[] {
  const { snapshot, clock } = options
  return [
    route({
      method: 'GET',
      path: '/v1/nodes',
      rule: { roles: ['operator', 'viewer'] },
      summary: 'The nodes, whether they are heard, and what is reserved on each.',
      tag: 'nodes',
      query: Type.Object(pageQuery),
      answers: { 200: pageSchema(NodeView) },
      async handle({ query }) {
        const page = pageOf(snapshot.list(nodeKind), query, (entry) => entry.value.id)
        const items = page.items.map((entry) => viewOfNode(entry, snapshot, clock.now()))
        return { body: { ...page, items } }
      },
    }),
  ]
}

function viewOfNode({ value: node }: Entry<Node>, snapshot: Snapshot, now: number): NodeView {
  const { observations } = snapshot
  const heardAt = observations.node(node.id)?.heardAt ?? null
  return {
    ...node,
    status: nodeStatus(heardAt, observations.since, now),
    heardAt,
    reserved: reservedOn(node.id, snapshot),
  }
}

function reservedOn(nodeId: string, snapshot: Snapshot): NodeView['reserved'] {
  const reserved = { cpu: 0, memoryBytes: 0, diskBytes: 0, instances: 0 }
  for (const { value } of instancesOn(snapshot, nodeId)) {
    reserved.cpu += value.resources.cpu
    reserved.memoryBytes += value.resources.memoryBytes
    reserved.diskBytes += value.resources.diskBytes
    reserved.instances++
  }
  return reserved
}
