import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { replace, type Entry, type Snapshot, type State } from '../../store/port.ts'
import { NodeView, Written } from '../../wire/api.ts'
import { machineParam } from '../../wire/paths.ts'
import { pageOf, pageQuery, pageSchema } from '../../wire/page.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { instancesOn } from '../instances/records.ts'
import { nodeKey, nodeStatus, type Node } from './model.ts'
import { nodeKind } from './records.ts'

/** The machines, with what is reserved on each. */
export function nodeRoutes(options: {
  readonly state: State
  readonly clock: Clock
}): RouteDefinition[] {
  const { state, clock } = options
  const { snapshot } = state
  return [
    giveUpRoute(state, clock),
    route({
      method: 'GET',
      path: '/v1/nodes',
      rule: { roles: ['operator', 'developer', 'viewer'] },
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

/** A person knows what silence cannot tell: that the machine is off. */
function giveUpRoute(state: State, clock: Clock): RouteDefinition {
  return route({
    method: 'POST',
    path: '/v1/nodes/:nodeId/give-up',
    rule: { roles: ['operator'] },
    summary: 'Gives up a silent node whose machine is off: its instances are replaced elsewhere.',
    tag: 'nodes',
    params: Type.Object({ nodeId: machineParam }),
    answers: { 202: Written },
    async handle({ params: { nodeId }, caller }) {
      const { snapshot } = state
      const entry = snapshot.get(nodeKind, nodeKey(nodeId))
      if (entry === undefined) throw unknownNode(nodeId)
      const heardAt = snapshot.observations.node(nodeId)?.heardAt ?? null
      const now = clock.now()
      if (nodeStatus(heardAt, snapshot.observations.since, now) !== 'lost') throw notSilent(nodeId)
      const who = caller?.name ?? ''
      const lost = { since: entry.value.lost?.since ?? now, confirmedBy: who }
      const revision = await state.commit({
        writes: [replace(nodeKind, entry, { ...entry.value, lost })],
        attribution: { who, what: 'node.give-up', why: `${who} says that ${nodeId} is off` },
      })
      return { status: 202, body: { revision } }
    },
  })
}

function unknownNode(nodeId: string): Refusal {
  return new Refusal('node-unknown', `there is no node ${nodeId}`, {
    status: 404,
    hint: '`roadstead nodes` lists them',
  })
}

function notSilent(nodeId: string): Refusal {
  return new Refusal('node-not-silent', `${nodeId} is not known to be silent`, {
    status: 409,
    hint: 'only a node that is lost can be given up; stop its agent, or wait for 15 s of silence',
  })
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
