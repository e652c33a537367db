import { posix } from 'node:path'
import { archiveLimits } from '../../parts/artifacts/driver.ts'

/** Which names and links may stand in an archive: the same rules for who packs and who unpacks. */

/** Why a path may not stand in an archive, as the end of a sentence; undefined when it may. */
export function pathFault(path: string): string | undefined {
  if (path === '') return 'has an empty name'
  if (path.startsWith('/')) return 'is absolute'
  if (path.includes('\0')) return 'has a NUL in its name'
  // What is not UTF-8 has been read as U+FFFD; two different names could have become one.
  if (path.includes('\uFFFD')) return 'has a name that is not UTF-8'
  if (path.split('/').includes('..')) return 'leads out of the archive'
  const { pathBytesMax } = archiveLimits
  if (Buffer.byteLength(path) > pathBytesMax) return `is longer than ${pathBytesMax} bytes`
  return undefined
}

/**
 * Why the symbolic link at `path` may not point to `target`; undefined when it may.
 *
 * A target may go up first and then down, never up again: so each link ends inside, and with it
 * any chain of links, whatever the links on the way point to.
 */
export function linkFault(path: string, target: string): string | undefined {
  if (target === '') return 'points nowhere'
  if (target.includes('\0')) return 'has a NUL in its target'
  if (target.startsWith('/')) return `points to the absolute path ${target}`
  const parts = target.split('/')
  const firstDown = parts.findIndex((part) => part !== '..' && part !== '.')
  if (firstDown !== -1 && parts.slice(firstDown).includes('..')) {
    return `points to ${target}, up again after down`
  }
  const end = posix.normalize(posix.join(posix.dirname(path), target))
  if (end === '..' || end.startsWith('../')) return `points to ${target}, outside`
  return undefined
}

/** A path without `./` before it and `/` after it. */
export function plainPath(path: string): string {
  return path.replace(/^(\.\/+)+/, '').replace(/\/+$/, '')
}
