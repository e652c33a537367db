import { kindOf } from '../../src/base/key.ts'
import type { Release } from '../../src/parts/apps/model.ts'
import type { Instance } from '../../src/parts/instances/model.ts'
import { isRunOver, type JobRun } from '../../src/parts/jobs/model.ts'
import { appCellName } from '../../src/parts/tenants/model.ts'
import type { SimEvent, SimView, Violation } from '../view.ts'
import { Promised } from './checker.ts'

/** S19: a schema is wide enough for whatever runs. */
export class SchemaFits extends Promised {
  readonly invariant = 'S19'
  readonly promise =
    'No instance of a release exists before its expands have succeeded, no contract runs while an instance of an older release lives, and of an app’s migrations one runs at a time.'
  readonly hears = ['commit'] as const
  readonly #releases = new Map<string, Release>()
  /** `release service` of each expand that has succeeded. */
  readonly #expanded = new Set<string>()
  /** Migrations that an attempt is under way of, by app. */
  readonly #running = new Map<string, Map<string, JobRun>>()
  /** Instances that have not ended, by `app service`. */
  readonly #living = new Map<string, Map<string, Instance>>()

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is !== 'commit') return undefined
    for (const operation of event.change.operations) {
      if (operation.op !== 'put') continue
      const kind = kindOf(operation.key)
      if (kind === 'release') this.#take(operation.value as Release)
      const violation =
        kind === 'job-run'
          ? this.#checkRun(operation.value as JobRun, view)
          : kind === 'instance'
            ? this.#checkInstance(operation.value as Instance, view)
            : undefined
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #take(release: Release): void {
    this.#releases.set(release.id, release)
  }

  #checkRun(run: JobRun, view: SimView): Violation | undefined {
    if (run.purpose !== 'migration') return undefined
    const app = appCellName(run.at)
    const running = this.#running.get(app) ?? new Map<string, JobRun>()
    this.#running.set(app, running)
    if (run.state === 'succeeded') this.#expanded.add(`${run.releaseId} ${run.spec.service}`)
    if (isRunOver(run.state) || run.state === 'waiting') {
      running.delete(run.id)
      return undefined
    }
    const isNew = !running.has(run.id)
    running.set(run.id, run)
    if (running.size > 1) {
      return this.broken(
        view,
        `${app} has the migrations ${[...running.keys()].join(' and ')} at once`,
      )
    }
    return isNew ? this.#checkContract(run, view) : undefined
  }

  #checkContract(run: JobRun, view: SimView): Violation | undefined {
    const { releaseId, spec } = run
    const migrate = this.#releases
      .get(releaseId)
      ?.services.find(({ name }) => name === spec.service)?.migrate
    if (migrate?.contract?.join(' ') !== spec.run.join(' ')) return undefined
    const living = this.#living.get(`${appCellName(run.at)} ${spec.service}`)
    const old = [...(living?.values() ?? [])].find((one) => one.releaseId !== releaseId)
    if (old === undefined) return undefined
    return this.broken(
      view,
      `${run.id} contracts for ${releaseId}, and ${old.id} runs ${old.releaseId}`,
    )
  }

  #checkInstance(instance: Instance, view: SimView): Violation | undefined {
    const { id, at, service, releaseId, purpose, state } = instance
    if (purpose !== 'service') return undefined
    const key = `${appCellName(at)} ${service}`
    const living = this.#living.get(key) ?? new Map<string, Instance>()
    this.#living.set(key, living)
    if (state === 'ended') {
      living.delete(id)
      return undefined
    }
    const isNew = !living.has(id)
    living.set(id, instance)
    const release = this.#releases.get(releaseId)
    if (!isNew || release?.steps.every(({ kind }) => kind !== 'migrate') !== false) return undefined
    const missing = release.services.find(
      ({ name, migrate }) =>
        (migrate?.expand ?? null) !== null && !this.#expanded.has(`${releaseId} ${name}`),
    )
    if (missing === undefined) return undefined
    return this.broken(view, `${id} of ${releaseId} exists before the expand of ${missing.name}`)
  }
}
