import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import type { Entry, State } from '../../store/port.ts'
import { RolloutView } from '../../wire/api.ts'
import { appParams, appPath, idParam } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { releaseAt } from '../apps/records.ts'
import { appCellName } from '../tenants/model.ts'
import { isOver, rolloutKey, type Rollout } from './model.ts'
import { rolloutKind } from './records.ts'
import { backendIds, type LastMinute } from './rollout-view.ts'
import { viewOfRollout } from './view.ts'

export interface RolloutRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly lastMinute: LastMinute
}

const people = { roles: ['operator', 'viewer'] } as const
const tag = 'rollouts'

/** Rollouts as they go, and as they went. */
export function rolloutRoutes(options: RolloutRoutesOptions): RouteDefinition[] {
  const { state } = options
  const list = (entries: Iterable<Entry<Rollout>>, limit: number): { items: RolloutView[] } => {
    const newest = [...entries]
      .toSorted((a, b) => b.createdRevision - a.createdRevision)
      .slice(0, limit)
    return { items: newest.map(({ value }) => view(options, value)) }
  }
  const query = Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })),
  })
  const answers = { 200: Type.Object({ items: Type.Array(RolloutView) }) }
  return [
    route({
      method: 'GET',
      path: '/v1/rollouts',
      rule: people,
      summary: 'Rollouts of every app and cell, newest first.',
      tag,
      query,
      answers,
      async handle(request) {
        return { body: list(state.snapshot.list(rolloutKind), request.query.limit ?? 50) }
      },
    }),
    route({
      method: 'GET',
      path: `${appPath}/rollouts`,
      rule: people,
      summary: 'Rollouts of one app in one cell, newest first.',
      tag,
      params: appParams,
      query,
      answers,
      async handle(request) {
        const entries = state.snapshot.find(rolloutKind, 'app', appCellName(request.params))
        return { body: list(entries, request.query.limit ?? 50) }
      },
    }),
    route({
      method: 'GET',
      path: `${appPath}/rollouts/:id`,
      rule: people,
      summary: 'One rollout with its steps, pools and proof of zero, live while it runs.',
      tag,
      params: Type.Object({ ...appParams.properties, id: idParam }),
      answers: { 200: RolloutView },
      async handle({ params }) {
        const entry = state.snapshot.get(rolloutKind, rolloutKey(params, params.id))
        if (entry !== undefined) return { body: view(options, entry.value) }
        throw new Refusal('rollout-unknown', `${params.app} has no rollout ${params.id}`, {
          status: 404,
          hint: '`roadstead rollouts` lists those that are kept',
        })
      },
    }),
  ]
}

function view({ state, clock, lastMinute }: RolloutRoutesOptions, rollout: Rollout): RolloutView {
  const release = releaseAt(state.snapshot, rollout.at, rollout.releaseId) ?? null
  const live = isOver(rollout.state) ? null : lastMinute(backendIds(rollout.at, release))
  return viewOfRollout(state.snapshot, rollout, clock.now(), live)
}
