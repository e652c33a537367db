import {
  closeSync,
  copyFileSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'

/**
 * The file that a role's output goes to. The role writes it itself, without the supervisor in
 * between, so that neither waits for the other and a killed supervisor costs no line.
 */

/** A log is moved aside beyond this size, and one old one is kept: 20 MB per role in all. */
const logBytesMax = 10 * 1024 * 1024

/** Opens the file for appending; the caller closes the descriptor once the role has it. */
export function openRoleLog(path: string): number {
  return openSync(path, 'a', 0o600)
}

/**
 * Moves the content aside once there is too much. The role keeps its descriptor, so the file is
 * copied and emptied; lines written in the instant between the two are lost, and all of them where
 * the disk has no room for the copy: the bound holds even then.
 */
export function rotateRoleLog(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size <= logBytesMax) return
  try {
    copyFileSync(path, `${path}.1`)
  } catch {
    rmSync(`${path}.1`, { force: true })
  }
  truncateSync(path)
}

/** The last lines, to show when a role does not come up. */
export function lastLines(path: string, count: number): string[] {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  const tail = Buffer.alloc(Math.min(size, 16_384))
  if (tail.length === 0) return []
  const file = openSync(path, 'r')
  try {
    readSync(file, tail, 0, tail.length, size - tail.length)
  } finally {
    closeSync(file)
  }
  return tail.toString().trimEnd().split('\n').slice(-count)
}
