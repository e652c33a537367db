import type { State } from '../../store/port.ts'
import type { DestroyedApp, Release } from '../apps/model.ts'
import { isImage } from './model.ts'
import { destroyedAppKind, releaseKind } from '../apps/records.ts'

/**
 * How many kept releases refer to each artifact, followed change by change, so that nobody looks
 * through all releases to know.
 */
export class ArtifactUsage {
  readonly #counts = new Map<string, number>()
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #stop: () => void

  constructor(state: State) {
    for (const { value } of state.snapshot.list(releaseKind)) this.#add(value, 1)
    for (const { value } of state.snapshot.list(destroyedAppKind)) this.#add(value.release, 1)
    this.#stop = state.subscribe((change) => {
      if (change.of !== 'record') return
      this.#add(releaseIn(change.kind, change.after), 1)
      this.#add(releaseIn(change.kind, change.before), -1)
    })
  }

  /** Whether a kept release refers to it. */
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

  #add(release: Release | undefined, count: number): void {
    for (const digest of release === undefined ? [] : digestsOf(release)) {
      const sum = (this.#counts.get(digest) ?? 0) + count
      if (sum > 0) this.#counts.set(digest, sum)
      else this.#counts.delete(digest)
    }
  }
}

/** The release that a record is, or keeps for a destroyed app to come back with. */
function releaseIn(kind: string, value: unknown): Release | undefined {
  if (kind === releaseKind.name) return value as Release | undefined
  return kind === destroyedAppKind.name ? (value as DestroyedApp | undefined)?.release : undefined
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
