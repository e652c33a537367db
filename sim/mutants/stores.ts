import { Fault } from '../../src/base/errors.ts'
import { kindOf } from '../../src/base/key.ts'
import type { Instance } from '../../src/parts/instances/model.ts'
import { rolloutKey, type Rollout } from '../../src/parts/rollouts/model.ts'
import type { Commit, CommittedChange, Operation, Revision } from '../../src/store/port.ts'
import { withParts, type Mutant, type Mutation } from './mutation.ts'

/** Mutants that write wrongly, or read wrongly what was written. */

export const storeMutants: readonly Mutant[] = [
  {
    name: 'acknowledged-before-durable',
    breaks: 'A commit that the store could not make durable is taken for done.',
    caughtBy: ['S6'],
    mutation() {
      let newest: Revision = 0
      return {
        store: (store) =>
          withParts(store, {
            async commit(commit) {
              try {
                newest = Math.max(newest, await store.commit(commit))
                return newest
              } catch (error) {
                if (!(error instanceof Fault)) throw error
                return newest
              }
            },
          }),
      }
    },
  },
  {
    name: 'old-epoch-may-commit',
    breaks: 'A server that no longer leads goes on to commit.',
    caughtBy: ['S7'],
    mutation() {
      let newest = 0
      return {
        store: (store) =>
          withParts(store, {
            async campaign(signal) {
              const leadership = await store.campaign(signal)
              newest = Math.max(newest, leadership.epoch)
              // It does not notice that it has lost.
              return { ...leadership, lost: new AbortController().signal }
            },
            commit: (commit) => store.commit({ ...commit, epoch: newest }),
          }),
      }
    },
  },
  {
    name: 'plans-are-not-checked',
    breaks: 'A commit does not look whether what it was decided on has changed since.',
    caughtBy: ['S1', 'S2a', 'S5', 'S6', 'S9', 'S13', 'L8'],
    survives:
      'one server leads at a time and passes over a key once at a time, so a stale plan is rare, and the next pass mends it',
    mutation: () => committing((commit) => ({ ...commit, expectations: [] })),
  },
  {
    name: 'changes-without-a-reason',
    breaks: 'Commits do not say why.',
    caughtBy: ['S18'],
    mutation: () =>
      committing((commit) => ({
        ...commit,
        attribution: { ...commit.attribution, why: '' },
      })),
  },
  {
    name: 'epochs-stand-still',
    breaks: 'Every instance of a singleton gets the same fencing token.',
    caughtBy: ['S13'],
    mutation: () =>
      committing((commit) => ({
        ...commit,
        operations: commit.operations.map((operation) => {
          const instance = valueOf<Instance>(operation, 'instance')
          if (operation.op !== 'put' || instance?.singleton === undefined) return operation
          const singleton = { ...instance.singleton, epoch: 1 }
          return { ...operation, value: { ...instance, singleton } }
        }),
      })),
  },
  {
    name: 'revert-starts-a-rollout',
    breaks: 'The end of a rollout that reverted begins the next attempt.',
    caughtBy: ['L8'],
    mutation: () =>
      committing((commit) => ({
        ...commit,
        operations: commit.operations.flatMap((operation): Operation[] => {
          const rollout = valueOf<Rollout>(operation, 'rollout')
          if (operation.op !== 'put' || rollout?.state !== 'reverted') return [operation]
          const id = `${rollout.id.slice(0, 11)}-again`
          if (rollout.id.endsWith('-again')) return [operation]
          const again: Rollout = { ...rollout, id, state: 'queued', startedAt: null, endedAt: null }
          const fresh = { ...again, steps: [], targets: [], baseline: null }
          return [operation, { ...operation, key: rolloutKey(rollout.at, id), value: fresh }]
        }),
      })),
  },
  {
    name: 'deletions-are-not-heard',
    breaks: 'A server does not hear of records that were deleted.',
    caughtBy: ['D2'],
    mutation: () => ({
      store: (store) =>
        withParts(store, {
          async *changes(after, signal) {
            for await (const change of store.changes(after, signal)) yield withoutDeletions(change)
          },
        }),
    }),
  },
]

function withoutDeletions(change: CommittedChange): CommittedChange {
  return { ...change, operations: change.operations.filter(({ op }) => op !== 'delete') }
}

function committing(change: (commit: Commit) => Commit): Mutation {
  return {
    store: (store) => withParts(store, { commit: (commit) => store.commit(change(commit)) }),
  }
}

function valueOf<T>(operation: Operation, kind: string): T | undefined {
  if (operation.op !== 'put' || kindOf(operation.key) !== kind) return undefined
  return operation.value as T
}
