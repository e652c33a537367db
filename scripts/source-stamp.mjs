/**
 * Tells whether sources have changed since something was made of them: a digest of names, sizes
 * and times, without reading any content, so that asking costs a few ms.
 *
 * Plain JavaScript that Node.js 18 understands: it runs before anything is installed.
 */
import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The stamp of files and folders under `root`; tests and what is installed or built are left out. */
export function sourceStamp(root, paths) {
  const lines = []
  for (const path of paths) collect(root, path, lines)
  return createHash('sha256').update(lines.join('\n')).digest('hex')
}

function collect(root, path, lines) {
  const status = statSync(join(root, path), { throwIfNoEntry: false })
  if (status === undefined || path.endsWith('.test.ts')) return
  if (status.isDirectory()) {
    for (const name of readdirSync(join(root, path)).sort()) {
      if (name !== 'node_modules' && name !== 'dist') collect(root, join(path, name), lines)
    }
  } else {
    lines.push(`${path} ${status.size} ${status.mtimeMs}`)
  }
}
