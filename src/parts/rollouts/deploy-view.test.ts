import { expect, test } from 'vitest'
import { anApp, aRelease, aRollout } from '../../../test/fixtures/records.ts'
import { aState, write } from '../../../test/fixtures/state.ts'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { create, type Kind } from '../../store/port.ts'
import type { OpenState } from '../../store/state.ts'
import type { Release } from '../apps/model.ts'
import { appKind, releaseKind } from '../apps/records.ts'
import { artifactKind } from '../artifacts/records.ts'
import { instanceKind } from '../instances/records.ts'
import { observeCarried, observeDeploy } from './deploy-view.ts'
import type { Rollout } from './model.ts'
import { rolloutKind } from './records.ts'

/** Without the table of states: a test tells of the past in one commit. */
const { checkChange: _table, ...pastRollouts } = rolloutKind

const kinds = [appKind, releaseKind, artifactKind, instanceKind, pastRollouts]

const releases = [1, 2, 3, 4].map((number) => aRelease({ id: `rel-${number}`, number }))

function ended(releaseId: string, fromReleaseId: string | null, endedAt: number): Partial<Rollout> {
  const id = `ro-${releaseId}-${endedAt}`
  return { id, releaseId, fromReleaseId, state: 'done', startedAt: endedAt - 10, endedAt }
}

function waiting(releaseId: string): Partial<Rollout> {
  return { id: `ro-${releaseId}`, releaseId, state: 'queued', startedAt: null, endedAt: null }
}

async function aCell(current: string, rollouts: readonly Partial<Rollout>[]): Promise<OpenState> {
  const { state } = await aState(kinds as unknown as Kind<never>[], new VirtualClock())
  await write(
    state,
    create(appKind, anApp({ releaseId: current })),
    ...releases.map((release) => create(releaseKind, release)),
    ...rollouts.map((parts) => create(pastRollouts, aRollout(parts))),
  )
  return state
}

/** Numbers of the releases that customers may have met, and when each was seen last. */
function met({ snapshot }: OpenState, isSuperseding = false): [number, number][] {
  const app = [...snapshot.list(appKind)][0]!.value
  const release: Release = aRelease({ id: '', number: 5 })
  const view = observeDeploy(snapshot, { app, release, team: app.team, keepDrift: false })
  const seen = observeCarried(snapshot, view, isSuperseding, 1_000)
  return seen.met.map((one) => [one.release.number, one.seenAt])
}

test('what runs is seen now, what ran before until it was replaced, newest first', async () => {
  const rollouts = [ended('rel-1', null, 100), ended('rel-2', 'rel-1', 200)]
  const state = await aCell('rel-2', rollouts)
  expect(met(state)).toEqual([
    [2, 1_000],
    [1, 200],
  ])
})

test('what was taken back was seen until then', async () => {
  const failed = { ...ended('rel-2', 'rel-1', 300), state: 'reverted' } as const
  const state = await aCell('rel-1', [ended('rel-1', null, 100), failed])
  expect(met(state)).toEqual([
    [2, 300],
    [1, 1_000],
  ])
})

test('what waits before it will have been seen, unless its place is taken', async () => {
  const state = await aCell('rel-1', [ended('rel-1', null, 100), waiting('rel-2')])
  expect(met(state)).toEqual([
    [2, 1_000],
    [1, 1_000],
  ])
  expect(met(state, true)).toEqual([[1, 1_000]])
})
