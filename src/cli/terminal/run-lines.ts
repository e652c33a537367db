import type { RunView } from '../../wire/jobs.ts'
import { durationText } from './format.ts'
import type { Tone } from './output.ts'

/** How a run is told on a terminal. */

/** What each state means for people. */
export const runTones: Readonly<Record<RunView['state'], Tone>> = {
  waiting: 'quiet',
  running: 'moving',
  succeeded: 'well',
  failed: 'wrong',
  'timed-out': 'wrong',
  cancelled: 'quiet',
  skipped: 'quiet',
}

/** `run-7k3m9q2x of webshop/reindex succeeded · 3.2 s · 2 attempts`. */
export function runEnding(run: RunView): string {
  const { id, at, job, state, because, attempts, startedAt, endedAt } = run
  const took = startedAt === null || endedAt === null ? [] : [durationText(endedAt - startedAt)]
  const tries = attempts.length > 1 ? [`${attempts.length} attempts`] : []
  const words = state === 'timed-out' ? 'timed out' : state
  const why = state === 'succeeded' ? '' : `: ${because}`
  return [`${id} of ${at.app}/${job} ${words}${why}`, ...took, ...tries].join(' · ')
}
