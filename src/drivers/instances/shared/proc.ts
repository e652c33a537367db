import { readFileSync } from 'node:fs'
import { systemCodeOf } from '../../../base/errors.ts'

/** A file of /proc; undefined where it is gone, or not ours to read. */
export function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'latin1')
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(systemCodeOf(error) ?? '')) return undefined
    throw error
  }
}
