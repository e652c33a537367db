import type { State } from '../../store/port.ts'
import type { DestroyedApp, Release } from '../apps/model.ts'
import { isImage } from './model.ts'
import { destroyedAppKind, releaseKind } from '../apps/records.ts'
import { isRunOver, type JobRun } from '../jobs/model.ts'
import { jobRunKind } from '../jobs/records.ts'

/**
 * How many kept releases and runs that are not over refer to each artifact, followed change by
 * change, so that nobody looks through all of them to know.
 */
export class ArtifactUsage {
  readonly #counts = new Map<string, number>()
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #stop: () => void

  constructor(state: State) {
    for (const kind of [releaseKind, destroyedAppKind, jobRunKind] as const) {
      for (const { value } of state.snapshot.list<unknown>(kind as never)) {
        this.#add(digestsIn(kind.name, value), 1)
      }
    }
    this.#stop = state.subscribe((change) => {
      if (change.of !== 'record') return
      this.#add(digestsIn(change.kind, change.after), 1)
      this.#add(digestsIn(change.kind, change.before), -1)
    })
  }

  /** Whether a kept release, or a run that is not over, refers to it. */
  isUsed(digest: string): boolean {
    return this.#counts.has(digest)
  }

  /**
   * Runs `step` while no other step on the same digest runs: a record and its bytes are two
   * things, and they come and go together.
   */
  async exclusively<T>(digest: string, step: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(digest) ?? Promise.resolve()
    const turn = before.then(step, step)
    this.#turns.set(digest, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(digest) === turn) this.#turns.delete(digest)
    }
  }

  /** Stops to follow the state. */
  close(): void {
    this.#stop()
  }

  #add(digests: Iterable<string>, count: number): void {
    for (const digest of digests) {
      const sum = (this.#counts.get(digest) ?? 0) + count
      if (sum > 0) this.#counts.set(digest, sum)
      else this.#counts.delete(digest)
    }
  }
}

/** What a record refers to: a release, one that a destroyed app comes back with, or a run. */
function digestsIn(kind: string, value: unknown): Iterable<string> {
  if (value === undefined) return []
  if (kind === releaseKind.name) return digestsOf(value as Release)
  if (kind === destroyedAppKind.name) return digestsOf((value as DestroyedApp).release)
  return kind === jobRunKind.name ? digestsOfRun(value as JobRun) : []
}

/** What a run that is not over needs: a build's context is no release's. */
export function digestsOfRun({ state, spec }: JobRun): readonly string[] {
  return isRunOver(state) || isImage(spec.artifact) ? [] : [spec.artifact.digest]
}

/** The archives that a release refers to; images are kept by their registry. */
export function digestsOf(release: Release): Set<string> {
  const runnables = release.services.map(({ artifact }) => artifact)
  const archives = runnables.filter((runnable) => !isImage(runnable))
  const digests = new Set(archives.map(({ digest }) => digest))
  if (release.files !== null) digests.add(release.files.digest)
  for (const { mounts } of release.services) {
    if (mounts !== undefined) digests.add(mounts.artifact.digest)
  }
  for (const { artifact } of Object.values(release.carried ?? {}).flat()) {
    digests.add(artifact.digest)
  }
  return digests
}
