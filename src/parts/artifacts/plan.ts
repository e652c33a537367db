import type { Plan } from '../../base/control-loop.ts'
import { unusedKeptMs, type Artifact } from './model.ts'

export interface ArtifactView {
  readonly artifact: Artifact
  /** A kept release refers to it. */
  readonly isUsed: boolean
}

/** All that the artifacts controller may ever do. */
export type ArtifactAction = { readonly type: 'remove'; readonly because: string }

/** Removes an artifact that no release refers to, but not one that a deploy may be on its way with. */
export function planArtifact(view: ArtifactView, now: number): Plan<ArtifactAction> {
  if (view.isUsed) return { actions: [], because: 'a release refers to it' }
  const until = view.artifact.createdAt + unusedKeptMs
  if (now < until) {
    return { actions: [], because: 'no release refers to it yet', wakeAt: until }
  }
  const because = 'no release refers to it any more'
  return { actions: [{ type: 'remove', because }], because }
}
