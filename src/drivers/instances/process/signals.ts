import { systemCodeOf } from '../../../base/errors.ts'
import type { ProcessIdentity, ProcessTable } from './process-table.ts'

/** Whether a process that was named does not run any more. */
export function isDead(table: ProcessTable, identity: ProcessIdentity | undefined): boolean {
  return identity !== undefined && !table.isAlive(identity)
}

/** False when there is no such process. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if (systemCodeOf(error) === 'ESRCH') return false
    if (systemCodeOf(error) === 'EPERM') return true
    throw error
  }
}
