import { readFile, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { systemCodeOf } from '../../base/errors.ts'
import type { FoundFile, ProjectFiles } from '../../compose/source.ts'

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
      const folder = await realpath(this.#folder)
      const file = await realpath(join(folder, path))
      if (file !== folder && !file.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
        return { problem: 'outside' }
      }
      const status = await stat(file)
      // A pipe or a device would be waited for, or never end.
      if (!status.isFile()) return { problem: 'unreadable' }
      if (status.size > fileBytesMax) return { problem: 'too-large' }
      return { text: await readFile(file, 'utf8') }
    } catch (error) {
      const code = systemCodeOf(error)
      const isMissing = code === 'ENOENT' || code === 'ENOTDIR'
      return { problem: isMissing ? 'missing' : 'unreadable' }
    }
  }
}
