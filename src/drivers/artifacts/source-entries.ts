import type { Dirent } from 'node:fs'
import { lstat, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '../../base/errors.ts'
import type { ArchiveLimits } from './limits.ts'
import { linkFault, pathFault } from './safe-path.ts'

/** One thing to be packed. Modes are 0755 or 0644, so that no umask shows. */
export type SourceEntry =
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  | {
      readonly type: 'file'
      readonly path: string
      readonly sizeBytes: number
      readonly isExecutable: boolean
      /** Where it lies, relative to the directory; missing: at its path. */
      readonly lies?: string
      /** What it holds, where it lies nowhere. */
      readonly content?: Buffer
    }

/** Never packed: the history, and this product's own data folder. */
const leftOut = new Set(['.git', '.roadstead'])

/** What a `.env` may be called when it holds no secrets. */
const harmlessEnv = new Set(['.env.example', '.env.sample', '.env.template'])

export function isLeftOut(name: string): boolean {
  return leftOut.has(name)
}

/** Whether files of this name hold secrets, as far as the name tells. */
export function isSecretFile(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return (name === '.env' || name.startsWith('.env.')) && !harmlessEnv.has(name)
}

/** What is to be packed of a folder, within its bounds. Refusals `archive-unsafe`, `artifact-too-large`. */
export class SourceEntries {
  readonly list: SourceEntry[] = []
  readonly #root: string
  readonly #limits: ArchiveLimits
  readonly #ignoreFile: string
  #bytes = 0

  /** `ignoreFile`: by which people leave things out. */
  constructor(root: string, limits: ArchiveLimits, ignoreFile: string) {
    this.#root = root
    this.#limits = limits
    this.#ignoreFile = ignoreFile
  }

  async add(path: string, member: Dirent): Promise<void> {
    if (member.isDirectory()) this.#push({ type: 'directory', path })
    else this.#push(await (member.isSymbolicLink() ? this.#link(path) : this.#file(path)))
  }

  #push(entry: SourceEntry): void {
    const fault = pathFault(entry.path)
    if (fault !== undefined) throw unpackable(entry.path, fault, this.#ignoreFile)
    const { entriesMax, unpackedBytesMax } = this.#limits
    this.list.push(entry)
    if (this.list.length > entriesMax) throw this.#tooLarge(`has more than ${entriesMax} files`)
    if (entry.type === 'file') this.#bytes += entry.sizeBytes
    if (this.#bytes > unpackedBytesMax) {
      throw this.#tooLarge(`is larger than ${unpackedBytesMax} bytes`)
    }
  }

  async #link(path: string): Promise<SourceEntry> {
    const target = await readlink(join(this.#root, path))
    const fault = linkFault(path, target)
    if (fault !== undefined) throw unpackable(path, fault, this.#ignoreFile)
    return { type: 'link', path, target }
  }

  async #file(path: string): Promise<SourceEntry> {
    const stat = await lstat(join(this.#root, path))
    if (!stat.isFile()) {
      throw unpackable(path, 'is neither a file, a folder nor a link', this.#ignoreFile)
    }
    const isExecutable = (stat.mode & 0o100) !== 0
    return { type: 'file', path, sizeBytes: stat.size, isExecutable }
  }

  #tooLarge(fault: string): Refusal {
    return new Refusal('artifact-too-large', `the directory ${fault}`, {
      status: 413,
      hint: `leave out by ${this.#ignoreFile} what the app does not need`,
    })
  }
}

export function unpackable(path: string, fault: string, ignoreFile: string): Refusal {
  return new Refusal('archive-unsafe', `${path} cannot be packed: it ${fault}`, {
    status: 422,
    path,
    hint: `leave it out by a line in ${ignoreFile}, or put a file in its place`,
  })
}
