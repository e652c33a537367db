import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import { create, replace, type Entry, type State, type Write } from '../../store/port.ts'
import { DeployAnswer, DeployRequest } from '../../wire/api.ts'
import { appParams, appPath } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { artifactKey } from '../artifacts/model.ts'
import { artifactKind, holdArtifact } from '../artifacts/records.ts'
import { digestsOf } from '../artifacts/usage.ts'
import { openRollouts, rolloutKind } from '../rollouts/records.ts'
import { appCellName, cellName, type AppCell } from '../tenants/model.ts'
import { releaseContentOf, type ReleaseContent } from './manifest/release-content.ts'
import type { App, Release } from './model.ts'
import { appAt, appKind, currentRelease, releaseKind } from './records.ts'
import { answerOf, newRollout, refuseDestroying } from './routes.ts'

export interface DeployRouteOptions {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
}

/** Rollouts of one app and cell that may wait at once. */
const queuedMax = 20

/** A deploy's manifest and two digests per service are well below this. */
const bodyBytesMax = 4 * 1024 * 1024

/** Records the intent of a deploy: a release, and a rollout that waits to carry it in. */
export function deployRoute(options: DeployRouteOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/deploy`,
    rule: { roles: ['operator'] },
    summary: 'Makes a release of a manifest and carries it into the cell.',
    tag: 'apps',
    params: appParams,
    body: DeployRequest,
    bodyBytesMax,
    answers: { 202: DeployAnswer },
    async handle({ caller, params, body }) {
      const who = caller?.name ?? ''
      const content = releaseContentOf(body, params)
      const answer = await intend(options, who, params, body, content)
      return { status: 202, body: answer }
    },
  })
}

async function intend(
  { state, clock, random }: DeployRouteOptions,
  who: string,
  at: AppCell,
  body: DeployRequest,
  content: ReleaseContent,
): Promise<DeployAnswer> {
  const { app, entry } = appOrNew(state, at, content.team)
  refuseDestroying(app)
  refuseLongQueue(state, at)
  refuseRouteConflict(state, at, content)
  const now = clock.now()
  const release: Release = {
    id: newId('rel', random),
    at,
    number: app.nextReleaseNumber,
    version: body.version,
    services: content.services,
    steps: content.steps,
    revertAboveFailed: content.revertAboveFailed,
    files: body.files,
    manifest: body.manifest,
    createdBy: who,
    createdAt: now,
  }
  const rollout = newRollout({
    id: newId('ro', random),
    at,
    release,
    purpose: 'deploy',
    supersede: body.supersede,
    createdBy: who,
    createdAt: now,
  })
  const counted: App = { ...app, team: content.team, nextReleaseNumber: release.number + 1 }
  const version = body.version === '' ? '' : ` (${body.version})`
  const why = `${at.app} in ${cellName(at)}: release ${release.number}${version}`
  const revision = await state.commit({
    writes: [
      entry === undefined ? create(appKind, counted) : replace(appKind, entry, counted),
      create(releaseKind, release),
      create(rolloutKind, rollout),
      ...holdArtifacts(state, release),
    ],
    attribution: { who, what: 'app.deploy', why },
  })
  return answerOf(state, rollout, release, revision)
}

function appOrNew(
  state: State,
  at: AppCell,
  team: string,
): { app: App; entry: Entry<App> | undefined } {
  const entry = appAt(state.snapshot, at)
  if (entry !== undefined) return { app: entry.value, entry }
  const app: App = {
    at,
    team,
    releaseId: null,
    nextReleaseNumber: 1,
    scale: {},
    stopped: [],
    destroying: false,
  }
  return { app, entry: undefined }
}

/** Every artifact has to be here, and is held here by the commit that makes the release. */
function holdArtifacts(state: State, release: Release): Write[] {
  return [...digestsOf(release)].map((digest) => {
    const entry = state.snapshot.get(artifactKind, artifactKey(digest))
    if (entry !== undefined) return holdArtifact(entry)
    throw new Refusal('artifact-missing', `artifact ${digest} is not here`, {
      status: 422,
      path: 'artifacts',
      hint: 'upload it first: PUT /v1/artifacts/{digest} (`roadstead deploy` does)',
      details: { digest },
    })
  })
}

function refuseLongQueue(state: State, at: AppCell): void {
  if (openRollouts(state.snapshot, at).length < queuedMax) return
  throw new Refusal('rollouts-queued', `${queuedMax} rollouts of ${at.app} wait already`, {
    status: 429,
    hint: 'wait for them, or deploy with supersede, which takes their place',
  })
}

/** One host and path leads to one service: of this app (checked with the manifest) or of another. */
function refuseRouteConflict(state: State, at: AppCell, content: ReleaseContent): void {
  const wanted = new Map(
    content.services.flatMap(({ name, route: own }) =>
      own === null ? [] : [[`${own.host} ${own.path}`, name]],
    ),
  )
  if (wanted.size === 0) return
  for (const { value: app } of state.snapshot.list(appKind)) {
    if (appCellName(app.at) === appCellName(at)) continue
    for (const spec of currentRelease(state.snapshot, app)?.services ?? []) {
      if (spec.route === null) continue
      const { host, path } = spec.route
      const name = wanted.get(`${host} ${path}`)
      if (name === undefined) continue
      const owner = `${app.at.app}/${spec.name} in ${cellName(app.at)}`
      throw new Refusal('route-taken', `${host}${path} leads to ${owner} already`, {
        status: 409,
        path: `services.${name}.route`,
        hint: 'give the service another host or path',
      })
    }
  }
}
