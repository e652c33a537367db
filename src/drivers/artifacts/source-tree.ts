import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ignore, { type Ignore } from 'ignore'
import { Refusal } from '../../base/errors.ts'
import type { ArchiveLimits } from './limits.ts'
import { pathFault, plainPath } from './safe-path.ts'
import {
  isLeftOut,
  isSecretFile,
  SourceEntries,
  unpackable,
  type SourceEntry,
} from './source-entries.ts'

const ignoreFile = '.gitignore'

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
  return walk.entries.list
}

/** A .gitignore, and the folder that its patterns are relative to (`''` or `a/b/`). */
interface Rules {
  readonly base: string
  readonly patterns: Ignore
}

class Walk {
  readonly entries: SourceEntries
  readonly #root: string
  readonly #except: string
  readonly #only: readonly string[] | undefined
  readonly #found = new Set<string>()

  constructor(root: string, { only, except, limits }: SourceOptions) {
    this.entries = new SourceEntries(root, limits, ignoreFile)
    this.#root = root
    this.#except = except
    this.#only = only?.map(checkedOnly)
  }

  async into(base: string, outer: readonly Rules[]): Promise<void> {
    const folder = join(this.#root, base)
    const members = await readdir(folder, { withFileTypes: true })
    const hasRules = members.some((member) => member.name === ignoreFile && member.isFile())
    const rules = hasRules ? [...outer, await rulesOf(folder, base)] : outer
    members.sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const member of members) {
      const path = base + member.name
      if (isLeftOut(member.name) || join(this.#root, path) === this.#except) continue
      if (!this.#isWanted(path, member.isDirectory())) continue
      if (isIgnored(member.isDirectory() ? `${path}/` : path, rules)) continue
      this.#noteFound(path)
      if (!member.isDirectory()) checkNoSecrets(path)
      await this.entries.add(path, member)
      if (member.isDirectory()) await this.into(`${path}/`, rules)
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
}

function isAtOrBelow(path: string, asked: string): boolean {
  return asked === '' || path === asked || path.startsWith(`${asked}/`)
}

function checkedOnly(path: string): string {
  const plain = path === '.' ? '' : plainPath(path)
  const fault = plain === '' ? undefined : pathFault(plain)
  if (fault !== undefined) throw unpackable(path, fault, ignoreFile)
  return plain === '.' ? '' : plain
}

async function rulesOf(folder: string, base: string): Promise<Rules> {
  const text = await readFile(join(folder, ignoreFile), 'utf8')
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
  if (!isSecretFile(path)) return
  const name = path.slice(path.lastIndexOf('/') + 1)
  throw new Refusal('secret-file', `${path} would be packed, and such files hold secrets`, {
    status: 422,
    path,
    hint: `add ${name} to .gitignore, and give its values by env: or secrets: in the manifest`,
  })
}
