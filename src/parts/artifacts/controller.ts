import type { Controller } from '../../base/control-loop.ts'
import { remove, type Change, type Entry, type Snapshot, type State } from '../../store/port.ts'
import type { Release } from '../apps/model.ts'
import { releaseKind } from '../apps/records.ts'
import type { JobRun } from '../jobs/model.ts'
import { jobRunKind } from '../jobs/records.ts'
import type { BlobStore } from './driver.ts'
import { artifactKey, type Artifact } from './model.ts'
import { planArtifact, type ArtifactAction, type ArtifactView } from './plan.ts'
import { artifactKind } from './records.ts'
import { digestsOf, digestsOfRun, type ArtifactUsage } from './usage.ts'

interface View extends ArtifactView {
  readonly entry: Entry<Artifact>
}

interface Action {
  readonly decision: ArtifactAction
  readonly entry: Entry<Artifact>
}

export interface ArtifactsControllerOptions {
  readonly state: State
  readonly blobs: BlobStore
  readonly usage: ArtifactUsage
}

/**
 * Collects artifacts that nothing uses. The record goes first, guarded by its revision, which each
 * deploy raises (`holdArtifact`); the bytes follow, and what a kill leaves of them is swept at start.
 */
export function artifactsController(
  options: ArtifactsControllerOptions,
): Controller<Change, Snapshot, View, Action> {
  const { usage } = options
  return {
    name: 'artifacts',
    keysOf,
    *allKeys(snapshot) {
      for (const { value } of snapshot.list(artifactKind)) yield value.digest
    },
    observe(digest, snapshot) {
      const entry = snapshot.get(artifactKind, artifactKey(digest))
      if (entry === undefined) return undefined
      return { entry, artifact: entry.value, isUsed: usage.isUsed(digest) }
    },
    plan(view, now) {
      const { actions, ...rest } = planArtifact(view, now)
      return { ...rest, actions: actions.map((decision) => ({ decision, entry: view.entry })) }
    },
    apply: (action) => carryOut(action, options),
  }
}

function* keysOf(change: Change): Iterable<string> {
  if (change.of !== 'record') return
  const { kind, before, after } = change
  if (kind === artifactKind.name && after !== undefined) yield (after as Artifact).digest
  if (before === undefined) return
  if (kind === releaseKind.name) yield* digestsOf(before as Release)
  if (kind === jobRunKind.name) yield* digestsOfRun(before as JobRun)
}

async function carryOut(
  { decision, entry }: Action,
  { state, blobs, usage }: ArtifactsControllerOptions,
): Promise<void> {
  const { digest } = entry.value
  await usage.exclusively(digest, async () => {
    await state.commit({
      writes: [remove(entry)],
      attribution: {
        who: 'artifacts',
        what: 'artifact.remove',
        why: `${digest}: ${decision.because}`,
      },
    })
    await blobs.remove(digest)
  })
}

/** Removes bytes without a record: of an upload or a removal that a kill cut in two. */
export async function sweepBlobs(snapshot: Snapshot, blobs: BlobStore): Promise<number> {
  let swept = 0
  for (const { digest } of await blobs.list()) {
    if (snapshot.get(artifactKind, artifactKey(digest)) !== undefined) continue
    await blobs.remove(digest)
    swept += 1
  }
  return swept
}
