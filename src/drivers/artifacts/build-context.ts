import { readdir, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import dockerignore, { type Ignore } from '@balena/dockerignore'
import { Refusal, systemCodeOf } from '../../base/errors.ts'
import { archiveLimits } from '../../parts/artifacts/driver.ts'
import type { ArtifactRef } from '../../parts/artifacts/model.ts'
import type { ArchiveLimits } from './limits.ts'
import { isLeftOut, isSecretFile, SourceEntries, type SourceEntry } from './source-entries.ts'
import { writeArchive } from './tar-writer.ts'

/**
 * The context of an image's build as an archive: what .dockerignore leaves of a folder. Apart from
 * that file's rules the history is left out, and files whose names say that they hold secrets: what is
 * copied into an image is everybody's who pulls it.
 */

const ignoreFile = '.dockerignore'

/** Far more rules than anybody writes; each is tried on each path. */
const rulesMax = 1_000

/**
 * Packs a folder into the file `target`; the same files give the same digest anywhere. Refusals:
 * `dockerfile-missing`, `context-missing`, and as of `Archiver.pack`.
 */
export async function packContext(
  directory: string,
  dockerfiles: readonly string[],
  target: string,
  limits: ArchiveLimits = archiveLimits,
): Promise<ArtifactRef> {
  const entries = await readContext(directory, dockerfiles, limits)
  return writeArchive(directory, entries, target, limits)
}

/** Everything of a context that is to be packed, by name, folder by folder. */
export async function readContext(
  directory: string,
  dockerfiles: readonly string[],
  limits: ArchiveLimits = archiveLimits,
): Promise<SourceEntry[]> {
  const root = resolve(directory)
  for (const file of dockerfiles) await requireDockerfile(root, file)
  const rules = await rulesOf(root)
  const entries = new SourceEntries(root, limits, ignoreFile)
  // The builder reads them whatever the rules say.
  const kept = new Set(dockerfiles)
  await into('', { root, rules, kept, entries })
  return entries.list
}

interface Walk {
  readonly root: string
  readonly rules: Rules
  readonly kept: ReadonlySet<string>
  readonly entries: SourceEntries
}

interface Rules {
  readonly ignore: Ignore
  /** A rule with `!` may want something of a folder that another one leaves out. */
  readonly hasExceptions: boolean
}

/** True: something of the folder is packed. */
async function into(base: string, walk: Walk): Promise<void> {
  const { root, rules, kept, entries } = walk
  const members = await readdir(join(root, base), { withFileTypes: true })
  members.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const member of members) {
    const path = base + member.name
    if (isLeftOut(member.name) || (!member.isDirectory() && isSecretFile(path))) continue
    const isFolder = member.isDirectory()
    const isWanted = isFolder
      ? [...kept].some((file) => file.startsWith(`${path}/`))
      : kept.has(path)
    const isIgnored = rules.ignore.ignores(path)
    if (isIgnored && !isWanted && !(isFolder && rules.hasExceptions)) continue
    await entries.add(path, member)
    const before = entries.list.length
    if (isFolder) await into(`${path}/`, walk)
    // Of a folder that is left out only what is wanted in it goes along, and the way there.
    if (isFolder && isIgnored && entries.list.length === before) entries.list.pop()
  }
}

async function rulesOf(root: string): Promise<Rules> {
  const text = await readFile(join(root, ignoreFile), 'utf8').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return ''
    throw error
  })
  const lines = text.split(/\r?\n/)
  if (lines.length > rulesMax) {
    throw new Refusal('context-rules', `${ignoreFile} has more than ${rulesMax} lines`, {
      status: 422,
      hint: 'leave whole folders out',
    })
  }
  const ignore = dockerignore.default({ ignorecase: false }).add(text)
  return { ignore, hasExceptions: lines.some((line) => line.trimStart().startsWith('!')) }
}

async function requireDockerfile(root: string, file: string): Promise<void> {
  const isFile = async (path: string): Promise<boolean> =>
    stat(path).then(
      (found) => found.isFile(),
      () => false,
    )
  if (await isFile(join(root, file))) return
  const folder = await stat(root).catch(() => undefined)
  if (folder?.isDirectory() !== true) {
    throw new Refusal('context-missing', `there is no folder ${root} to build from`, {
      status: 422,
      hint: 'mend `build` in the manifest: it is relative to it',
    })
  }
  throw new Refusal('dockerfile-missing', `there is no ${file} in ${root}`, {
    status: 422,
    hint: 'write one, or name it: build: { context: …, dockerfile: … }',
  })
}
