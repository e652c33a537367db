import { authorsOf, type Release } from '../apps/model.ts'
import type { Freeze, Gate } from '../tenants/model.ts'
import type { Approval, Rollout } from './model.ts'

/**
 * Gates of platform.yaml: what a queued rollout waits for beside its turn. What brings back
 * something that ran before never waits: a gate keeps changes out, not the way back shut.
 */

export interface Gated {
  readonly rollout: Rollout
  readonly release: Release
  /** What is in force now; undefined: nothing. */
  readonly gate?: Gate | undefined
}

/** Why a rollout may not begin yet. */
export interface Hold {
  readonly because: string
  /** Somebody's approval is missing. */
  readonly approval: boolean
  /** Wall ms at which it may be otherwise by itself; undefined: people have to act. */
  readonly wakeAt: number | undefined
}

/** What holds a rollout back; null: nothing does. */
export function holdOf(gated: Gated, now: number): Hold | null {
  const { rollout, gate = {} } = gated
  if (rollout.purpose === 'revert' || rollout.bringsBack === true) return null
  const frozen = freezeAt(gate.freeze ?? [], now)
  const missing = missingApprovals(gated)
  if (missing === null && frozen === undefined) return null
  const thaws = frozen === undefined ? '' : `${frozen.until} ${frozen.timezone}`
  const sentences = [
    ...(missing === null ? [] : [`waits for the approval of ${missing}`]),
    ...(frozen === undefined ? [] : [`waits until ${thaws}: frozen`]),
  ]
  const approval = missing !== null
  return { because: sentences.join('; '), approval, wakeAt: frozen?.untilAt }
}

/** People whose word counts for the gate as it is, each once; who approves twice is one person. */
export function approversOf({ rollout, release, gate }: Gated): string[] {
  const { approve } = gate ?? {}
  if (approve === undefined) return []
  const authors = rolloutAuthors(rollout, release)
  const counts = ({ by, as }: Approval): boolean =>
    as === approve.role && !(approve.notAuthor && authors.includes(by))
  return [...new Set((rollout.approvals ?? []).filter(counts).map(({ by }) => by))]
}

/** Who asked for the rollout, and who brought its release to where it is. */
export function rolloutAuthors({ createdBy }: Rollout, release: Release): string[] {
  return [...new Set([createdBy, ...authorsOf(release)])]
}

/** `1 releaser, not its author alice`; null where nobody's approval is missing. */
function missingApprovals(gated: Gated): string | null {
  const { approve } = gated.gate ?? {}
  if (approve === undefined) return null
  const given = approversOf(gated)
  const missing = approve.people - given.length
  if (missing <= 0) return null
  const more = given.length === 0 ? '' : 'more '
  const who = `${missing} ${more}${approve.role}${missing === 1 ? '' : 's'}`
  const done = given.length === 0 ? '' : ` (${given.join(', ')} approved)`
  if (!approve.notAuthor) return `${who}${done}`
  const authors = rolloutAuthors(gated.rollout, gated.release)
  const noun = authors.length === 1 ? 'author' : 'authors'
  return `${who}, not its ${noun} ${authors.join(', ')}${done}`
}

/** The freeze that ends last of those that follow each other from now on without a gap. */
function freezeAt(freezes: readonly Freeze[], now: number): Freeze | undefined {
  let found: Freeze | undefined
  for (;;) {
    const at = found?.untilAt ?? now
    const next = freezes.find(({ fromAt, untilAt }) => fromAt <= at && at < untilAt)
    if (next === undefined) return found
    found = next
  }
}

/**
 * A rollout under way does not make room for one that may not begin yet: nothing would carry the
 * cell on meanwhile. One that is queued does.
 */
export function withoutHeldSuperseders<View extends Gated & { readonly superseder: string | null }>(
  views: readonly View[],
  now: number,
): View[] {
  return views.map((view) => {
    if (view.superseder === null || view.rollout.state === 'queued') return view
    const superseder = views.find(({ rollout }) => rollout.id === view.superseder)
    const isHeld = superseder !== undefined && holdOf(superseder, now) !== null
    return isHeld ? { ...view, superseder: null } : view
  })
}
