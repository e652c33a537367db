import type { AssignedInstance } from '../wire/agent.ts'
import type { InstanceView } from './plan-instance.ts'

/** Views of an instance for the tests of its plan. */

/** What differs from `aView()`. */
export type Given = Partial<Omit<InstanceView, 'assigned'>> & {
  assigned?: Partial<AssignedInstance>
}

export const exit = { code: 1, signal: null, at: 0 }
export const running = { is: 'running', startedAt: 0 } as const
export const ended = { is: 'ended', exit, ranMs: 3_000, swept: false } as const
export const gone = { ...ended, swept: true } as const
export const passed = { askedAt: 0, ok: true, because: 'GET / answered 200' }
export const failed = { askedAt: 0, ok: false, because: 'GET / answered 500' }

/** One that is to run and whose artifact is not here yet. */
export function aView(given: Given = {}): InstanceView {
  const { assigned, ...facts } = given
  return {
    assigned: {
      instanceId: 'i-a',
      at: { tenant: 'default', environment: 'local', app: 'shop' },
      service: 'web',
      releaseId: 'rel-1',
      purpose: 'service',
      desired: 'running',
      port: 21_000,
      run: ['node', 'server.js'],
      env: {},
      artifact: { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 },
      health: {
        probe: { kind: 'http', path: '/' },
        everyMs: 2_000,
        timeoutMs: 1_000,
        passes: 2,
        fails: 3,
        startDeadlineMs: 30_000,
      },
      stop: { drainMs: 0, graceMs: 5_000 },
      warmup: null,
      timeoutMs: null,
      ...assigned,
    },
    wanted: 'running',
    state: 'pulling',
    because: 'assigned to this node',
    stateSince: 0,
    acceptedAt: 0,
    busy: null,
    artifact: { is: 'needed' },
    process: { is: 'none' },
    checks: [],
    probesUnderWay: 0,
    lastProbeAt: null,
    warmUp: 'due',
    readyAt: null,
    terminatedAt: null,
    failures: 0,
    retryAt: 0,
    leaseUntil: null,
    room: 'enough',
    ...facts,
  }
}

export const aTest = { purpose: 'test', timeoutMs: 5_000 } as const
export const unchecked = { ...aView().assigned.health, probe: { kind: 'none' } } as const
