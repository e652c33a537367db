import { readFileSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { systemCodeOf } from '../../base/errors.ts'

/** Which process is which: a pid alone may by now belong to a stranger. */

/** A process, recognised by its pid and the instant it started. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks since boot, where the system tells them; empty elsewhere. */
  readonly startTicks: string
}

/** The identity of a process that runs; undefined when there is none with that pid. */
export function identify(pid: number): ProcessIdentity | undefined {
  return isThere(pid) ? { pid, startTicks: startTicksOf(pid) } : undefined
}

/** Whether that very process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return isThere(identity.pid) && startTicksOf(identity.pid) === identity.startTicks
}

/**
 * Waits until all of them have ended; those that have not after `waitMs` are killed. Returns how
 * many had to be.
 */
export async function waitForEnd(
  identities: readonly ProcessIdentity[],
  waitMs: number,
  clock: Clock,
): Promise<number> {
  const until = clock.monotonic() + waitMs
  let left = identities.filter(isRunning)
  while (left.length > 0 && clock.monotonic() < until) {
    await clock.sleep(50)
    left = left.filter(isRunning)
  }
  for (const { pid } of left) process.kill(pid, 'SIGKILL')
  return left.length
}

function isThere(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch (error) {
    return systemCodeOf(error) === 'EPERM'
  }
}

/** Ended, but not yet fetched by its parent: it does nothing any more. */
function isZombie(pid: number): boolean {
  return statFields(pid)?.[0] === 'Z'
}

/** Field 22 of /proc/PID/stat; the 20th after the name. */
function startTicksOf(pid: number): string {
  return statFields(pid)?.[19] ?? ''
}

/** The fields after the process's name, which may hold blanks and parentheses. */
function statFields(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
