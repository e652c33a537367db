import { resolve } from 'node:path'
import { Refusal } from '../../base/errors.ts'
import type { PlacedSource } from '../../parts/artifacts/driver.ts'
import { mountLimits } from '../../parts/artifacts/driver.ts'
import type { ArtifactRef } from '../../parts/artifacts/model.ts'
import { linkFault, plainPath } from './safe-path.ts'
import type { SourceEntry } from './source-entries.ts'
import { readSourceTree } from './source-tree.ts'
import { writeArchive } from './tar-writer.ts'

/**
 * Packs files and folders of `directory` at places of their own into the file `target`, by the rules
 * of `Archiver.pack` and within `mountLimits`; what is named has to be there.
 */
export async function packPlaced(
  directory: string,
  target: string,
  placed: readonly PlacedSource[],
): Promise<ArtifactRef> {
  const root = resolve(directory)
  const entries: SourceEntry[] = []
  for (const one of placed) entries.push(...(await placedTree(root, one)))
  return writeArchive(root, entries, target, mountLimits)
}

/** What goes into the archive for one of them. Refusals as of `Archiver.pack`. */
export async function placedTree(
  root: string,
  { path, from }: PlacedSource,
): Promise<SourceEntry[]> {
  const at = path.replace(/^\/+/, '')
  if ('content' in from) {
    const content = Buffer.from(from.content)
    const sizeBytes = content.length
    return [{ type: 'file', path: at, sizeBytes, isExecutable: false, content }]
  }
  const found = await readSourceTree(root, { only: [from.file], except: '', limits: mountLimits })
  const base = plainPath(from.file)
  const isAll = base === '.' || base === ''
  // Folders on the way are not asked for; the file or folder itself takes the place's name.
  const below = isAll ? found : found.filter((one) => isWithin(one.path, base))
  const entries = below.map((one): SourceEntry => {
    const rest = isAll ? `/${one.path}` : one.path.slice(base.length)
    const named = { ...one, path: `${at}${rest}` }
    if (named.type === 'link') refuseLeaving(one.path, rest.slice(1), named.target)
    return named.type === 'file' ? { ...named, lies: one.path } : named
  })
  return isAll ? [{ type: 'directory', path: at }, ...entries] : entries
}

/** The folder is seen at another place, and nothing beside it. */
function refuseLeaving(path: string, within: string, target: string): void {
  const fault = linkFault(within, target)
  if (fault === undefined) return
  throw new Refusal('archive-unsafe', `${path} cannot be packed: it ${fault}`, {
    status: 422,
    path,
    hint: 'put the file itself in its place: what is mounted is seen without what lies beside it',
  })
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}
