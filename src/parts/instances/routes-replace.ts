import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { replace, type Entry, type State } from '../../store/port.ts'
import { Written } from '../../wire/api.ts'
import { idParam } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { withoutConflict } from '../apps/routes-intent.ts'
import { activeRollout } from '../rollouts/records.ts'
import { cellName } from '../tenants/model.ts'
import type { Instance } from './model.ts'
import { instanceById, instanceKind } from './records.ts'

export interface ReplaceRoutesOptions {
  readonly state: State
  readonly clock: Clock
}

/** Another instance in the place of this one: the new one is ready first, where that may be. */
export function replaceRoutes({ state, clock }: ReplaceRoutesOptions): RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: '/v1/instances/:id/replace',
      rule: { roles: ['operator', 'developer'] },
      summary: 'Puts a new instance in the place of one that is not to go on as it is.',
      tag: 'instances',
      params: Type.Object({ id: idParam }),
      answers: { 202: Written },
      async handle({ params: { id }, caller }) {
        const by = caller?.name ?? ''
        // Its agent may have it moved on at this very moment.
        const revision = await withoutConflict(state, async () => {
          const entry = requireReplaceable(state, id)
          const { at, service } = entry.value
          return state.commit({
            writes: [replace(instanceKind, entry, withWish(entry.value, by, clock.now()))],
            attribution: {
              who: by,
              what: 'instance.replace',
              why: `${at.app}/${service} in ${cellName(at)}: another in the place of ${id}`,
            },
          })
        })
        return { status: 202, body: { revision } }
      },
    }),
  ]
}

/** Whoever asked first stays the one who did. */
function withWish(instance: Instance, by: string, at: number): Instance {
  return { ...instance, replaceAsked: instance.replaceAsked ?? { by, at } }
}

function requireReplaceable({ snapshot }: State, id: string): Entry<Instance> {
  const entry = instanceById(snapshot, id)
  if (entry === undefined) {
    throw new Refusal('instance-unknown', `there is no instance ${id}`, {
      status: 404,
      hint: '`roadstead ps --all` lists those that are kept',
    })
  }
  const because = whyNot(entry.value)
  if (because !== undefined) {
    throw new Refusal('instance-leaving', `${id} cannot be replaced: ${because}`, {
      status: 409,
      hint: '`roadstead ps` shows those that run',
    })
  }
  const rollout = activeRollout(snapshot, entry.value.at)?.value
  if (rollout === undefined) return entry
  throw new Refusal('rollout-under-way', `${rollout.id} replaces instances of the app already`, {
    status: 409,
    hint: 'ask again once it is over: `roadstead rollout` follows it',
  })
}

function whyNot({ purpose, state, desired, pool }: Instance): string | undefined {
  if (state === 'ended') return 'it has ended'
  if (purpose === 'job') return 'it is an attempt at a job'
  return desired === 'stopped' || pool === 'draining' ? 'it is on its way out' : undefined
}
