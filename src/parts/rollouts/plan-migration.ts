import { digestOfData } from '../../base/digest.ts'
import { specDigest, type Release, type ServiceSpec } from '../apps/model.ts'
import { isRunOver } from '../jobs/model.ts'
import type { MigrationStage, StepProgress, StepsView } from './plan-progress.ts'

/** Changes of a schema, service by service, each as a run of its own. */

/**
 * The services of a release that have something to run at a stage. One that is as it was in the
 * release before has been migrated by it.
 */
export function migrationsOf(
  release: Release,
  from: Release | null,
  stage: MigrationStage,
): ServiceSpec[] {
  return release.services.filter((spec) => {
    if ((spec.migrate?.[stage] ?? null) === null) return false
    const before = from?.services.find(({ name }) => name === spec.name)
    return before === undefined || !isSameSchema(before, spec)
  })
}

function isSameSchema(before: ServiceSpec, after: ServiceSpec): boolean {
  const digest = (spec: ServiceSpec): string => digestOfData({ ...spec.migrate })
  return specDigest(before) === specDigest(after) && digest(before) === digest(after)
}

/**
 * One service's migration after the other. What is through is remembered, so that a crash of
 * everything repeats none; a run that fails ends it, and nothing of the release has started yet.
 */
export function migrationProgress(
  view: Pick<StepsView, 'release' | 'from' | 'rollout' | 'run'>,
  stage: MigrationStage,
): StepProgress {
  const { release, from, rollout, run } = view
  const migrated = rollout.migrated ?? []
  const next = migrationsOf(release, from, stage).find(({ name }) => !migrated.includes(name))
  if (next === undefined) return { outcome: 'done' }
  const { name } = next
  if (run === null) {
    const start = { of: 'migration', stage, service: name } as const
    return { outcome: 'waits', waitsFor: `the ${stage} of ${name} to start`, start }
  }
  const waitsFor = `the ${stage} of ${name}: ${run.because}`
  if (!isRunOver(run.state)) return { outcome: 'waits', waitsFor, isPatient: true }
  if (run.state === 'succeeded') {
    const changes = { migrated: [...migrated, name], runId: null }
    return { outcome: 'waits', waitsFor, changes, passed: { stage, service: name } }
  }
  const because = `the ${stage} of ${name} failed: ${run.because} (roadstead logs shows its output)`
  return { outcome: 'failed', because }
}
