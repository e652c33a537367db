import type { Clock } from '../../base/clock.ts'
import { Refusal, unreachable } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import { create, replace, type Entry, type State, type Write } from '../../store/port.ts'
import type { DeployPlanView, UnchangedAnswer } from '../../wire/deploy-plan.ts'
import type { RouteReply } from '../../wire/route.ts'
import { artifactKey } from '../artifacts/model.ts'
import { artifactKind, holdArtifact } from '../artifacts/records.ts'
import { digestsOf } from '../artifacts/usage.ts'
import { observeCarried, observeDeploy, observeFit } from '../rollouts/deploy-view.ts'
import type { Rollout } from '../rollouts/model.ts'
import { planDeploy, type DeployDecision, type DeployView } from '../rollouts/plan-deploy.ts'
import { planFit } from '../rollouts/plan-fit.ts'
import { holdOf, type Hold } from '../rollouts/plan-gates.ts'
import { rolloutKind } from '../rollouts/records.ts'
import type { NodeUsage } from '../scheduling/usage.ts'
import { cellName, type AppCell } from '../tenants/model.ts'
import { gateAt } from '../tenants/records.ts'
import type { ImageRegistry, ManifestReader } from './driver.ts'
import { notesOnVolumes, refuseManyVolumes } from '../volumes/routes-deploy.ts'
import type { ReleaseContent } from './manifest/release-content.ts'
import type { App, Release } from './model.ts'
import { planCarried } from './plan-assets.ts'
import { appAt, appKind, releaseKind } from './records.ts'
import { noteOnImages } from './routes-images.ts'
import { noteOnLimits, refuseInsisting, refuseUnenforceable } from './routes-limits.ts'
import { refuseLongQueue, refuseRouteConflict, refuseStale } from './routes-intent-checks.ts'
import { answerOf, newRollout, refuseDestroying } from './routes.ts'

/** What deploys and promotions share: from contents that are wanted to a release and its rollout. */

export interface IntentOptions {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
  readonly usage: NodeUsage
  readonly manifests: ManifestReader
  readonly registry: ImageRegistry
}

/** A release that is wanted in a cell. */
export interface Wish {
  readonly at: AppCell
  readonly content: ReleaseContent
  readonly release: Pick<Release, 'version' | 'files' | 'manifest' | 'promotedFrom'>
  readonly supersede: boolean
  readonly keepDrift: boolean
  /** The hash of the plan that it is to be; undefined: whatever it comes to. */
  readonly plan?: string | undefined
  /** Sentences for whoever asks. */
  readonly notes: readonly string[]
}

/** Writes that meet: each is decided anew on what the one before it has written. */
const attemptsMax = 4

/** What made a commit conflict is on its way to the disk, for less than this, in ms. */
const conflictWaitMs = 2_000

/** What it would come to; nothing is written. */
export function planWish(
  { state, usage, clock }: IntentOptions,
  who: string,
  wish: Wish,
): DeployPlanView {
  const { view, decision } = draftOf(state, wish)
  const now = clock.now()
  const placement = planFit(observeFit(state.snapshot, usage, view, decision), now)
  const { verdict } = decision
  const goes = verdict.is === 'release' || verdict.is === 'put-back'
  const release = { ...view.release, createdBy: who }
  const rollout = rolloutOf(wish, release, decision, '', who, now)
  const hold = goes ? holdOnRollout(state, rollout, release, now) : null
  const held = hold === null ? [] : [`its rollout ${hold.because}`]
  const notes = [...notesOn(state, wish), ...held]
  return { ...decision.view, placement, ...notesOf(notes) }
}

/** Commits the intent of a release: with a rollout that waits to carry it in. */
export async function carryOut(
  options: IntentOptions,
  who: string,
  wish: Wish,
): Promise<RouteReply> {
  const { state } = options
  return withoutConflict(state, async () => {
    const draft = draftOf(state, wish)
    const isPromotion = wish.release.promotedFrom !== undefined
    if (wish.plan !== undefined) refuseStale(wish.plan, draft.decision, isPromotion)
    const reply = await intend(options, who, draft, wish)
    return { ...reply, body: { ...(reply.body as object), ...notesOf(notesOn(state, wish)) } }
  })
}

/** Decides and commits, anew where another commit came between the two, a few times at the most. */
export async function withoutConflict<T>(state: State, decide: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await decide()
    } catch (error) {
      if (attempt === attemptsMax || !isConflict(error)) throw error
      await state.waitFor(revisionOf(error), conflictWaitMs)
    }
  }
}

/** What is said of a wish, with what it lacks now. */
function notesOn({ snapshot }: State, { at, notes, content }: Wish): string[] {
  const { services } = content
  const more = [noteOnImages(snapshot, services), noteOnLimits(snapshot, services)]
  const onVolumes = notesOnVolumes(snapshot, at, services)
  return [...notes, ...more.filter((note) => note !== undefined), ...onVolumes]
}

function notesOf(notes: readonly string[]): { notes?: string[] } {
  return notes.length === 0 ? {} : { notes: [...notes] }
}

function isConflict(error: unknown): error is Refusal {
  return error instanceof Refusal && error.code === 'conflict'
}

/** The commit that was in the way; 0 where it removed the record. */
function revisionOf({ details }: Refusal): number {
  const revision = details?.['revision']
  return typeof revision === 'number' ? revision : 0
}

/** A deploy before anything of it is written. */
interface Draft {
  readonly entry: Entry<App> | undefined
  readonly view: DeployView
  readonly decision: DeployDecision
}

function draftOf(state: State, { at, content, release: named, keepDrift }: Wish): Draft {
  const { team, gate: _gate, promoteFrom: _from, ...rest } = content
  const { app, entry } = appOrNew(state, at, team)
  refuseDestroying(app)
  refuseRouteConflict(state, at, content)
  refuseUnenforceable(state.snapshot, content.services)
  refuseInsisting(state.snapshot, content.services)
  refuseManyVolumes(state.snapshot, at, content.services)
  const release: Release = {
    ...rest,
    ...named,
    id: '',
    at,
    number: app.nextReleaseNumber,
    createdBy: '',
    createdAt: 0,
  }
  const view = observeDeploy(state.snapshot, { app, release, team, keepDrift })
  return { entry, view, decision: planDeploy(view) }
}

async function intend(
  options: IntentOptions,
  who: string,
  draft: Draft,
  wish: Wish,
): Promise<RouteReply> {
  const { verdict } = draft.decision
  switch (verdict.is) {
    case 'unchanged':
      return { body: unchanged(verdict.release) }
    case 'attach': {
      const { state, clock } = options
      const { rollout, release } = verdict.to
      const hold =
        rollout.state === 'queued' ? holdOnRollout(state, rollout, release, clock.now()) : null
      const answer = answerOf(state, rollout, release, state.snapshot.revision, hold)
      return { status: 202, body: { ...answer, attached: true } }
    }
    case 'put-back':
      return commitIntent(options, who, draft, wish, verdict.release)
    case 'release':
      return commitIntent(options, who, draft, wish, undefined)
    default:
      return unreachable(verdict)
  }
}

function unchanged({ id, number, version }: Release): UnchangedAnswer {
  return { unchanged: true, release: { id, number, version } }
}

/** Commits a rollout: of a release that is there already, or with a new one. */
async function commitIntent(
  { state, clock, random }: IntentOptions,
  who: string,
  { entry, view, decision }: Draft,
  wish: Wish,
  existing: Release | undefined,
): Promise<RouteReply> {
  const { app, team } = view
  refuseLongQueue(state, app.at)
  const now = clock.now()
  const carried = planCarried(observeCarried(state.snapshot, view, wish.supersede, now), now)
  const created = {
    ...view.release,
    ...(carried === undefined ? {} : { carried }),
    id: newId('rel', random),
    planHash: decision.hash,
    createdBy: who,
    createdAt: now,
  }
  const release = existing ?? created
  const asked = rolloutOf(wish, release, decision, newId('ro', random), who, now)
  const hold = holdOnRollout(state, asked, release, now)
  const rollout = hold === null ? asked : { ...asked, because: hold.because }
  const writes = existing === undefined ? releaseWrites(state, app, entry, created, team) : []
  const revision = await state.commit({
    writes: [...writes, create(rolloutKind, rollout)],
    expectations:
      writes.length > 0 || entry === undefined
        ? []
        : [{ key: entry.key, revision: entry.revision }],
    attribution: {
      who,
      what: release.promotedFrom === undefined ? 'app.deploy' : 'app.promote',
      why: whyOf(release, existing !== undefined),
    },
  })
  return { status: 202, body: answerOf(state, rollout, release, revision, hold) }
}

function rolloutOf(
  { at, content, supersede }: Wish,
  release: Release,
  { putsBack }: DeployDecision,
  id: string,
  createdBy: string,
  createdAt: number,
): Rollout {
  const { gate } = content
  const purpose = 'deploy'
  return newRollout({ id, at, release, purpose, supersede, putsBack, gate, createdBy, createdAt })
}

/** What would hold a rollout back now: the gate in force, or the one that came with the deploy. */
function holdOnRollout(state: State, rollout: Rollout, release: Release, now: number): Hold | null {
  const gate = gateAt(state.snapshot, rollout.at.environment) ?? rollout.gate
  return holdOf({ rollout, release, gate }, now)
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

function whyOf({ at, number, version, promotedFrom: from }: Release, isThere: boolean): string {
  const name = version === '' ? `release ${number}` : `release ${number} (${version})`
  const what = isThere ? `${name}, what was done by hand is undone` : name
  const source = from === undefined ? '' : `, as release ${from.number} ran in ${cellName(from)}`
  return `${at.app} in ${cellName(at)}: ${what}${source}`
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
