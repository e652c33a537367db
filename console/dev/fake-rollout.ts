import type { AppView, RolloutView } from '../../src/wire/api.ts'
import { windowOf } from './fake-traffic.ts'

/** A rollout as it would go, told from a list of moments. */

type Ship = RolloutView['pools'][number]
type Step = RolloutView['steps'][number]

export interface FakeService {
  readonly name: string
  readonly count: number
}

/** Something that happens `atMs` after the rollout began. */
export interface Moment {
  readonly atMs: number
  readonly happen: () => void
}

export interface RolloutIdentity {
  readonly id: string
  readonly at: AppView['at']
  readonly releaseNumber: number
  readonly version: string
  readonly fromVersion: string
}

/** A rollout before anything has happened, its old ships online. */
export function queuedRollout(
  identity: RolloutIdentity,
  services: readonly FakeService[],
  now: number,
): RolloutView {
  const fromReleaseId = `rel-${identity.releaseNumber - 1}`
  return {
    ...identity,
    purpose: 'deploy',
    releaseId: `rel-${identity.releaseNumber}`,
    fromReleaseId,
    supersede: false,
    state: 'queued',
    because: 'It is about to begin.',
    steps: [],
    targets: services.map(({ name, count }) => ({
      service: name,
      target: { releaseId: `rel-${identity.releaseNumber}`, specDigest: 'sha256:0' },
      successors: 0,
      online: 0,
      predecessors: count,
    })),
    runId: null,
    createdBy: 'operator',
    createdAt: now,
    startedAt: null,
    endedAt: null,
    deadline: null,
    resumeAt: null,
    baseline: null,
    ledger: { before: null, during: null, after: null, instances: [], services: [], gaps: [] },
    live: null,
    pools: services.flatMap(({ name, count }) =>
      Array.from({ length: count }, (_, index) =>
        ship(name, `i-${name.slice(0, 3)}o${index}`, fromReleaseId, false),
      ),
    ),
  }
}

/**
 * What is to happen, with its times: the first of each service into maintenance, the test, online,
 * then the rest. Each moment puts a new object into the pools, as answers of the API would.
 */
export function momentsOf(
  rollout: RolloutView,
  services: readonly FakeService[],
  paceMs: number,
): readonly Moment[] {
  const moments: Moment[] = []
  let clock = 0
  const then = (wait: number, happen: () => void): void => {
    clock += wait * paceMs
    moments.push({ atMs: clock, happen })
  }
  const names = services.map(({ name }) => name).join(', ')
  const set = (index: number, state: Step['state'], because: string): void =>
    setStep(rollout, index, state, because)
  then(0, () => {
    rollout.state = 'running'
    rollout.because = `1 instance each of ${names} is made ready in maintenance.`
    rollout.steps = stepsOf(services)
    set(0, 'running', 'started, out of customers’ sight')
  })
  for (const { name } of services) bringUp(rollout, name, 0, then)
  then(0.6, () => {
    set(0, 'done', 'warmed up: 200 requests each, the last ones in 4 ms')
    set(1, 'running', 'node e2e/buy.ts against the maintenance pool')
    rollout.because = 'The test runs against the maintenance pool.'
  })
  then(2.5, () => {
    set(1, 'done', 'exit code 0 after 14 checks')
    set(2, 'running', 'the ingress moves the first of each service')
    rollout.because = 'The test has passed; the first of each service goes online.'
  })
  for (const { name } of services) {
    then(0.8, () => move(rollout, newId(name, 0), 'online'))
    retire(rollout, name, 0, then)
  }
  then(0.4, () => {
    set(2, 'done', 'one of each serves customers')
    set(3, 'running', 'in batches of a third')
    rollout.because = `The rest of ${names} follows in batches.`
  })
  const rest = Math.max(...services.map(({ count }) => count))
  for (let index = 1; index < rest; index++) {
    const batch = services.filter(({ count }) => count > index)
    for (const { name } of batch) bringUp(rollout, name, index, then)
    for (const { name } of batch) then(0.3, () => move(rollout, newId(name, index), 'online'))
    for (const { name } of batch) retire(rollout, name, index, then)
  }
  then(0.8, () => {
    set(3, 'done', 'every instance runs the release')
    rollout.state = 'done'
    rollout.because = `Every instance runs ${rollout.version}, and nobody noticed.`
  })
  return moments
}

/** One that is over since long, as the list shows them. */
export function endedRollout(
  identity: RolloutIdentity,
  services: readonly FakeService[],
  end: Pick<RolloutView, 'state' | 'because' | 'purpose'> & {
    readonly at: number
    readonly sent: number
    readonly failed: number
    readonly gaps?: string[]
  },
): RolloutView {
  const rollout = queuedRollout(identity, services, end.at - 62_000)
  const span = { from: end.at - 61_000, until: end.at }
  const steps = stepsOf(services).map((step) => ({
    ...step,
    state: 'done' as const,
    startedAt: span.from,
    endedAt: end.at,
  }))
  const during = windowOf(span.from, span.until, end.sent, end.failed)
  return {
    ...rollout,
    pools: [],
    targets: [],
    state: end.state,
    purpose: end.purpose,
    because: end.because,
    steps: end.state === 'superseded' ? [] : steps,
    startedAt: span.from,
    endedAt: end.at,
    ledger: {
      before: windowOf(span.from - 60_000, span.from, end.sent * 0.97),
      during: end.state === 'superseded' ? null : during,
      after: windowOf(end.at, end.at + 10_000, end.sent / 6),
      services: [],
      instances: [],
      gaps: end.gaps ?? [],
    },
  }
}

/** What a judge would say of a canary that is half as slow again. */
export function judgedSlow(startedAt: number): NonNullable<RolloutView['judging']> {
  const latency = Array.from({ length: 30 }, (_, bucket) => ({
    untilMs: 1.15 ** bucket,
    canary: bell(bucket, 19),
    baseline: bell(bucket, 15),
  }))
  return {
    startedAt,
    endsAt: startedAt + 30_000,
    lookAt: startedAt + 30_000,
    baseline: { at: startedAt, ingresses: {} },
    report: {
      verdict: 'fail',
      because: 'storefront: p95 is 52 % slower than the baseline, and 20 % is allowed',
      requests: { canary: total(latency, 'canary'), baseline: total(latency, 'baseline') },
      findings: [
        {
          criterion: 'p95',
          canary: 21.4,
          baseline: 14.1,
          limit: 0.2,
          pValue: 0.0004,
          confidence: 0.9996,
          verdict: 'fail',
          moreRequests: null,
        },
      ],
      latency,
    },
  }
}

function bell(bucket: number, middle: number): number {
  return Math.round(420 * Math.exp(-((bucket - middle) ** 2) / 14))
}

function total(
  latency: readonly { readonly canary: number; readonly baseline: number }[],
  group: 'canary' | 'baseline',
): number {
  return latency.reduce((sum, one) => sum + one[group], 0)
}

/** The counts of a running rollout, brought up to now. */
export function countUp(rollout: RolloutView, sent: number, now: number): void {
  const from = rollout.startedAt ?? now
  const { targets, pools } = rollout
  const serving = pools.filter((one) => one.pool === 'online' || !one.successor)
  rollout.ledger = {
    ...rollout.ledger,
    before: windowOf(from - 60_000, from, 11_180),
    during: windowOf(from, now, sent),
    services: targets.map(({ service }, index) => ({
      service,
      window: windowOf(from, now, sent * ([0.55, 0.3, 0.15][index] ?? 0.1)),
    })),
    instances: serving.map(({ instanceId, releaseId }, index) => ({
      instanceId,
      releaseId,
      window: windowOf(from, now, (sent / serving.length) * (1 + (index % 3) / 20)),
    })),
  }
}

function stepsOf(services: readonly FakeService[]): Step[] {
  const names = services.map(({ name }) => name).join(', ')
  const step = (kind: Step['kind'], title: string): Step => ({
    kind,
    title,
    state: 'waiting',
    startedAt: null,
    endedAt: null,
    because: '',
  })
  return [
    step('maintenance', `Maintenance: 1 instance each of ${names}`),
    step('test', 'Test: node e2e/buy.ts'),
    step('online', 'Online: the first of each'),
    step('remaining', 'Remaining: batches of 34 %'),
  ]
}

function setStep(rollout: RolloutView, index: number, state: Step['state'], because: string): void {
  const now = Date.now()
  rollout.steps = rollout.steps.map((step, place) => {
    if (place !== index) return step
    const startedAt = step.startedAt ?? now
    return { ...step, state, because, startedAt, endedAt: state === 'running' ? null : now }
  })
}

type Then = (wait: number, happen: () => void) => void

function bringUp(rollout: RolloutView, service: string, index: number, then: Then): void {
  const id = newId(service, index)
  const enter = ship(service, id, rollout.releaseId, true)
  then(0.25, () => {
    rollout.pools = [...rollout.pools, { ...enter, pool: 'maintenance', state: 'starting' }]
  })
  then(0.6, () => change(rollout, id, { state: 'warming' }))
  then(0.5, () => change(rollout, id, { state: 'ready' }))
}

function retire(rollout: RolloutView, service: string, index: number, then: Then): void {
  const id = `i-${service.slice(0, 3)}o${index}`
  then(0.3, () => move(rollout, id, 'draining'))
  then(1.2, () => {
    rollout.pools = rollout.pools.filter((one) => one.instanceId !== id)
  })
}

function move(rollout: RolloutView, id: string, pool: Ship['pool']): void {
  change(rollout, id, { pool })
}

function change(rollout: RolloutView, id: string, part: Partial<Ship>): void {
  rollout.pools = rollout.pools.map((one) => (one.instanceId === id ? { ...one, ...part } : one))
}

function newId(service: string, index: number): string {
  return `i-${service.slice(0, 3)}n${index}`
}

function ship(service: string, instanceId: string, releaseId: string, successor: boolean): Ship {
  return { service, instanceId, releaseId, successor, pool: 'online', state: 'ready' }
}
