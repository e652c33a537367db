import Type, { type Static } from 'typebox'
import { keyOf, type Key } from '../../base/key.ts'
import type { StateTable } from '../../base/state-table.ts'
import { CounterSeries, FailureCause } from '../ingress/model.ts'
import { HandChanges } from '../apps/model.ts'
import { AppCell, Gate } from '../tenants/model.ts'
import { JudgeReport } from './judge-model.ts'

/** Where a rollout stands. Writer: the rollouts controller, after the route that created it. */
export const RolloutState = Type.Enum([
  /** Waits for another rollout of the same app and cell. */
  'queued',
  /** Carries its release forward. */
  'running',
  /** Brings back what ran before. */
  'reverting',
  /** Every instance runs the release. */
  'done',
  /** The earlier release runs again. */
  'reverted',
  /** Neither way could be completed; a person has to look. */
  'failed',
  /** A newer rollout took its place. */
  'superseded',
  /** Taken back by a person before it began. */
  'cancelled',
])
export type RolloutState = Static<typeof RolloutState>

export const rolloutTable: StateTable<RolloutState, 'rollouts'> = {
  initial: 'queued',
  transitions: [
    { from: 'queued', to: 'running', by: 'rollouts' },
    { from: 'queued', to: 'superseded', by: 'rollouts' },
    { from: 'queued', to: 'cancelled', by: 'rollouts' },
    { from: 'running', to: 'done', by: 'rollouts' },
    { from: 'running', to: 'reverting', by: 'rollouts' },
    { from: 'running', to: 'superseded', by: 'rollouts' },
    { from: 'reverting', to: 'reverted', by: 'rollouts' },
    { from: 'reverting', to: 'failed', by: 'rollouts' },
    { from: 'reverting', to: 'superseded', by: 'rollouts' },
  ],
}

/** Rollouts in these states are over. */
export function isOver(state: RolloutState): boolean {
  return !openStates.has(state)
}

const openStates: ReadonlySet<RolloutState> = new Set(['queued', 'running', 'reverting'])

/** One step as people follow it. */
export const RolloutStep = Type.Object({
  kind: Type.Enum([
    'migrate',
    'maintenance',
    'test',
    'journeys',
    'online',
    'judge',
    'remaining',
    'revert',
    'soak',
    'contract',
  ]),
  /** Which of the release's steps it carries out, from 0; missing: none that stands in the manifest. */
  index: Type.Optional(Type.Integer()),
  /** "maintenance: 1 of 4 instances of storefront". */
  title: Type.String(),
  state: Type.Enum(['waiting', 'running', 'done', 'failed', 'cancelled']),
  startedAt: Type.Union([Type.Number(), Type.Null()]),
  endedAt: Type.Union([Type.Number(), Type.Null()]),
  because: Type.String(),
})
export type RolloutStep = Static<typeof RolloutStep>

/** The canary's part of the customers' requests, and the fresh instances that it is compared with. */
export const TargetSplit = Type.Object({
  /** What the canary runs. */
  specDigest: Type.String(),
  /** 0 to 1: of the canary, and of the baseline as much again. */
  share: Type.Number(),
  sticky: Type.Boolean(),
  /** Fresh instances of the earlier release to compare with; 0: none. */
  baseline: Type.Integer(),
})
export type TargetSplit = Static<typeof TargetSplit>

/**
 * What the rollout wants of one service now; the instances controller carries it out.
 * Successors run the target's spec, predecessors anything else.
 */
export const ServiceTarget = Type.Object({
  service: Type.String(),
  /** The release and spec to end with; null: the service is to vanish. */
  target: Type.Union([
    Type.Object({ releaseId: Type.String(), specDigest: Type.String() }),
    Type.Null(),
  ]),
  /** Instances of the target that should exist. */
  successors: Type.Integer(),
  /** How many of them should be online. */
  online: Type.Integer(),
  /** Instances of anything else that may stay online; the others drain and stop. */
  predecessors: Type.Integer(),
  /**
   * Predecessors that have given their room to successors: customers are promised so many fewer
   * until those are online. Missing: there was room for all.
   */
  lent: Type.Optional(Type.Integer()),
  /** How customers' requests are divided while the new version proves itself; missing: evenly. */
  split: Type.Optional(TargetSplit),
})
export type ServiceTarget = Static<typeof ServiceTarget>

/** Counts over a span of time: all services of the app together, online pool. */
export const LedgerWindow = Type.Object({
  /** Wall ms. */
  from: Type.Number(),
  until: Type.Number(),
  /** Requests that ended in the span: answered, failed and client-aborted together. */
  sent: Type.Integer(),
  answered: Type.Integer(),
  failed: Type.Integer(),
  causes: Type.Partial(Type.Record(FailureCause, Type.Integer())),
  retried: Type.Integer(),
  clientAborted: Type.Integer(),
  appErrors: Type.Integer(),
  p50Ms: Type.Union([Type.Number(), Type.Null()]),
  p95Ms: Type.Union([Type.Number(), Type.Null()]),
  p99Ms: Type.Union([Type.Number(), Type.Null()]),
})
export type LedgerWindow = Static<typeof LedgerWindow>

/** Proof of zero: what a rollout cost, counted at the ingress. */
export const Ledger = Type.Object({
  /** The minute before it began. */
  before: Type.Union([LedgerWindow, Type.Null()]),
  during: Type.Union([LedgerWindow, Type.Null()]),
  /** The ten seconds after it ended. */
  after: Type.Union([LedgerWindow, Type.Null()]),
  /** The same for the rollout's span by instance. */
  instances: Type.Array(
    Type.Object({ instanceId: Type.String(), releaseId: Type.String(), window: LedgerWindow }),
  ),
  /** The same by service. */
  services: Type.Array(Type.Object({ service: Type.String(), window: LedgerWindow })),
  /** Reasons why the count is not whole, such as an ingress that was killed meanwhile. */
  gaps: Type.Array(Type.String()),
})
export type Ledger = Static<typeof Ledger>

/** Counters of each ingress at the instant the rollout began; what came later is the rollout's. */
export const LedgerBaseline = Type.Object({
  at: Type.Number(),
  ingresses: Type.Record(
    Type.String(),
    Type.Object({ incarnation: Type.String(), series: Type.Array(CounterSeries) }),
  ),
})
export type LedgerBaseline = Static<typeof LedgerBaseline>

/** One person's consent to exactly this rollout, whose release never changes. */
export const Approval = Type.Object({
  by: Type.String(),
  /** Wall ms. */
  at: Type.Number(),
  /** The role of platform.yaml that they held. */
  as: Type.String(),
})
export type Approval = Static<typeof Approval>

/** A comparison of the canary with the baseline. */
export const Judging = Type.Object({
  startedAt: Type.Number(),
  /** Wall ms at which it may pass; later while it cannot tell. */
  endsAt: Type.Number(),
  /** Wall ms of the next look. */
  lookAt: Type.Number(),
  /** The counters when it began. */
  baseline: LedgerBaseline,
  /** What the last look found; null before the first. */
  report: Type.Union([JudgeReport, Type.Null()]),
})
export type Judging = Static<typeof Judging>

/** Carrying a release into a cell, step by step, forward or back. */
export const Rollout = Type.Object({
  id: Type.String(),
  at: AppCell,
  /** `deploy` brings a new release; `revert` one that ran before. */
  purpose: Type.Enum(['deploy', 'revert']),
  releaseId: Type.String(),
  /** What ran when it began, to come back to; null at first, and when there was nothing. */
  fromReleaseId: Type.Union([Type.String(), Type.Null()]),
  /** Whether it takes the place of a rollout under way instead of waiting for it. */
  supersede: Type.Boolean(),
  /** What people did by hand before it was asked for, and its end undoes; missing: nothing. */
  putsBack: Type.Optional(HandChanges),
  /** What it has to pass, as platform.yaml said when it was asked for, approved, and begun. */
  gate: Type.Optional(Gate),
  /** Who approved it, oldest first; writer: the approve route, while it is queued. */
  approvals: Type.Optional(Type.Array(Approval)),
  /** It brings back what was destroyed: as little as a revert does it wait for gates. */
  bringsBack: Type.Optional(Type.Boolean()),
  /** Who does not want it any more; writer: the cancel route, while it is queued. */
  cancelledBy: Type.Optional(Type.String()),
  state: RolloutState,
  /** One sentence on where it stands, or why it reverted. */
  because: Type.String(),
  steps: Type.Array(RolloutStep),
  /** Empty before it begins; then one entry per service that it changes. */
  targets: Type.Array(ServiceTarget),
  /** The run that the step under way waits for: a test, journeys, or a service's migration; null: none. */
  runId: Type.Union([Type.String(), Type.Null()]),
  createdBy: Type.String(),
  createdAt: Type.Number(),
  startedAt: Type.Union([Type.Number(), Type.Null()]),
  endedAt: Type.Union([Type.Number(), Type.Null()]),
  /** Wall ms at which the current step gives up. */
  deadline: Type.Union([Type.Number(), Type.Null()]),
  /** Wall ms until which it pauses between two batches; null when it does not. */
  resumeAt: Type.Union([Type.Number(), Type.Null()]),
  baseline: Type.Union([LedgerBaseline, Type.Null()]),
  ledger: Ledger,
  /** Services whose migration is through in the step under way. */
  migrated: Type.Optional(Type.Array(Type.String())),
  /** The comparison of old and new, while and after it; missing: none was made. */
  judging: Type.Optional(Judging),
  /** Who let it go on although the comparison said nothing; writer: the proceed route. */
  proceed: Type.Optional(Type.Object({ by: Type.String(), at: Type.Number() })),
  /** What follows once it is done; it holds no queue. Missing: nothing. */
  after: Type.Optional(Type.Array(RolloutStep)),
})
export type Rollout = Static<typeof Rollout>

export function rolloutKey(at: AppCell, id: string): Key {
  const { tenant, environment, app } = at
  return keyOf({ kind: 'rollout', tenant, environment, app, name: id })
}

/** Whether something of what follows it is still to come. */
export function isFollowed({ after = [] }: Rollout): boolean {
  return after.some(({ state }) => state === 'waiting' || state === 'running')
}

/** The record of what a migration has done to the schema that a service works on. */
export const SchemaStage = Type.Object({
  at: AppCell,
  service: Type.String(),
  /** The newest release whose expand is in it, by id and number. */
  expandedBy: Type.Object({ releaseId: Type.String(), number: Type.Integer(), at: Type.Number() }),
  /** The newest one whose contract is: earlier releases cannot work with it. Null: none. */
  contractedBy: Type.Union([
    Type.Object({ releaseId: Type.String(), number: Type.Integer(), at: Type.Number() }),
    Type.Null(),
  ]),
  /** Who asked for the expand to be taken back, and the run that does it; writer: the undo route. */
  undo: Type.Optional(Type.Object({ runId: Type.String(), by: Type.String(), at: Type.Number() })),
})
export type SchemaStage = Static<typeof SchemaStage>

export function schemaStageKey({ tenant, environment, app }: AppCell, service: string): Key {
  return keyOf({ kind: 'schema-stage', tenant, environment, app, name: service })
}

export function emptyLedger(): Ledger {
  return { before: null, during: null, after: null, instances: [], services: [], gaps: [] }
}
