import { kindOf } from '../../src/base/key.ts'
import { jobName, type JobRun } from '../../src/parts/jobs/model.ts'
import type { SimEvent, SimView, Violation } from '../view.ts'
import { Promised } from './checker.ts'

/** What is promised of jobs. */

/** S14: a time that has come is one run, and an attempt is one start. */
export class SlotsStartOnce extends Promised {
  readonly invariant = 'S14'
  readonly promise =
    'Each time of a job’s schedule has at most one run, and each of its attempts starts at most once.'
  readonly hears = ['commit', 'process-started'] as const
  /** Job and slot to the run that stands for it. */
  readonly #runs = new Map<string, string>()
  /** Instances of attempts to their run. */
  readonly #attempts = new Map<string, string>()
  readonly #started = new Set<string>()

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is === 'process-started') return this.#checkStart(event.process.instanceId, view)
    if (event.is !== 'commit') return undefined
    for (const operation of event.change.operations) {
      if (operation.op !== 'put' || kindOf(operation.key) !== 'job-run') continue
      const violation = this.#checkRun(operation.value as JobRun, view)
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #checkRun(run: JobRun, view: SimView): Violation | undefined {
    for (const { instanceId } of run.attempts) this.#attempts.set(instanceId, run.id)
    if (run.slot === null) return undefined
    const slot = `${jobName(run.at, run.job)} at ${new Date(run.slot).toISOString()}`
    const other = this.#runs.get(slot)
    this.#runs.set(slot, run.id)
    if (other === undefined || other === run.id) return undefined
    return this.broken(view, `${slot} has two runs, ${other} and ${run.id}`)
  }

  #checkStart(instanceId: string, view: SimView): Violation | undefined {
    const runId = this.#attempts.get(instanceId)
    if (runId === undefined) return undefined
    const isSecond = this.#started.has(instanceId)
    this.#started.add(instanceId)
    return isSecond
      ? this.broken(view, `the attempt ${instanceId} of ${runId} was started twice`)
      : undefined
  }
}
