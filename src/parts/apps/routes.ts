import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import {
  create,
  replace,
  type Entry,
  type Moment,
  type Snapshot,
  type State,
} from '../../store/port.ts'
import {
  AppView,
  DeployAnswer,
  RevertRequest,
  ScaleRequest,
  ServicesRequest,
  Written,
} from '../../wire/api.ts'
import { atQuery, MomentView } from '../../wire/history.ts'
import { appParams, appPath } from '../../wire/paths.ts'
import { route, type RouteDefinition, type RouteReply } from '../../wire/route.ts'
import type { Attribution } from '../audit/model.ts'
import { emptyLedger, type Rollout } from '../rollouts/model.ts'
import type { Hold } from '../rollouts/plan-gates.ts'
import { openRollouts, rolloutKind, schemaStagesOf } from '../rollouts/records.ts'
import { appCellName, cellName, type AppCell, type Gate } from '../tenants/model.ts'
import { Release, type App, type HandChanges } from './model.ts'
import { appAt, appKind, currentRelease, releasesOf } from './records.ts'
import { viewOfApp, type RatesOf } from './view.ts'

export interface AppRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
  readonly rates: RatesOf
  /** The public ingress, such as `http://127.0.0.1:8080`. */
  readonly ingressUrl: string
  /** Where private and admin routes are served, where somebody has said so. */
  readonly privateUrl?: string | undefined
  readonly adminUrl?: string | undefined
}

const people = { roles: ['operator', 'developer', 'viewer'] } as const
const releasers = { roles: ['operator', 'developer'] } as const
const tag = 'apps'

/** Apps: what runs where, and the intents that change it. No route acts; controllers do. */
export function appRoutes(options: AppRoutesOptions): RouteDefinition[] {
  return [...readRoutes(options), ...intentRoutes(options), revertRoute(options)]
}

function readRoutes(options: AppRoutesOptions): RouteDefinition[] {
  const { state, clock, rates, ingressUrl, privateUrl, adminUrl } = options
  const { snapshot } = state
  const now = { rates, origins: { public: ingressUrl, private: privateUrl, admin: adminUrl } }
  const query = Type.Object({ at: atQuery })
  return [
    route({
      method: 'GET',
      path: '/v1/apps',
      rule: people,
      summary:
        'Every app in every cell, with its health and live traffic; or as it was `at` a time.',
      tag,
      query,
      answers: {
        200: Type.Object({ items: Type.Array(AppView), asOf: Type.Optional(MomentView) }),
      },
      async handle({ query: { at } }) {
        const past = at === undefined ? undefined : await snapshotAt(state, at, clock.now())
        const apps = [...(past?.snapshot ?? snapshot).list(appKind)]
        const from = { ...now, asOf: past?.asOf }
        const items = apps
          .toSorted((a, b) => (a.key < b.key ? -1 : 1))
          .map(({ value }) => viewOfApp(past?.snapshot ?? snapshot, value, from))
        return { body: { items, asOf: past?.asOf } }
      },
    }),
    route({
      method: 'GET',
      path: appPath,
      rule: people,
      summary: 'One app in one cell; or as it was `at` a time.',
      tag,
      params: appParams,
      query,
      answers: { 200: AppView },
      async handle({ params, query: { at } }) {
        const past = at === undefined ? undefined : await snapshotAt(state, at, clock.now())
        const { value } = requireApp(past ?? state, params)
        const from = { ...now, asOf: past?.asOf }
        return { body: viewOfApp(past?.snapshot ?? snapshot, value, from) }
      },
    }),
    route({
      method: 'GET',
      path: `${appPath}/releases`,
      rule: people,
      summary: 'The releases of an app in a cell that are kept, newest first.',
      tag,
      params: appParams,
      answers: { 200: Type.Object({ items: Type.Array(Release) }) },
      async handle({ params }) {
        requireApp(state, params)
        const items = releasesOf(snapshot, params).map(({ value }) => value)
        return { body: { items: items.toReversed() } }
      },
    }),
  ]
}

/** The state as it was at a wall time. */
async function snapshotAt(
  { past }: State,
  at: number,
  now: number,
): Promise<{ readonly snapshot: Snapshot; readonly asOf: Moment }> {
  if (at > now) {
    throw new Refusal('input-invalid', 'that time is still to come', {
      path: '/query/at',
      hint: 'give a time in the past, in ms; or leave `at` out to see what is now',
    })
  }
  const asOf = await past.momentAt(at)
  return { snapshot: await past.snapshotAt(asOf.revision), asOf }
}

function intentRoutes(options: AppRoutesOptions): RouteDefinition[] {
  return [
    scaleRoute(options),
    servicesRoute(options, 'stop', 'Stops a service, or all of an app; its place is kept.'),
    servicesRoute(options, 'start', 'Starts what was stopped.'),
  ]
}

function scaleRoute({ state, clock }: AppRoutesOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/scale`,
    rule: releasers,
    summary: 'Sets how many instances of a service the cell should have.',
    tag,
    params: appParams,
    body: ScaleRequest,
    answers: { 202: Written },
    async handle({ caller, params, body }) {
      const entry = requireApp(state, params)
      const { service, instances } = body
      requireService(state, entry.value, service)
      const who = caller?.name ?? ''
      const scale = { ...entry.value.scale, [service]: instances }
      const hands = handsOf(entry.value)
      hands.scale[service] = { by: who, at: clock.now() }
      const why = `${params.app}/${service}: ${instances} instances in ${cellName(params)}`
      return change(state, entry, { scale, hands }, { who, what: 'app.scale', why })
    },
  })
}

function servicesRoute(
  { state, clock }: AppRoutesOptions,
  verb: 'stop' | 'start',
  summary: string,
): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/${verb}`,
    rule: releasers,
    summary,
    tag,
    params: appParams,
    body: ServicesRequest,
    answers: { 202: Written },
    async handle({ caller, params, body }) {
      const entry = requireApp(state, params)
      const services = servicesNamed(state, entry.value, body.service)
      const { stopped: before } = entry.value
      const stopped =
        verb === 'stop'
          ? [...new Set([...before, ...services])]
          : before.filter((name) => !services.includes(name))
      const who = caller?.name ?? ''
      const hands = handsOf(entry.value)
      for (const name of services) {
        if (verb === 'start') delete hands.stop[name]
        else hands.stop[name] ??= { by: who, at: clock.now() }
      }
      const why = `${verb} ${services.map((name) => `${params.app}/${name}`).join(', ')}`
      return change(state, entry, { stopped, hands }, { who, what: `app.${verb}`, why })
    },
  })
}

/** A copy, to be changed. */
function handsOf({ hands }: App): NonNullable<App['hands']> {
  return { scale: { ...hands?.scale }, stop: { ...hands?.stop } }
}

/** Commits a changed intent; what it leads to is the controllers' matter. */
async function change(
  state: State,
  entry: Entry<App>,
  changes: Partial<App>,
  attribution: Attribution,
): Promise<RouteReply> {
  const revision = await state.commit({
    writes: [replace(appKind, entry, { ...entry.value, ...changes })],
    attribution,
  })
  return { status: 202, body: { revision } }
}

function revertRoute({ state, clock, random }: AppRoutesOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/revert`,
    rule: releasers,
    summary: 'Brings back the release before, or the one with the given number.',
    tag,
    params: appParams,
    body: RevertRequest,
    answers: { 202: DeployAnswer },
    async handle({ caller, params, body }) {
      const entry = requireApp(state, params)
      refuseDestroying(entry.value)
      const release = releaseToRevertTo(state, entry.value, body.releaseNumber)
      refuseContracted(state, release)
      const who = caller?.name ?? ''
      const rollout = newRollout({
        id: newId('ro', random),
        at: params,
        release,
        purpose: 'revert',
        supersede: true,
        createdBy: who,
        createdAt: clock.now(),
      })
      const why = `${params.app} in ${cellName(params)}: back to release ${release.number}`
      const revision = await state.commit({
        writes: [create(rolloutKind, rollout)],
        expectations: [{ key: entry.key, revision: entry.revision }],
        attribution: { who, what: 'app.revert', why },
      })
      return { status: 202, body: answerOf(state, rollout, release, revision) }
    },
  })
}

/** The record of a rollout that has not begun. */
export function newRollout(input: {
  readonly id: string
  readonly at: AppCell
  readonly release: Release
  readonly purpose: Rollout['purpose']
  readonly supersede: boolean
  /** What was done by hand and is to be undone at its end. */
  readonly putsBack?: HandChanges | undefined
  readonly gate?: Gate | undefined
  readonly bringsBack?: boolean
  readonly createdBy: string
  readonly createdAt: number
}): Rollout {
  const { id, at, release, purpose, supersede, createdBy, createdAt } = input
  const { putsBack, gate = {}, bringsBack = false } = input
  return {
    id,
    at: { tenant: at.tenant, environment: at.environment, app: at.app },
    purpose,
    releaseId: release.id,
    fromReleaseId: null,
    supersede,
    ...(putsBack === undefined ? {} : { putsBack }),
    ...(Object.keys(gate).length === 0 ? {} : { gate }),
    ...(bringsBack ? { bringsBack } : {}),
    state: 'queued',
    because: 'waits to begin',
    steps: [],
    targets: [],
    runId: null,
    createdBy,
    createdAt,
    startedAt: null,
    endedAt: null,
    deadline: null,
    resumeAt: null,
    baseline: null,
    ledger: emptyLedger(),
  }
}

/** What a deploy or revert is answered with: queued where another rollout stands before it. */
export function answerOf(
  state: State,
  rollout: Rollout,
  release: Release,
  revision: number,
  hold: Hold | null = null,
): DeployAnswer {
  const ahead = openRollouts(state.snapshot, rollout.at).some(
    ({ value }) => value.id !== rollout.id,
  )
  return {
    revision,
    releaseId: release.id,
    releaseNumber: release.number,
    rolloutId: rollout.id,
    state: hold !== null || (ahead && !rollout.supersede) ? 'queued' : 'running',
    ...(hold === null ? {} : { heldBy: { because: hold.because, approval: hold.approval } }),
  }
}

/** An app that is on its way out takes no new release. */
export function refuseDestroying(app: App): void {
  if (!app.destroying) return
  throw new Refusal('app-destroying', `${app.at.app} is being destroyed`, {
    status: 409,
    hint: 'wait until it is gone, then deploy it anew',
  })
}

export function requireApp(state: Pick<State, 'snapshot'>, at: AppCell): Entry<App> {
  const entry = appAt(state.snapshot, at)
  if (entry !== undefined) return entry
  throw new Refusal('app-unknown', `there is no app ${at.app} in ${cellName(at)}`, {
    status: 404,
    hint: '`roadstead status` lists the apps of every cell',
  })
}

function requireService(state: State, app: App, service: string): void {
  const names = serviceNames(state, app)
  if (names.includes(service)) return
  throw new Refusal('service-unknown', `${app.at.app} has no service ${service}`, {
    status: 404,
    path: 'service',
    hint: `its services are ${names.join(', ')}`,
  })
}

function servicesNamed(state: State, app: App, service: string | undefined): string[] {
  if (service === undefined) return serviceNames(state, app)
  requireService(state, app, service)
  return [service]
}

function serviceNames(state: State, app: App): string[] {
  const release = currentRelease(state.snapshot, app)
  const newest = releasesOf(state.snapshot, app.at).at(-1)?.value
  const services = [...(release?.services ?? []), ...(newest?.services ?? [])]
  return [...new Set(services.map((spec) => spec.name))]
}

/** The release with that number, or the one that ran before the current one. */
function releaseToRevertTo(state: State, app: App, number: number | undefined): Release {
  const releases = releasesOf(state.snapshot, app.at).map(({ value }) => value)
  const current = releases.find((release) => release.id === app.releaseId)
  const wanted =
    number === undefined
      ? previousOf(state, app, releases)
      : releases.find((release) => release.number === number)
  const hasRun = wanted !== undefined && hasBegun(state, wanted)
  if (hasRun && (wanted.id !== current?.id || isLeaving(state, app))) return wanted
  const ran = releases.filter((release) => hasBegun(state, release))
  const known = ran.map((release) => release.number).join(', ')
  const message =
    number === undefined
      ? `${app.at.app} has no earlier release to go back to`
      : number === current?.number
        ? `release ${number} is the one that runs`
        : wanted === undefined
          ? `there is no release ${number} of ${app.at.app}`
          : `release ${number} of ${app.at.app} has never begun to run here`
  throw new Refusal('release-unknown', message, {
    status: 409,
    hint: known === '' ? 'deploy it first' : `releases that are kept: ${known}`,
  })
}

/** Whether a rollout is carrying another release in: what runs can be asked for in its place. */
function isLeaving({ snapshot }: State, { at, releaseId }: App): boolean {
  return openRollouts(snapshot, at).some(
    ({ value }) => value.state === 'running' && value.releaseId !== releaseId,
  )
}

/** A contract has closed the way back: the earlier code would meet a schema that it does not know. */
function refuseContracted({ snapshot }: State, release: Release): void {
  for (const { value } of schemaStagesOf(snapshot, release.at)) {
    const { service, contractedBy } = value
    if (contractedBy === null || contractedBy.number <= release.number) continue
    if (!release.services.some(({ name }) => name === service)) continue
    const message =
      `release ${contractedBy.number} has contracted the schema of ${service}: ` +
      `release ${release.number} would not find what it needs`
    throw new Refusal('schema-contracted', message, {
      status: 409,
      hint: 'mend it forward: deploy a version that works with the schema as it is now',
      details: { service, contractedBy: contractedBy.number },
    })
  }
}

/**
 * Whether a release has passed the gates of its cell: a revert passes none, so that it may only
 * bring back what did.
 */
function hasBegun(state: State, { id, at }: Release): boolean {
  for (const { value } of state.snapshot.find(rolloutKind, 'app', appCellName(at))) {
    if (value.fromReleaseId === id) return true
    if (value.releaseId === id && value.startedAt !== null) return true
  }
  return false
}

/** What the rollout that brought the current release came from. */
function previousOf(state: State, app: App, releases: readonly Release[]): Release | undefined {
  let newest: Rollout | undefined
  for (const { value } of state.snapshot.find(rolloutKind, 'app', appCellName(app.at))) {
    if (value.state !== 'done' || value.releaseId !== app.releaseId) continue
    // It only undid what had been done by hand.
    if (value.fromReleaseId === value.releaseId) continue
    if (newest === undefined || value.createdAt > newest.createdAt) newest = value
  }
  return releases.find((release) => release.id === newest?.fromReleaseId)
}
