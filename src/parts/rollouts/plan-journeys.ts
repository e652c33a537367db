import type { ReleaseStep } from '../apps/model.ts'
import { journeysProgram } from '../../wire/journeys.ts'
import { isRunOver, journeyExits } from '../jobs/model.ts'
import { waitsForTables, type RunSeen, type StepProgress, type StepsView } from './plan-progress.ts'

/** Browser journeys of a release: one run for all of a step, whose exit code says how it went. */

type Journeys = Extract<ReleaseStep, { kind: 'journeys' }>

export function journeysProgress(
  { run, isTold }: Pick<StepsView, 'run' | 'isTold'>,
  step: Journeys | undefined,
): StepProgress {
  if (run === null) {
    if (!isTold) return waitsForTables
    return { outcome: 'waits', waitsFor: 'the journeys to start', start: { of: 'journeys' } }
  }
  if (!isRunOver(run.state)) return { outcome: 'waits', waitsFor: `the journeys: ${run.because}` }
  if (run.state === 'succeeded') return { outcome: 'done' }
  return { outcome: 'failed', because: whyFailed(run, step) }
}

/** `roadstead-journeys 60000 browse=e2e/browse.ts`: the time that each has in ms, then the scripts. */
export function journeysCommand({ journeys, timeoutMs }: Journeys): string[] {
  const scripts = journeys.map(({ name, script }) => `${name}=${script}`)
  return [journeysProgram, String(timeoutMs), ...scripts]
}

function whyFailed(run: RunSeen, step: Journeys | undefined): string {
  const code = run.attempts.at(-1)?.exitCode ?? 0
  const failed = step?.journeys[code - journeyExits.first]
  const where = '(roadstead logs shows its output)'
  if (failed !== undefined) return `the journey \`${failed.name}\` failed ${where}`
  if (code === journeyExits.noBrowser) {
    const how = 'install one (apt-get install chromium), or name it to the agent'
    return `the journeys need a Chromium, and their node has none: ${how} by ROADSTEAD_CHROMIUM`
  }
  return `the journeys failed: ${run.because} ${where}`
}
