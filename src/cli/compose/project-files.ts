import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { systemCodeOf } from '../../base/errors.ts'
import type { FoundFile, LookedAt, ProjectFiles } from '../../compose/source.ts'

/** A file beyond this is not read, in bytes. */
const fileBytesMax = 1_048_576

/** Files below a folder; where a link leads counts, not where it lies. */
export class FolderFiles implements ProjectFiles {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async read(path: string): Promise<FoundFile> {
    try {
      const file = await this.#inside(path)
      if (file === undefined) return { problem: 'outside' }
      const status = await stat(file)
      // A pipe or a device would be waited for, or never end.
      if (!status.isFile()) return { problem: 'unreadable' }
      if (status.size > fileBytesMax) return { problem: 'too-large' }
      return { text: await readFile(file, 'utf8') }
    } catch (error) {
      return { problem: isMissing(error) ? 'missing' : 'unreadable' }
    }
  }

  async look(path: string): Promise<LookedAt> {
    try {
      const place = await this.#inside(path)
      if (place === undefined) return { is: 'outside' }
      const status = await stat(place)
      if (status.isFile()) return { is: 'file' }
      if (!status.isDirectory()) return { is: 'unreadable' }
      const names = await readdir(place)
      return { is: 'folder', isEmpty: names.every((name) => placeKeepers.has(name)) }
    } catch (error) {
      return { is: isMissing(error) ? 'nothing' : 'unreadable' }
    }
  }

  /** Where a path leads; undefined: out of the folder. */
  async #inside(path: string): Promise<string | undefined> {
    const folder = await realpath(this.#folder)
    const place = await realpath(join(folder, path))
    const isInside =
      place === folder || place.startsWith(folder.endsWith(sep) ? folder : folder + sep)
    return isInside ? place : undefined
  }
}

/** Files that only keep an empty folder in a repository. */
const placeKeepers: ReadonlySet<string> = new Set(['.gitkeep', '.keep', '.gitignore'])

function isMissing(error: unknown): boolean {
  const code = systemCodeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}
