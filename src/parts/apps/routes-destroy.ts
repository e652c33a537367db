import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import {
  create,
  remove,
  replace,
  type Entry,
  type Snapshot,
  type State,
  type Write,
} from '../../store/port.ts'
import { DeployAnswer, Written } from '../../wire/api.ts'
import { appParams, appPath } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { instanceKind } from '../instances/records.ts'
import { rolloutKind } from '../rollouts/records.ts'
import type { Volume } from '../volumes/model.ts'
import { spokenVolume, volumeKind, volumesOf } from '../volumes/records.ts'
import { appCellName, cellName, type AppCell } from '../tenants/model.ts'
import { destroyedAppKey, type App, type DestroyedApp } from './model.ts'
import {
  appAt,
  appKind,
  currentRelease,
  destroyedAppKind,
  releaseKind,
  releasesOf,
} from './records.ts'
import { answerOf, newRollout, requireApp } from './routes.ts'

/**
 * Deletes are counted, capped, confirmed and restorable (rule 9 of docs/reference/rules.md): a
 * destroy that ends many instances names their number, and what was destroyed can be brought back.
 */

export interface DestroyRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
}

/**
 * Instances that destroys may end within `countedMs` without a number: an app or two. A loop over
 * all apps is stopped by it, whoever has written it.
 */
export const destroyedFreelyMax = 20

/** Destroys of this time are counted together, in ms. */
const countedMs = 10 * 60_000

/** What was destroyed is kept this long, in ms. */
const keptMs = 7 * 24 * 60 * 60_000

/** And no more of them: the oldest make room. */
const keptMax = 50

const operators = { roles: ['operator'] } as const

export function destroyRoutes(options: DestroyRoutesOptions): RouteDefinition[] {
  return [destroyRoute(options), undestroyRoute(options)]
}

function destroyRoute({ state, clock }: DestroyRoutesOptions): RouteDefinition {
  return route({
    method: 'DELETE',
    path: appPath,
    rule: operators,
    summary: 'Destroys an app in a cell: instances first, then its records; it is kept for 7 days.',
    tag: 'apps',
    params: appParams,
    query: Type.Object({
      /** How many instances it ends; needed where they are many, or where data goes. */
      confirm: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
    answers: { 202: Written },
    async handle({ caller, params, query }) {
      const { snapshot } = state
      const entry = requireApp(state, params)
      const now = clock.now()
      const who = caller?.name ?? ''
      const instances = runningOf(snapshot, entry.value)
      const volumes = volumesOf(snapshot, entry.value.at)
      const ends = { instances, volumes: volumes.map(({ value }) => spokenVolume(value)) }
      if (!entry.value.destroying) checkConfirmed(snapshot, ends, query.confirm, now)
      const kept = keepDestroyed(snapshot, entry.value, { instances, who, now })
      const revision = await state.commit({
        writes: [
          replace(appKind, entry, { ...entry.value, destroying: true }),
          ...kept,
          ...doomed(volumes, who, now),
        ],
        attribution: {
          who,
          what: 'app.destroy',
          why: `${params.app} in ${cellName(params)} goes with ${lossOf(ends)}`,
        },
      })
      return { status: 202, body: { revision } }
    },
  })
}

function runningOf(snapshot: Snapshot, app: App): number {
  const all = [...snapshot.find(instanceKind, 'app', appCellName(app.at))]
  return all.filter(({ value }) => value.state !== 'ended').length
}

/** What a destroy takes away. */
interface Ends {
  readonly instances: number
  /** In words. */
  readonly volumes: readonly string[]
}

/** `its 2 instances`, and what nobody brings back. */
function lossOf({ instances, volumes }: Ends): string {
  const its = `its ${instances} instances`
  if (volumes.length === 0) return its
  const named = volumes.slice(0, namedMax).join(', ')
  const more = volumes.length > namedMax ? ` and ${volumes.length - namedMax} more` : ''
  return `${its} and the data of its volumes: ${named}${more}`
}

/** Volumes that a sentence names. */
const namedMax = 8

/** They go once their instances have: no undestroy brings them back. */
function doomed(volumes: readonly Entry<Volume>[], by: string, at: number): Write[] {
  return volumes.map((entry) => replace(volumeKind, entry, { ...entry.value, doomed: { at, by } }))
}

function checkConfirmed(
  snapshot: Snapshot,
  { instances, volumes }: Ends,
  confirmed: number | undefined,
  now: number,
): void {
  const lately = [...snapshot.list(destroyedAppKind)]
    .filter(({ value }) => now - value.destroyedAt < countedMs)
    .reduce((sum, { value }) => sum + value.instances, 0)
  if (confirmed === instances) return
  if (instances + lately <= destroyedFreelyMax && volumes.length === 0) return
  const before = lately === 0 ? '' : `, after ${lately} within ten minutes`
  const data =
    volumes.length === 0 ? '' : `, and removes the volume ${volumes.join(', the volume ')} for good`
  throw new Refusal('confirmation-needed', `this ends ${instances} instances${before}${data}`, {
    status: 409,
    hint: `if that is what you want, say so: --yes=${instances}, or ?confirm=${instances}`,
    details: { instances, lately, ...(volumes.length === 0 ? {} : { volumes: [...volumes] }) },
  })
}

/** Keeps what it takes to bring an app back, and lets go of what was kept for long enough. */
function keepDestroyed(
  snapshot: Snapshot,
  app: App,
  { instances, who, now }: { instances: number; who: string; now: number },
): Write[] {
  if (app.destroying) return []
  const release = currentRelease(snapshot, app) ?? releasesOf(snapshot, app.at).at(-1)?.value
  const before = destroyedAt(snapshot, app.at)
  const others = [...snapshot.list(destroyedAppKind)]
    .filter((other) => other.key !== before?.key)
    .toSorted((a, b) => b.value.destroyedAt - a.value.destroyedAt)
  const gone = others.filter(
    ({ value }, index) => index >= keptMax - 1 || now - value.destroyedAt >= keptMs,
  )
  if (release === undefined) return gone.map((entry) => remove(entry))
  const kept = { app, release, instances, destroyedBy: who, destroyedAt: now }
  const write =
    before === undefined ? create(destroyedAppKind, kept) : replace(destroyedAppKind, before, kept)
  return [write, ...gone.map((entry) => remove(entry))]
}

function undestroyRoute({ state, clock, random }: DestroyRoutesOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/undestroy`,
    rule: operators,
    summary: 'Brings a destroyed app back: its settings, and the release that it ran last.',
    tag: 'apps',
    params: appParams,
    answers: { 202: DeployAnswer },
    async handle({ caller, params }) {
      const { snapshot } = state
      const kept = requireDestroyed(snapshot, params)
      const { app, release } = kept.value
      const createdBy = caller?.name ?? ''
      const createdAt = clock.now()
      const rollout = newRollout({
        id: newId('ro', random),
        at: params,
        release,
        purpose: 'deploy',
        supersede: false,
        // What never ran has passed no gate yet.
        bringsBack: app.releaseId !== null,
        createdBy,
        createdAt,
      })
      const why = `${params.app} in ${cellName(params)} comes back with release ${release.number}`
      const revision = await state.commit({
        writes: [
          create(appKind, { ...app, releaseId: null, destroying: false }),
          create(releaseKind, release),
          create(rolloutKind, rollout),
          remove(kept),
        ],
        attribution: { who: createdBy, what: 'app.undestroy', why },
      })
      return { status: 202, body: answerOf(state, rollout, release, revision) }
    },
  })
}

function requireDestroyed(snapshot: Snapshot, at: AppCell): Entry<DestroyedApp> {
  const app = appAt(snapshot, at)?.value
  if (app !== undefined) {
    const isGoing = app.destroying ? 'is still being destroyed' : 'was not destroyed'
    throw new Refusal('app-exists', `${at.app} in ${cellName(at)} ${isGoing}`, {
      status: 409,
      hint: app.destroying ? 'ask again once it is gone' : '`roadstead status` shows it',
    })
  }
  const kept = destroyedAt(snapshot, at)
  if (kept !== undefined) return kept
  throw new Refusal('app-unknown', `no ${at.app} was destroyed in ${cellName(at)} lately`, {
    status: 404,
    hint: 'what is destroyed is kept for 7 days; deploy it anew',
  })
}

function destroyedAt(snapshot: Snapshot, at: AppCell): Entry<DestroyedApp> | undefined {
  return snapshot.get(destroyedAppKind, destroyedAppKey(at))
}
