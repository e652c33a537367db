import type { Clock } from '../../base/clock.ts'
import { newId } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import { driverOf } from '../artifacts/model.ts'
import type { JobSpec, Release } from '../apps/model.ts'
import { jobServiceOf, type Instance } from '../instances/model.ts'
import type { JobRun, RunSpec } from './model.ts'

/**
 * A little cpu and memory for what runs alone, once, for as long as its time-out. The memory is a
 * wall where the node has them: a test runner with its workers has to fit in.
 */
export const runResources = {
  cpu: 0.1,
  memoryBytes: 256 * 1024 * 1024,
  diskBytes: 64 * 1024 * 1024,
}

/** A browser with one page; a hundred megabytes of it are its own. */
export const journeyResources = {
  cpu: 0.2,
  memoryBytes: 512 * 1024 * 1024,
  diskBytes: 256 * 1024 * 1024,
}

interface Making {
  readonly clock: Clock
  readonly random: Random
}

/** What a run of a release's job executes; undefined: its service is not in the release. */
export function runSpecOf(release: Release, spec: JobSpec): RunSpec | undefined {
  const service = release.services.find(({ name }) => name === spec.service)
  if (service === undefined) return undefined
  const { run, timeoutMs, retries, overlap } = spec
  const { artifact, resources } = service
  return { run, service: spec.service, artifact, resources, timeoutMs, retries, overlap }
}

/** A run that waits for its first attempt. */
export function newRun(
  what: Pick<JobRun, 'at' | 'job' | 'purpose' | 'slot' | 'releaseId' | 'spec'> &
    Partial<Pick<JobRun, 'rolloutId'>>,
  createdBy: string,
  { clock, random }: Making,
): JobRun {
  return {
    rolloutId: null,
    ...what,
    id: newId('run', random),
    state: 'waiting',
    because: 'made',
    attempts: [],
    retryAt: null,
    cancelledBy: null,
    createdBy,
    createdAt: clock.now(),
    startedAt: null,
    endedAt: null,
  }
}

/** The instance of a run's next attempt. */
export function newAttempt(run: JobRun, { clock, random }: Making): Instance {
  const which = run.spec.retries === 0 ? '' : `, attempt ${run.attempts.length + 1}`
  return {
    id: newId('i', random),
    at: run.at,
    service: jobServiceOf(run.job),
    purpose: 'job',
    releaseId: run.releaseId,
    specDigest: '',
    resources: run.spec.resources,
    needsPort: false,
    ...(run.spec.build === undefined ? driverOf(run.spec.artifact) : { driver: 'builds' as const }),
    state: 'pending',
    desired: 'running',
    pool: 'maintenance',
    drainingSince: null,
    placement: null,
    unplaced: null,
    because: `${run.id}${which}`,
    createdAt: clock.now(),
    ended: null,
  }
}
