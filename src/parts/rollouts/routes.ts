import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { replace, type Entry, type State } from '../../store/port.ts'
import { RolloutView, Written } from '../../wire/api.ts'
import { appParams, appPath, idParam } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { releaseAt } from '../apps/records.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import { isOver, rolloutKey, type Rollout } from './model.ts'
import { rolloutKind } from './records.ts'
import { backendIds, type LastMinute } from './rollout-view.ts'
import { viewOfRollout } from './view.ts'

export interface RolloutRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly lastMinute: LastMinute
}

const people = { roles: ['operator', 'developer', 'viewer'] } as const
const tag = 'rollouts'
export const rolloutParams = Type.Object({ ...appParams.properties, id: idParam })

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
      params: rolloutParams,
      answers: { 200: RolloutView },
      async handle({ params }) {
        return { body: view(options, requireRollout(state, params).value) }
      },
    }),
    cancelRoute(options),
    proceedRoute(options),
  ]
}

/** Takes back what has not begun; what has is superseded by another deploy, or reverted. */
function cancelRoute({ state }: RolloutRoutesOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/rollouts/:id/cancel`,
    rule: { roles: ['operator', 'developer'] },
    summary: 'Takes back a rollout that waits for its turn.',
    tag,
    params: rolloutParams,
    answers: { 202: Written },
    async handle({ params, caller }) {
      const entry = requireRollout(state, params)
      const { value } = entry
      if (value.state !== 'queued') throw begun(value)
      const who = caller?.name ?? ''
      const revision = await state.commit({
        writes: [replace(rolloutKind, entry, { ...value, cancelledBy: who })],
        attribution: {
          who,
          what: 'rollout.cancel',
          why: `${value.at.app} ${value.id}: not wanted`,
        },
      })
      return { status: 202, body: { revision } }
    },
  })
}

/** Lets a rollout go on whose comparison cannot tell old from new, in a person's name. */
function proceedRoute({ state, clock }: RolloutRoutesOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/rollouts/:id/proceed`,
    rule: { roles: ['operator', 'developer'] },
    summary: 'Lets a rollout go on although its comparison of old and new is inconclusive.',
    tag,
    params: rolloutParams,
    answers: { 202: Written },
    async handle({ params, caller }) {
      const entry = requireRollout(state, params)
      const { value } = entry
      if (value.state !== 'running' || value.judging?.report?.verdict !== 'inconclusive') {
        throw notHeld(value)
      }
      const by = caller?.name ?? ''
      const revision = await state.commit({
        writes: [replace(rolloutKind, entry, { ...value, proceed: { by, at: clock.now() } })],
        attribution: {
          who: by,
          what: 'rollout.proceed',
          why: `${value.at.app} ${value.id}: goes on without a verdict`,
        },
      })
      return { status: 202, body: { revision } }
    },
  })
}

function notHeld({ id, state, judging }: Rollout): Refusal {
  const isCompared = state === 'running' && judging !== undefined
  const because = isCompared
    ? 'its comparison still goes on'
    : `it is ${state}, and no comparison holds it`
  return new Refusal('rollout-not-held', `${id} waits for nobody: ${because}`, {
    status: 409,
    hint: '`roadstead rollouts` says what each of them waits for',
    details: { state },
  })
}

/** Why what is no longer queued takes no word any more. */
export function begun({ id, state, at }: Rollout): Refusal {
  const isUnderWay = !isOver(state)
  const message = isUnderWay ? `${id} has begun already` : `${id} is over: it is ${state}`
  return new Refusal('rollout-begun', message, {
    status: 409,
    hint: isUnderWay
      ? `\`roadstead revert ${at.app} --to N\` or a deploy with --supersede takes its place safely`
      : `\`roadstead revert ${at.app}\` brings back what ran before`,
    details: { state },
  })
}

export function requireRollout(
  state: State,
  params: AppCell & { readonly id: string },
): Entry<Rollout> {
  const entry = state.snapshot.get(rolloutKind, rolloutKey(params, params.id))
  if (entry !== undefined) return entry
  throw new Refusal('rollout-unknown', `${params.app} has no rollout ${params.id}`, {
    status: 404,
    hint: '`roadstead rollouts` lists those that are kept',
  })
}

function view({ state, clock, lastMinute }: RolloutRoutesOptions, rollout: Rollout): RolloutView {
  const release = releaseAt(state.snapshot, rollout.at, rollout.releaseId) ?? null
  const live = isOver(rollout.state) ? null : lastMinute(backendIds(rollout.at, release))
  return viewOfRollout(state.snapshot, rollout, clock.now(), live)
}
