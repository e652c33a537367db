import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import ignore, { type Ignore } from 'ignore'
import { Refusal } from '../../base/errors.ts'
import type { ArchiveLimits } from './limits.ts'
import { linkFault, pathFault, plainPath } from './safe-path.ts'

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

export interface SourceOptions {
  /** Only these paths and what lies below them; all when undefined. */
  readonly only?: readonly string[] | undefined
  /** A file that is not part of the tree though it lies in it: the archive being written. */
  readonly except: string
  readonly limits: ArchiveLimits
}

/**
 * Everything in `directory` that is to be packed, in an order of its own: by name, folder by
 * folder. Honours .gitignore at every level as git does: the deepest rule that speaks decides.
 */
export async function readSourceTree(
  directory: string,
  options: SourceOptions,
): Promise<SourceEntry[]> {
  const walk = new Walk(directory, options)
  await walk.into('', [])
  walk.checkAllFound()
  return walk.entries
}

/** A .gitignore, and the folder that its patterns are relative to (`''` or `a/b/`). */
interface Rules {
  readonly base: string
  readonly patterns: Ignore
}

class Walk {
  readonly entries: SourceEntry[] = []
  readonly #root: string
  readonly #except: string
  readonly #only: readonly string[] | undefined
  readonly #limits: ArchiveLimits
  readonly #found = new Set<string>()
  #bytes = 0

  constructor(root: string, { only, except, limits }: SourceOptions) {
    this.#limits = limits
    this.#root = root
    this.#except = except
    this.#only = only?.map(checkedOnly)
  }

  async into(base: string, outer: readonly Rules[]): Promise<void> {
    const folder = join(this.#root, base)
    const members = await readdir(folder, { withFileTypes: true })
    const hasRules = members.some((member) => member.name === '.gitignore' && member.isFile())
    const rules = hasRules ? [...outer, await rulesOf(folder, base)] : outer
    members.sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const member of members) {
      const path = base + member.name
      if (leftOut.has(member.name) || join(this.#root, path) === this.#except) continue
      if (!this.#isWanted(path, member.isDirectory())) continue
      if (isIgnored(member.isDirectory() ? `${path}/` : path, rules)) continue
      this.#noteFound(path)
      if (member.isDirectory()) {
        this.#add({ type: 'directory', path })
        await this.into(`${path}/`, rules)
      } else if (member.isSymbolicLink()) this.#add(await this.#link(path))
      else this.#add(await this.#file(path))
    }
  }

  checkAllFound(): void {
    const missing = this.#only?.find((path) => path !== '' && !this.#found.has(path))
    if (missing === undefined) return
    throw new Refusal('file-missing', `there is no ${missing} to pack`, {
      status: 422,
      path: missing,
      hint: 'mend the path, or .gitignore if that leaves it out',
    })
  }

  /** Whether a path lies at or below one that is asked for, or is a folder on the way to one. */
  #isWanted(path: string, isDirectory: boolean): boolean {
    if (this.#only === undefined) return true
    return this.#only.some(
      (asked) => isAtOrBelow(path, asked) || (isDirectory && asked.startsWith(`${path}/`)),
    )
  }

  /** What is asked for and left out by .gitignore is as good as missing. */
  #noteFound(path: string): void {
    for (const asked of this.#only ?? []) if (isAtOrBelow(path, asked)) this.#found.add(asked)
  }

  #add(entry: SourceEntry): void {
    const fault = pathFault(entry.path)
    if (fault !== undefined) throw unpackable(entry.path, fault)
    const { entriesMax, unpackedBytesMax } = this.#limits
    this.entries.push(entry)
    if (this.entries.length > entriesMax) throw tooLarge(`has more than ${entriesMax} files`)
    if (entry.type === 'file') this.#bytes += entry.sizeBytes
    if (this.#bytes > unpackedBytesMax) throw tooLarge(`is larger than ${unpackedBytesMax} bytes`)
  }

  async #link(path: string): Promise<SourceEntry> {
    checkNoSecrets(path)
    const target = await readlink(join(this.#root, path))
    const fault = linkFault(path, target)
    if (fault !== undefined) throw unpackable(path, fault)
    return { type: 'link', path, target }
  }

  async #file(path: string): Promise<SourceEntry> {
    checkNoSecrets(path)
    const stat = await lstat(join(this.#root, path))
    if (!stat.isFile()) throw unpackable(path, 'is neither a file, a folder nor a link')
    const isExecutable = (stat.mode & 0o100) !== 0
    return { type: 'file', path, sizeBytes: stat.size, isExecutable }
  }
}

function isAtOrBelow(path: string, asked: string): boolean {
  return asked === '' || path === asked || path.startsWith(`${asked}/`)
}

function checkedOnly(path: string): string {
  const plain = path === '.' ? '' : plainPath(path)
  const fault = plain === '' ? undefined : pathFault(plain)
  if (fault !== undefined) throw unpackable(path, fault)
  return plain === '.' ? '' : plain
}

async function rulesOf(folder: string, base: string): Promise<Rules> {
  const text = await readFile(join(folder, '.gitignore'), 'utf8')
  return { base, patterns: ignore({ ignorecase: false }).add(text) }
}

function isIgnored(path: string, rules: readonly Rules[]): boolean {
  for (const { base, patterns } of rules.toReversed()) {
    const verdict = patterns.test(path.slice(base.length))
    if (verdict.ignored) return true
    if (verdict.unignored) return false
  }
  return false
}

function checkNoSecrets(path: string): void {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (name !== '.env' && !name.startsWith('.env.')) return
  if (harmlessEnv.has(name)) return
  throw new Refusal('secret-file', `${path} would be packed, and such files hold secrets`, {
    status: 422,
    path,
    hint: `add ${name} to .gitignore, and give its values by env: or secrets: in the manifest`,
  })
}

function unpackable(path: string, fault: string): Refusal {
  return new Refusal('archive-unsafe', `${path} cannot be packed: it ${fault}`, {
    status: 422,
    path,
    hint: 'leave it out by a line in .gitignore, or put a file in its place',
  })
}

function tooLarge(fault: string): Refusal {
  return new Refusal('artifact-too-large', `the directory ${fault}`, {
    status: 413,
    hint: 'leave out by .gitignore what the app does not need when it runs',
  })
}
