import type { Clock } from '../../base/clock.ts'
import { Refusal, unreachable } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import { create, replace, type Entry, type State, type Write } from '../../store/port.ts'
import { DeployAnswer, DeployRequest } from '../../wire/api.ts'
import { DeployPlanView, UnchangedAnswer } from '../../wire/deploy-plan.ts'
import { appParams, appPath } from '../../wire/paths.ts'
import { route, type RouteDefinition, type RouteReply } from '../../wire/route.ts'
import { artifactKey } from '../artifacts/model.ts'
import { artifactKind, holdArtifact } from '../artifacts/records.ts'
import { digestsOf } from '../artifacts/usage.ts'
import { observeDeploy, observeFit } from '../rollouts/deploy-view.ts'
import {
  isPlanHash,
  partsChanged,
  planDeploy,
  type DeployDecision,
  type DeployView,
} from '../rollouts/plan-deploy.ts'
import { planFit } from '../rollouts/plan-fit.ts'
import { openRollouts, rolloutKind } from '../rollouts/records.ts'
import type { NodeUsage } from '../scheduling/usage.ts'
import { appCellName, cellName, type AppCell } from '../tenants/model.ts'
import { keptPlatform } from '../tenants/records.ts'
import type { ManifestReader } from './driver.ts'
import type { DeployInput, ReleaseContent } from './manifest/release-content.ts'
import type { App, Release } from './model.ts'
import { appAt, appKind, currentRelease, releaseKind } from './records.ts'
import { answerOf, newRollout, refuseDestroying } from './routes.ts'

export interface DeployRouteOptions {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
  readonly usage: NodeUsage
  readonly manifests: ManifestReader
}

/** Rollouts of one app and cell that may wait at once. */
const queuedMax = 20

/** A deploy's manifest and two digests per service are well below this. */
const bodyBytesMax = 4 * 1024 * 1024

/** Deploys of one app that meet: each is decided anew on what the one before it has written. */
const attemptsMax = 4

/** What made a commit conflict is on its way to the disk, for less than this, in ms. */
const conflictWaitMs = 2_000

function isConflict(error: unknown): error is Refusal {
  return error instanceof Refusal && error.code === 'conflict'
}

/** The commit that was in the way; 0 where it removed the record. */
function revisionOf({ details }: Refusal): number {
  const revision = details?.['revision']
  return typeof revision === 'number' ? revision : 0
}

/** Both ask the same planner with the same body; only one of them writes. */
export function deployRoutes(options: DeployRouteOptions): RouteDefinition[] {
  return [planRoute(options), deployRoute(options)]
}

function planRoute({ state, clock, usage, manifests }: DeployRouteOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/plan`,
    rule: { roles: ['operator', 'viewer'] },
    summary: 'Says what a deploy would change, and gives the hash to deploy exactly that.',
    tag: 'apps',
    params: appParams,
    body: DeployRequest,
    bodyBytesMax,
    answers: { 200: DeployPlanView },
    async handle({ params, body }) {
      const { input, notes } = heldAgainst(state, body)
      const content = await manifests.read(input, params)
      const { view, decision } = draftOf(state, params, body, content)
      const placement = planFit(observeFit(state.snapshot, usage, view, decision), clock.now())
      return { body: { ...decision.view, placement, ...notesOf(notes) } }
    },
  })
}

/** Records the intent of a deploy: a release, and a rollout that waits to carry it in. */
function deployRoute(options: DeployRouteOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/deploy`,
    rule: { roles: ['operator', 'developer'] },
    summary: 'Makes a release of a manifest and carries it into the cell.',
    tag: 'apps',
    params: appParams,
    body: DeployRequest,
    bodyBytesMax,
    answers: { 200: UnchangedAnswer, 202: DeployAnswer },
    async handle({ caller, params, body }) {
      const { state, manifests } = options
      const { input, notes } = heldAgainst(state, body)
      const content = await manifests.read(input, params)
      for (let attempt = 1; ; attempt++) {
        const draft = draftOf(state, params, body, content)
        if (body.plan !== undefined) refuseStale(body.plan, draft.decision)
        try {
          const reply = await intend(options, caller?.name ?? '', draft, body)
          return { ...reply, body: { ...(reply.body as object), ...notesOf(notes) } }
        } catch (error) {
          if (attempt === attemptsMax || !isConflict(error)) throw error
          await state.waitFor(revisionOf(error), conflictWaitMs)
        }
      }
    },
  })
}

/** What a deploy is held against: the platform.yaml in force, before the one that it brings along. */
function heldAgainst(state: State, body: DeployRequest): { input: DeployInput; notes: string[] } {
  const kept = keptPlatform(state.snapshot)?.value.text
  if (kept === undefined) return { input: body, notes: [] }
  const isOther = body.platform !== undefined && body.platform !== kept
  return { input: { ...body, platform: kept }, notes: isOther ? [platformIgnored] : [] }
}

const platformIgnored = 'the platform.yaml that was sent is not the one in force: it was left out'

function notesOf(notes: readonly string[]): { notes?: string[] } {
  return notes.length === 0 ? {} : { notes: [...notes] }
}

/** A deploy before anything of it is written. */
interface Draft {
  readonly entry: Entry<App> | undefined
  readonly view: DeployView
  readonly decision: DeployDecision
}

function draftOf(state: State, at: AppCell, body: DeployRequest, content: ReleaseContent): Draft {
  const { team, ...rest } = content
  const { app, entry } = appOrNew(state, at, team)
  refuseDestroying(app)
  refuseRouteConflict(state, at, content)
  const release: Release = {
    ...rest,
    id: '',
    at,
    number: app.nextReleaseNumber,
    version: body.version,
    files: body.files,
    manifest: body.manifest,
    createdBy: '',
    createdAt: 0,
  }
  const keepDrift = body.keepDrift ?? false
  const view = observeDeploy(state.snapshot, { app, release, team, keepDrift })
  return { entry, view, decision: planDeploy(view) }
}

async function intend(
  options: DeployRouteOptions,
  who: string,
  draft: Draft,
  body: DeployRequest,
): Promise<RouteReply> {
  const { verdict } = draft.decision
  switch (verdict.is) {
    case 'unchanged':
      return { body: unchanged(verdict.release) }
    case 'attach': {
      const { rollout, release } = verdict.to
      const answer = answerOf(options.state, rollout, release, options.state.snapshot.revision)
      return { status: 202, body: { ...answer, attached: true } }
    }
    case 'put-back':
      return commitIntent(options, who, draft, body, verdict.release)
    case 'release':
      return commitIntent(options, who, draft, body, undefined)
    default:
      return unreachable(verdict)
  }
}

function unchanged({ id, number, version }: Release): UnchangedAnswer {
  return { unchanged: true, release: { id, number, version } }
}

/** Commits a rollout: of a release that is there already, or with a new one. */
async function commitIntent(
  { state, clock, random }: DeployRouteOptions,
  who: string,
  { entry, view, decision }: Draft,
  body: DeployRequest,
  existing: Release | undefined,
): Promise<RouteReply> {
  const { app, team } = view
  const { at } = app
  refuseLongQueue(state, at)
  const now = clock.now()
  const created = {
    ...view.release,
    id: newId('rel', random),
    planHash: decision.hash,
    createdBy: who,
    createdAt: now,
  }
  const release = existing ?? created
  const rollout = newRollout({
    id: newId('ro', random),
    at,
    release,
    purpose: 'deploy',
    supersede: body.supersede,
    putsBack: decision.putsBack,
    createdBy: who,
    createdAt: now,
  })
  const writes = existing === undefined ? releaseWrites(state, app, entry, created, team) : []
  const revision = await state.commit({
    writes: [...writes, create(rolloutKind, rollout)],
    expectations:
      writes.length > 0 || entry === undefined
        ? []
        : [{ key: entry.key, revision: entry.revision }],
    attribution: { who, what: 'app.deploy', why: whyOf(release, existing !== undefined) },
  })
  return { status: 202, body: answerOf(state, rollout, release, revision) }
}

function releaseWrites(
  state: State,
  app: App,
  entry: Entry<App> | undefined,
  release: Release,
  team: string,
): Write[] {
  const counted: App = { ...app, team, nextReleaseNumber: release.number + 1 }
  return [
    entry === undefined ? create(appKind, counted) : replace(appKind, entry, counted),
    create(releaseKind, release),
    ...holdArtifacts(state, release),
  ]
}

function whyOf({ at, number, version }: Release, isThere: boolean): string {
  const name = version === '' ? `release ${number}` : `release ${number} (${version})`
  const what = isThere ? `${name}, what was done by hand is undone` : name
  return `${at.app} in ${cellName(at)}: ${what}`
}

/** What was planned is what is done, or nothing is. */
function refuseStale(planned: string, { hash, view }: DeployDecision): void {
  if (planned === hash) return
  if (!isPlanHash(planned)) {
    throw new Refusal('plan-invalid', 'that is no hash of a plan', {
      status: 422,
      path: '/body/plan',
      hint: '`roadstead plan` prints it',
    })
  }
  const changed = partsChanged(planned, hash)
  const { base, drift } = view
  const hands = drift.map(({ service, byHand }) => `${service} has ${byHand} by hand`).join(', ')
  const sentences = {
    program: 'another version of Roadstead made it',
    content: 'what is deployed is not what was planned',
    base: base === null ? 'nothing runs any more' : `what runs is release ${base.number} now`,
    hands: hands === '' ? 'what had been done by hand is undone' : hands,
    options: 'it was planned the other way about what was done by hand',
  }
  const because = changed.map((part) => sentences[part]).join('; ')
  throw new Refusal('plan-stale', `this is not the plan any more: ${because}`, {
    status: 409,
    path: '/body/plan',
    hint: 'run `roadstead plan` again, and look at what is different',
    details: { changed, hash },
  })
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

/** One exposure, host and path leads to one service: of this app (its manifest says) or another. */
function refuseRouteConflict(state: State, at: AppCell, content: ReleaseContent): void {
  const wanted = new Map(
    content.services.flatMap(({ name, route: own }) =>
      own === null ? [] : [[`${own.expose} ${own.host} ${own.path}`, name]],
    ),
  )
  if (wanted.size === 0) return
  for (const { value: app } of state.snapshot.list(appKind)) {
    if (appCellName(app.at) === appCellName(at)) continue
    for (const spec of currentRelease(state.snapshot, app)?.services ?? []) {
      if (spec.route === null) continue
      const { expose, host, path } = spec.route
      const name = wanted.get(`${expose} ${host} ${path}`)
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
