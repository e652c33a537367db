import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { sep } from 'node:path'

/** A process that a run of tests should have ended. */
export interface LeftBehind {
  readonly pid: number
  readonly command: string
}

/**
 * Processes of this machine that live in a folder or were told of it: by where they are, by their
 * command line, or by their environment. Those of other users are not seen unless root asks.
 */
export function processesOf(folder: string): LeftBehind[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.flatMap((pid) => {
    const command = read(pid, 'cmdline').replaceAll('\0', ' ').trim()
    const told = `${read(pid, 'environ')}\0${command}`
    const isIn = `${placeOf(pid)}${sep}`.startsWith(folder + sep) || told.includes(folder + sep)
    return isIn && pid !== process.pid ? [{ pid, command }] : []
  })
}

/** As `kill -9` does; nothing where it has ended meanwhile. */
export function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function placeOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}

/** Empty: it has ended meanwhile, or is another user's. */
function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}
