import type { Mutant } from './mutation.ts'
import {
  asReady,
  deciding,
  deed,
  runningIn,
  seeing,
  withInstances,
  type InstanceDeed,
} from './controllers.ts'

/** Mutants that decide wrongly: of instances, rollouts and nodes. */

const second = 1_000

export const decisionMutants: readonly Mutant[] = [
  {
    name: 'singletons-overlap',
    breaks: 'A singleton on a lost node is replaced at once, before its lease has run out.',
    caughtBy: ['S1'],
    mutation: () =>
      seeing('instances', (view) =>
        withInstances(view, ({ leaseLeftMs: _lease, ...seen }) => seen),
      ),
  },
  {
    name: 'drains-below-the-promise',
    breaks: 'When the first successor is online, all predecessors drain together.',
    caughtBy: ['S3', 'S3d'],
    mutation: () =>
      deciding('instances', (plan, view) => {
        const isAnyDrained = plan.actions.some(({ decision }) => decision.type === 'drain')
        if (!isAnyDrained || view.wanted.predecessors === 0) return plan
        const digest = view.wanted.target?.specDigest
        const drained = new Set(plan.actions.map(idOf))
        const others = runningIn(view, 'online').filter(
          ({ instance }) => instance.specDigest !== digest && !drained.has(instance.id),
        )
        const deeds = others.map((seen) => deed(view, 'drain', seen))
        return { ...plan, actions: [...plan.actions, ...deeds] }
      }),
  },
  {
    name: 'counts-the-dead',
    breaks:
      'Online instances count as ready whatever their agents say, so healthy ones go for them.',
    caughtBy: ['S3d'],
    mutation: () =>
      seeing('instances', (view, now) =>
        withInstances(view, (seen) =>
          seen.instance.pool === 'online' ? asReady(seen, now) : seen,
        ),
      ),
  },
  {
    name: 'promotes-unready',
    breaks: 'Instances leave the maintenance pool without having passed a check.',
    caughtBy: ['S4'],
    mutation: () =>
      seeing('instances', (view, now) =>
        withInstances(view, (seen) =>
          seen.instance.pool === 'maintenance' && seen.instance.state === 'placed'
            ? asReady(seen, now)
            : seen,
        ),
      ),
  },
  {
    name: 'ends-before-it-ended',
    breaks:
      'The place of an instance is free as soon as it is told to stop, while its process runs.',
    caughtBy: ['S1', 'S2', 'S9'],
    mutation: () =>
      deciding('instances', (plan, view) => {
        const touched = new Set(plan.actions.map(idOf))
        const leaving = view.instances.filter(
          ({ instance }) =>
            instance.desired === 'stopped' &&
            instance.state === 'placed' &&
            !touched.has(instance.id),
        )
        const deeds = leaving.map((seen) => deed(view, 'end', seen))
        return { ...plan, actions: [...plan.actions, ...deeds] }
      }),
  },
  {
    name: 'two-operations-at-once',
    breaks: 'An instance is stopped and ended in the same pass.',
    caughtBy: ['S15'],
    mutation: () =>
      deciding('instances', (plan) => ({
        ...plan,
        actions: plan.actions.flatMap((action): InstanceDeed[] => {
          if (action.decision.type !== 'stop') return [action]
          return [action, { ...action, decision: { ...action.decision, type: 'end' } }]
        }),
      })),
  },
  {
    name: 'heals-nothing',
    breaks: 'What is missing outside of rollouts is never created.',
    caughtBy: ['L2', 'D5'],
    mutation: () =>
      deciding('instances', (plan, view) => {
        if (view.wanted.online < view.wanted.successors || view.instances.length === 0) return plan
        const actions = plan.actions.filter(({ decision }) => decision.type !== 'create')
        return { ...plan, actions }
      }),
  },
  {
    name: 'forgets-to-promote',
    breaks: 'What was created outside of rollouts stays in the maintenance pool.',
    caughtBy: ['L3'],
    mutation: () =>
      deciding('instances', (plan, view) => {
        if (view.wanted.predecessors > 0 || runningIn(view, 'online').length === 0) return plan
        const actions = plan.actions.filter(({ decision }) => decision.type !== 'promote')
        return { ...plan, actions }
      }),
  },
  {
    name: 'restless',
    breaks:
      'Of several instances the oldest is drained for no reason, whenever it is half a minute old.',
    caughtBy: ['S3', 'S3d', 'L6'],
    mutation: () =>
      deciding('instances', (plan, view, now) => {
        const [oldest, ...others] = runningIn(view, 'online')
        if (plan.actions.length > 0 || oldest === undefined || others.length === 0) return plan
        const dueAt = oldest.instance.createdAt + 30 * second
        const actions = now < dueAt ? [] : [deed(view, 'drain', oldest)]
        return { ...plan, actions, wakeAt: Math.max(dueAt, now + second) }
      }),
  },
  {
    name: 'writes-without-need',
    breaks: 'Every twenty seconds a pass promotes what is online already.',
    caughtBy: ['D5', 'L6'],
    mutation() {
      const isDue = every(20 * second)
      return deciding('instances', (plan, view, now) => {
        const [online] = runningIn(view, 'online')
        const isIdle = plan.actions.length === 0 && online !== undefined
        if (!isIdle || !isDue(view.service, now)) return plan
        return { ...plan, actions: [deed(view, 'promote', online)] }
      })
    },
  },
  {
    name: 'nodes-flap',
    breaks: 'The record of a node that is well is written again every ten seconds.',
    caughtBy: ['L6'],
    mutation() {
      const isDue = every(10 * second)
      return deciding('nodes', (plan, view, now) => {
        const wakeAt = now + 10 * second
        if (plan.actions.length > 0 || view.node.lostSince !== null) return plan
        if (!isDue(view.node.id, now)) return { ...plan, wakeAt }
        const decision = { type: 'welcome-back', because: 'a mutant wants it' }
        const { entry } = view as unknown as { readonly entry: unknown }
        return { ...plan, wakeAt, actions: [{ decision, entry }] }
      })
    },
  },
  {
    name: 'drains-for-ever',
    breaks: 'An instance that drains is never told to stop.',
    caughtBy: ['L7', 'L2'],
    mutation: () =>
      deciding('instances', (plan, view) => {
        const draining = new Set(runningIn(view, 'draining').map(({ instance }) => instance.id))
        const actions = plan.actions.filter((action) => !draining.has(idOf(action)))
        return { ...plan, actions }
      }),
  },
  {
    name: 'rollouts-interleave',
    breaks: 'A queued rollout begins while another one runs.',
    caughtBy: ['S5'],
    mutation: () =>
      seeing('rollouts', (view) => ({
        ...view,
        rollouts: view.rollouts.map((seen) => ({ ...seen, ahead: null })),
      })),
  },
  {
    name: 'rollout-never-times-out',
    breaks: 'A step of a rollout waits for as long as it takes.',
    caughtBy: ['L1'],
    mutation: () =>
      seeing('rollouts', (view) => ({
        ...view,
        rollouts: view.rollouts.map((seen) => ({
          ...seen,
          rollout: { ...seen.rollout, deadline: null },
          services: seen.services.map((service) => ({
            ...service,
            successors: service.successors.map((one) => ({ ...one, failing: null })),
          })),
        })),
      })),
  },
  {
    name: 'queue-is-forgotten',
    breaks: 'A queued rollout does not notice that the one ahead of it has ended.',
    caughtBy: ['L1'],
    mutation: () =>
      deciding('rollouts', (plan, view) => {
        const isAnyQueued = view.rollouts.some(({ rollout }) => rollout.because.startsWith('waits'))
        return isAnyQueued ? { ...plan, actions: [], wakeAt: undefined } : plan
      }),
  },
  {
    name: 'migrations-in-name-only',
    breaks: 'A migration counts as through without a run of it.',
    caughtBy: ['S19'],
    mutation: () =>
      deciding('rollouts', (plan) => ({
        ...plan,
        actions: plan.actions.map((action) => {
          const { decision } = action
          if (decision.type !== 'start-run' || decision.run.of !== 'migration') return action
          const { rollout } = action.view
          const migrated = [...(rollout.migrated ?? []), decision.run.service]
          const { because } = decision
          return { ...action, decision: { type: 'advance', changes: { migrated }, because } }
        }),
      })),
  },
  {
    name: 'mass-loss-brake-off',
    breaks: 'Silent nodes are given up however many of them there are.',
    caughtBy: ['S17'],
    mutation: () =>
      seeing('nodes', (view, now) => {
        const healthy = { heardAt: now, lostSince: null, knownLostForMs: 0, confirmed: false }
        const others = Array.from({ length: 100 }, (_none, index) => ({
          id: `nobody-${index}`,
          ...healthy,
        }))
        return { ...view, all: [...view.all, ...others] }
      }),
  },
]

/** Whether a thing's time has come again. */
function every(ms: number): (name: string, now: number) => boolean {
  const last = new Map<string, number>()
  return (name, now) => {
    const isDue = Math.abs(now - (last.get(name) ?? -Infinity)) >= ms
    if (isDue) last.set(name, now)
    return isDue
  }
}

function idOf({ decision }: InstanceDeed): string {
  return decision.type === 'create' ? '' : decision.id
}
