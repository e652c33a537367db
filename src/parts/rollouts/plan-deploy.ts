import { digestOfData } from '../../base/digest.ts'
import { percentText } from '../../base/words.ts'
import type { DeployPlanView, FieldChange, ServicePlan } from '../../wire/deploy-plan.ts'
import { imageView } from '../artifacts/model.ts'
import {
  putBack,
  specDigest,
  wantedCount,
  type App,
  type HandChanges,
  type Release,
  type ServiceSpec,
} from '../apps/model.ts'
import { contentDigest, contentsOf, fieldChanges } from '../apps/plan-content.ts'
import { handChangesOf, handDriftOf } from '../apps/plan-drift.ts'
import type { Rollout } from './model.ts'
import { stepsOf } from './plan-steps.ts'
import { changesBetween, portionOf } from './plan-targets.ts'

/**
 * Decides what a deploy comes to, before anything is stored: the difference, whether it is one at
 * all, and the hash by which a person can ask for exactly this.
 */

/** A rollout that is not over, with its release. */
export interface RolloutAhead {
  readonly rollout: Rollout
  readonly release: Release
}

/** Everything that the decision reads: the hash covers all of it. */
export interface DeployView {
  /** The app; as a first deploy would make it where there is none. */
  readonly app: App
  /** What the cell runs; null where nothing does. */
  readonly current: Release | null
  /** Oldest first. */
  readonly ahead: readonly RolloutAhead[]
  /** What is to be deployed. */
  readonly release: Release
  readonly team: string
  /** What was done by hand stays. */
  readonly keepDrift: boolean
}

/** What a deploy comes to. */
export interface DeployDecision {
  readonly hash: string
  readonly verdict:
    /** It runs already: nothing is written. */
    | { readonly is: 'unchanged'; readonly release: Release }
    /** The newest rollout carries it in already. */
    | { readonly is: 'attach'; readonly to: RolloutAhead }
    /** The release is there; only what was done by hand is to be undone. */
    | { readonly is: 'put-back'; readonly release: Release }
    /** A new release. */
    | { readonly is: 'release' }
  /** What the rollout undoes at its end; undefined: nothing. */
  readonly putsBack: HandChanges | undefined
  /** For people; placement is somebody else's to say. */
  readonly view: Omit<DeployPlanView, 'placement' | 'notes'>
}

/** What is expected to run once everything ahead has ended well. */
interface Base {
  readonly release: Release | null
  readonly app: App
  /** The newest rollout ahead, where it is its release that is the base. */
  readonly carriedBy: RolloutAhead | undefined
}

export function planDeploy(view: DeployView): DeployDecision {
  const base = baseOf(view)
  const putsBack = view.keepDrift ? undefined : handChangesOf(base.app)
  const drift = handDriftOf(base.app, base.release ?? undefined)
  const verdict = verdictOf(view, base, drift.length > 0 && !view.keepDrift)
  const after = putBack(base.app, putsBack)
  const services = servicePlans(base, view.release, after)
  return {
    hash: hashOf(view, base),
    verdict,
    putsBack,
    view: {
      hash: hashOf(view, base),
      at: view.app.at,
      nothingToDo: verdict.is === 'unchanged' || verdict.is === 'attach',
      base: base.release === null ? null : nameOf(base.release),
      ahead: view.ahead.map(({ rollout, release }) => ({
        rolloutId: rollout.id,
        state: rollout.state,
        release: nameOf(release),
      })),
      services,
      release: releaseChanges(view, base),
      drift,
      putsBack: putsBack !== undefined && drift.length > 0,
      steps: stepsPlanned(base, view.release, after),
    },
  }
}

/** One that reverts comes back to what runs now: it is no base. */
function baseOf({ app, current, ahead }: DeployView): Base {
  const goingForward = ahead.filter(({ rollout }) => rollout.state !== 'reverting')
  const expected = goingForward.reduce((so, { rollout }) => putBack(so, rollout.putsBack), app)
  const carriedBy = goingForward.at(-1)
  return { release: carriedBy?.release ?? current, app: expected, carriedBy }
}

function verdictOf(view: DeployView, base: Base, hasDrift: boolean): DeployDecision['verdict'] {
  const { release, carriedBy } = base
  const isSame =
    release !== null &&
    view.team === view.app.team &&
    contentDigest(release) === contentDigest(view.release)
  if (!isSame) return { is: 'release' }
  if (hasDrift) return { is: 'put-back', release }
  if (carriedBy !== undefined) return { is: 'attach', to: carriedBy }
  return { is: 'unchanged', release }
}

function servicePlans(base: Base, next: Release, after: App): ServicePlan[] {
  const before = new Map((base.release?.services ?? []).map((spec) => [spec.name, spec]))
  const plans = next.services.map((spec) => {
    const old = before.get(spec.name)
    before.delete(spec.name)
    return servicePlan(spec, old, base.app, after)
  })
  const removed = [...before.values()].map((spec): ServicePlan => ({
    name: spec.name,
    change: 'removed',
    instances: { from: wantedCount(base.app, spec), to: 0 },
    replaces: 0,
    fields: [],
  }))
  return [...plans, ...removed]
}

function servicePlan(
  spec: ServiceSpec,
  old: ServiceSpec | undefined,
  before: App,
  after: App,
): ServicePlan {
  const to = wantedCount(after, spec)
  const image = imageView(spec.artifact)
  if (old === undefined) {
    const instances = { from: 0, to }
    return { name: spec.name, change: 'created', instances, replaces: 0, ...image, fields: [] }
  }
  const from = wantedCount(before, old)
  const fields = fieldChanges(old, spec)
  const isSame = fields.length === 0 && from === to
  return {
    name: spec.name,
    change: isSame ? 'unchanged' : 'changed',
    instances: { from, to },
    replaces: specDigest(old) === specDigest(spec) ? 0 : from,
    ...image,
    fields,
  }
}

/** What is not of one service: steps, files, jobs, team. */
function releaseChanges({ release, team, app }: DeployView, base: Base): FieldChange[] {
  if (base.release === null) return []
  const { services: _old, ...before } = contentsOf(base.release)
  const { services: _new, ...after } = contentsOf(release)
  return fieldChanges({ ...before, team: app.team }, { ...after, team })
}

function stepsPlanned(base: Base, next: Release, after: App): DeployPlanView['steps'] {
  const changes = changesBetween(after, base.release, next)
  if (changes.length === 0) return []
  const portions = changes
    .filter(({ count }) => count > 0)
    .map(({ service, count }) => `${service} ${firstPortionOf(base.release, next, count)}/${count}`)
  return stepsOf(next, 'deploy').map(({ kind, title }) => {
    if (kind === 'maintenance') return { kind, title: `${title}: ${portions.join(', ')}` }
    if (kind === 'remaining') return { kind, title: `${title}${batchText(next)}` }
    return { kind, title }
  })
}

/** The instances of a service that start beside all that runs. */
export function firstPortionOf(before: Release | null, next: Release, count: number): number {
  if (before === null) return count
  const step = next.steps.find((candidate) => candidate.kind === 'maintenance')
  return portionOf(count, step?.portion ?? 1, step?.min ?? 1)
}

function batchText({ steps }: Release): string {
  const step = steps.find((candidate) => candidate.kind === 'remaining')
  if (step === undefined) return ''
  const pause = step.pauseMs > 0 ? `, ${step.pauseMs / 1_000} s apart` : ''
  return ` of ${percentText(step.batch)}${pause}`
}

function nameOf({ id, number, version }: Release): { id: string; number: number; version: string } {
  return { id, number, version }
}

/**
 * The hash of a plan: `p1-`, a digest over everything the decision reads, and a short one of each
 * part, which tell what has changed since. It holds no id, time or name of a machine, so that the
 * same inputs give the same hash anywhere.
 */
function hashOf({ app, release, team, keepDrift }: DeployView, base: Base): string {
  const { scale, stopped } = base.app
  const parts = {
    content: [app.at, contentDigest(release), team],
    base: base.release === null ? null : [contentDigest(base.release), app.team],
    hands: [scale, stopped.toSorted()],
    options: [keepDrift],
  }
  const tags = partNames.map((name) => hexOf(parts[name], tagDigits))
  return [formatMark, hexOf(parts, wholeDigits), ...tags].join('-')
}

/** The form of a hash; a program that computes it otherwise says so. */
const formatMark = 'p1'

/** 128 bits: nobody finds another plan with the same. */
const wholeDigits = 32

/** 24 bits: enough to see that a part differs, since the whole is what decides. */
const tagDigits = 6

const partNames = ['content', 'base', 'hands', 'options'] as const

function hexOf(data: unknown, digits: number): string {
  return digestOfData([data]).slice('sha256:'.length, 'sha256:'.length + digits)
}

const hashPattern = /^p\d+-[0-9a-f]{32}(-[0-9a-f]{6}){4}$/

/** Whether a text has the form of a plan's hash, of this program's or another's. */
export function isPlanHash(text: string): boolean {
  return hashPattern.test(text)
}

/** What differs between two hashes; `program`: one was made by another version of the program. */
export function partsChanged(
  planned: string,
  now: string,
): ((typeof partNames)[number] | 'program')[] {
  const [mark, , ...before] = planned.split('-')
  const [, , ...after] = now.split('-')
  if (mark !== formatMark) return ['program']
  return partNames.filter((_, index) => before[index] !== after[index])
}
