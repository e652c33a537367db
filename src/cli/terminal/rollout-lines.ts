import { styleText } from 'node:util'
import type { LedgerWindow } from '../../parts/rollouts/model.ts'
import type { RolloutView } from '../../wire/api.ts'
import { countText, durationText, latencyText, pluralText } from './format.ts'
import { toned } from './output.ts'

/** A rollout in words: the picture while it goes, a line per change, and the last sentence. */

type Step = RolloutView['steps'][number]

/** All steps with their states, for a terminal that is drawn again and again. */
export function rolloutPicture(view: RolloutView, now: number, spinner: string): string[] {
  const lines = [rolloutTitle(view)]
  for (const step of view.steps) {
    const because = step.state === 'running' && step.because !== '' ? ` · ${step.because}` : ''
    lines.push(`  ${markOf(step, spinner)} ${stepTitle(step)}${stepTime(step, now)}${because}`)
  }
  if (view.state === 'queued') lines.push(`  ${spinner} ${view.because || 'waits for its turn'}`)
  const pools = poolsLine(view)
  if (pools !== '') lines.push(`  ${toned(pools, 'quiet')}`)
  lines.push(`  ${trafficLine(view.ledger.during)}`)
  return lines
}

/** What happened between two looks at a rollout, one line each, for a log or a pipe. */
export function rolloutChanges(before: RolloutView | undefined, after: RolloutView): string[] {
  const lines = before === undefined ? [rolloutTitle(after)] : []
  if (after.state === 'queued' && before === undefined) lines.push(`  queued: ${after.because}`)
  for (const [index, step] of after.steps.entries()) {
    const earlier = before?.steps[index]
    if (step.state === 'waiting' || (earlier?.kind === step.kind && earlier.state === step.state)) {
      continue
    }
    lines.push(`  ${wordOf(step)} ${stepTitle(step)}${stepTime(step, step.endedAt ?? 0)}`)
    if (step.state === 'failed' && step.because !== '') lines.push(`    ${step.because}`)
  }
  return lines
}

/** The sentence that a rollout ends with. */
export function rolloutEnding(view: RolloutView): string {
  const cell = `${view.at.environment}/${view.at.tenant}`
  const took = durationText((view.endedAt ?? view.createdAt) - (view.startedAt ?? view.createdAt))
  const cost = costOf(view.ledger.during)
  switch (view.state) {
    case 'done':
      return `${toned('✓', 'well')} ${releaseName(view)} is online in ${cell} · ${took} · ${cost}`
    case 'reverted':
      return `${toned('✗', 'wrong')} reverted: ${view.because} · ${took} · ${cost}`
    case 'failed':
      return `${toned('✗', 'wrong')} failed: ${view.because} · ${took} · ${cost}`
    case 'superseded':
    case 'cancelled':
      return `${toned('✗', 'wrong')} did not go out: ${view.because}`
    default:
      return `${releaseName(view)}: ${view.state}: ${view.because}`
  }
}

/** `release 7 (v2)`, or `release 7` when it has no version. */
export function releaseName(release: { releaseNumber: number; version: string }): string {
  const version = release.version === '' ? '' : ` (${release.version})`
  return `release ${release.releaseNumber}${version}`
}

/** `312 requests, 0 failed`, with what else there is to know. */
export function trafficLine(window: LedgerWindow | null): string {
  if (window === null) return 'no requests counted yet'
  const failed = `${countText(window.failed)} failed`
  const parts = [
    `${pluralText(window.sent, 'request')}, ${toned(failed, window.failed > 0 ? 'wrong' : 'well')}`,
  ]
  if (window.retried > 0) parts.push(`${countText(window.retried)} retried`)
  if (window.appErrors > 0) parts.push(`${pluralText(window.appErrors, 'app error')}`)
  if (window.p99Ms !== null) parts.push(`p99 ${latencyText(window.p99Ms)}`)
  return parts.join(', ')
}

/** `0 of 8,412 requests failed`. */
function costOf(window: LedgerWindow | null): string {
  if (window === null || window.sent === 0) return 'no requests meanwhile'
  return `${countText(window.failed)} of ${pluralText(window.sent, 'request')} failed`
}

function rolloutTitle(view: RolloutView): string {
  const cell = `${view.at.environment}/${view.at.tenant}`
  const from =
    view.fromVersion === null || view.fromVersion === '' ? '' : ` from ${view.fromVersion}`
  const verb = view.purpose === 'revert' ? 'revert' : 'deploy'
  return styleText('bold', `${verb} ${view.at.app} to ${cell}: ${releaseName(view)}${from}`)
}

function markOf(step: Step, spinner: string): string {
  switch (step.state) {
    case 'done':
      return toned('✓', 'well')
    case 'failed':
      return toned('✗', 'wrong')
    case 'running':
      return toned(spinner, 'moving')
    case 'waiting':
    case 'cancelled':
      return toned('·', 'quiet')
  }
}

function wordOf(step: Step): string {
  const words = {
    waiting: 'waits: ',
    running: 'begins:',
    done: 'done:  ',
    failed: 'failed:',
    cancelled: 'left out:',
  }
  return words[step.state]
}

function stepTitle(step: Step): string {
  return step.state === 'waiting' ? toned(step.title, 'quiet') : step.title
}

function stepTime(step: Step, now: number): string {
  if (step.startedAt === null) return ''
  const ms = (step.endedAt ?? now) - step.startedAt
  return ms < 100 ? '' : ` ${toned(durationText(ms), 'quiet')}`
}

function poolsLine(view: RolloutView): string {
  const counts = new Map<string, number>()
  for (const { pool, successor } of view.pools) {
    const name = `${successor ? 'new' : 'old'} ${pool}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ')
}
