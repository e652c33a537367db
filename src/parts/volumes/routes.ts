import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import type { Snapshot } from '../../store/port.ts'
import { pageOf, pageQuery, pageSchema, timePosition } from '../../wire/page.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { VolumeView, type VolumeState } from '../../wire/volumes.ts'
import { nodeKey, nodeStatus } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import type { Volume } from './model.ts'
import { volumeKind } from './records.ts'

interface VolumeRoutesOptions {
  readonly snapshot: Snapshot
  readonly clock: Clock
}

/** Which data stands where. */
export function volumeRoutes({ snapshot, clock }: VolumeRoutesOptions): RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/volumes',
      rule: { roles: ['operator', 'developer', 'viewer'] },
      summary: 'Volumes, oldest first: whose they are, on which node, and how it stands with them.',
      tag: 'volumes',
      query: Type.Object(pageQuery),
      answers: { 200: pageSchema(VolumeView) },
      async handle({ query }) {
        const now = clock.now()
        const page = pageOf(snapshot.list(volumeKind), query, ({ value }) =>
          timePosition(value.createdAt, value.id),
        )
        const items = page.items.map(({ value }) => ({
          ...value,
          state: stateOf(value, snapshot, now),
        }))
        return { body: { ...page, items } }
      },
    }),
  ]
}

function stateOf({ doomed, made, nodeId }: Volume, snapshot: Snapshot, now: number): VolumeState {
  if (doomed !== undefined) return 'going'
  const { observations } = snapshot
  const node = snapshot.get(nodeKind, nodeKey(nodeId))?.value
  const heardAt = observations.node(nodeId)?.heardAt ?? null
  const isGone = node === undefined || node.lost !== undefined
  const isLost = isGone || nodeStatus(heardAt, observations.since, now) === 'lost'
  if (isLost) return 'unreachable'
  return made ? 'kept' : 'begins'
}
