import { constants } from 'node:fs'
import { copyFile, lstat, mkdir, readdir, readlink, stat, symlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from './errors.ts'

/** Files that are copied at a time: Node.js has four threads for them, and none should wait. */
const copiedAtOnce = 8

/** Copies what lies below `from` to below `to`; `Disk.copy` says what holds of it. */
export async function copyFolder(
  from: string,
  to: string,
  links: 'kept' | 'left-out',
): Promise<void> {
  if (!(await isFree(mkdir(to, { recursive: true })))) return
  await copyEntries(from, to, links)
}

async function copyEntries(from: string, to: string, links: 'kept' | 'left-out'): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  for (let next = 0; next < files.length; next += copiedAtOnce) {
    const some = files.slice(next, next + copiedAtOnce)
    await Promise.all(some.map(({ name }) => copyOne(join(from, name), join(to, name))))
  }
  for (const entry of entries) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isSymbolicLink() && links === 'kept') {
      await isFree(symlink(await readlink(source), target))
    } else if (entry.isDirectory()) {
      const isThere = await isFree(mkdir(target)).then((isNew) => isNew || isFolder(target))
      if (isThere) await copyEntries(source, target, links)
    }
  }
}

/** With its times, to the µs: servers of files make the validators of them that browsers remember. */
async function copyOne(source: string, target: string): Promise<void> {
  if (!(await isFree(copyFile(source, target, constants.COPYFILE_EXCL)))) return
  const { atimeMs, mtimeMs } = await stat(source)
  await utimes(target, atimeMs / 1_000, mtimeMs / 1_000)
}

async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path)).isDirectory()
}

/** False where something is in the way, which stays. */
async function isFree(made: Promise<unknown>): Promise<boolean> {
  try {
    await made
    return true
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'EEXIST' || code === 'ENOTDIR') return false
    throw error
  }
}
