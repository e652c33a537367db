import { watch, type FSWatcher } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { messageOf, Refusal, systemCodeOf } from '../../base/errors.ts'

/**
 * Tells when something in a set of folders is saved. Each folder has its own watcher, so that what
 * is not packed (installed packages, build output) costs nothing.
 */

/** Editors write a file in several moves, tools many files: a save is over after this quiet, in ms. */
const quietMs = 100

/** Folders at the most: the kernel gives a user 8,192 watches at the least. */
const foldersMax = 4_096

export class SourceWatch {
  readonly #clock: Clock
  readonly #watchers = new Map<string, FSWatcher>()
  #changedAt: number | undefined
  #wake: () => void = () => {}

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Watches exactly these folders from now on. */
  follow(folders: ReadonlySet<string>): void {
    if (folders.size > foldersMax) {
      throw new Refusal('too-many-folders', `${folders.size} folders would be watched`, {
        hint: `leave out by .gitignore what is no source: ${foldersMax} at the most`,
      })
    }
    for (const [folder, watcher] of this.#watchers)
      if (!folders.has(folder)) this.#drop(folder, watcher)
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#add(folder)
  }

  /** Resolves once something was saved after the last call, and all was quiet for a moment. */
  async next(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#wake()
    signal.addEventListener('abort', onAbort)
    try {
      while (this.#changedAt === undefined && !signal.aborted) {
        await new Promise<void>((resolve) => (this.#wake = resolve))
      }
      while (!signal.aborted && this.#quietIn() > 0)
        await this.#clock.sleep(this.#quietIn(), signal)
      this.#changedAt = undefined
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  close(): void {
    for (const [folder, watcher] of this.#watchers) this.#drop(folder, watcher)
  }

  #quietIn(): number {
    return (this.#changedAt ?? 0) + quietMs - this.#clock.monotonic()
  }

  #add(folder: string): void {
    try {
      const watcher = watch(folder, () => this.#changed())
      // The folder is gone; that it is so was told by its parent's.
      watcher.on('error', () => this.#drop(folder, watcher))
      this.#watchers.set(folder, watcher)
    } catch (error) {
      // It went between being listed and being watched.
      if (systemCodeOf(error) === 'ENOENT') return
      throw new Refusal('watch-failed', `${folder} cannot be watched: ${messageOf(error)}`, {
        hint: 'raise fs.inotify.max_user_watches, or leave folders out by .gitignore',
      })
    }
  }

  #drop(folder: string, watcher: FSWatcher): void {
    watcher.close()
    if (this.#watchers.get(folder) === watcher) this.#watchers.delete(folder)
  }

  #changed(): void {
    this.#changedAt = this.#clock.monotonic()
    this.#wake()
  }
}
