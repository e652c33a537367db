import Type, { type Static } from 'typebox'
import { AppCell } from '../parts/tenants/model.ts'

/** The bodies around `plan` and `deploy`: what would happen, and what did. */

/** Where people's hands made a service differ from what its manifest says. */
export const HandDrift = Type.Object({
  service: Type.String(),
  kind: Type.Enum(['scaled', 'stopped']),
  /** Instances that it has by hand. */
  byHand: Type.Integer(),
  /** Instances that the manifest of the release that runs says. */
  inManifest: Type.Integer(),
  /** Whose hand; null where it was not noted. */
  by: Type.Union([Type.String(), Type.Null()]),
  /** Wall ms. */
  since: Type.Union([Type.Number(), Type.Null()]),
})
export type HandDrift = Static<typeof HandDrift>

/** Sentences that go with an answer: what it waits for, what was not looked at; missing: none. */
export const Notes = Type.Optional(Type.Array(Type.String()))

/** One field that differs; values as the release has them, null where there is nothing. */
export const FieldChange = Type.Object({
  path: Type.String(),
  from: Type.Unknown(),
  to: Type.Unknown(),
})
export type FieldChange = Static<typeof FieldChange>

/** What a deploy would do to one service. */
export const ServicePlan = Type.Object({
  name: Type.String(),
  change: Type.Enum(['created', 'changed', 'removed', 'unchanged']),
  /** Instances wanted now, and afterwards. */
  instances: Type.Object({ from: Type.Integer(), to: Type.Integer() }),
  /** Instances that others would take the place of; 0 where only counts or routes change. */
  replaces: Type.Integer(),
  /** Of a service of containers: its image with the digest that it has now. */
  image: Type.Optional(Type.String()),
  /** Empty for a service that is created or removed as a whole. */
  fields: Type.Array(FieldChange),
})
export type ServicePlan = Static<typeof ServicePlan>

/** Whether there is room for one service's instances. */
export const FitView = Type.Object({
  service: Type.String(),
  fits: Type.Boolean(),
  because: Type.String(),
  /** Predecessors whose room the first portion takes, for want of other; missing: none. */
  lends: Type.Optional(Type.Integer()),
  /** The smallest change that would make it fit; null where it does. */
  fix: Type.Union([Type.String(), Type.Null()]),
})
export type FitView = Static<typeof FitView>

const ReleaseName = Type.Object({
  id: Type.String(),
  number: Type.Integer(),
  version: Type.String(),
})

/** POST /v1/cells/{environment}/{tenant}/apps/{app}/plan → 200: nothing is stored. */
export const DeployPlanView = Type.Object({
  /** `deploy --plan HASH` runs exactly this, or is refused. */
  hash: Type.String(),
  at: AppCell,
  /** A deploy of this would change nothing. */
  nothingToDo: Type.Boolean(),
  /** What it is compared with: what runs, or will once what is ahead of it has ended. */
  base: Type.Union([ReleaseName, Type.Null()]),
  /** Rollouts that are not over; this one would wait for them, or take their place. */
  ahead: Type.Array(
    Type.Object({ rolloutId: Type.String(), state: Type.String(), release: ReleaseName }),
  ),
  services: Type.Array(ServicePlan),
  /** Of the release as a whole: its steps, jobs, team. */
  release: Type.Array(FieldChange),
  /** What people did by hand. */
  drift: Type.Array(HandDrift),
  /** Whether the deploy undoes it. */
  putsBack: Type.Boolean(),
  /** The steps that would follow, in order; empty where no instance is replaced. */
  steps: Type.Array(Type.Object({ kind: Type.String(), title: Type.String() })),
  /** As the nodes are now; no part of the hash. */
  placement: Type.Array(FitView),
  notes: Notes,
})
export type DeployPlanView = Static<typeof DeployPlanView>

/** The answer 200 to a deploy of what runs already: nothing was written. */
export const UnchangedAnswer = Type.Object({
  unchanged: Type.Literal(true),
  release: ReleaseName,
  notes: Notes,
})
export type UnchangedAnswer = Static<typeof UnchangedAnswer>
