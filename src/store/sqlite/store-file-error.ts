import { messageOf } from '../../base/errors.ts'
import type { Failure } from './messages.ts'

/** Thrown in the worker; crosses to the other thread as data. */
export class StoreFileError extends Error {
  readonly failure: Failure

  constructor(failure: Failure, cause?: unknown) {
    super(failure.message, { cause })
    this.failure = failure
  }
}

/** Turns SQLite's errors into ours, by their primary result code. */
export function guard<T>(operation: () => T): T {
  try {
    return operation()
  } catch (error) {
    throw storeFileErrorOf(error)
  }
}

/** Whether it is for want of room; anything else means that the disk cannot be believed. */
export function isFull(error: unknown): boolean {
  return error instanceof StoreFileError && error.failure.code === 'store-full'
}

/** The error as a StoreFileError, whatever it was. */
export function storeFileErrorOf(error: unknown): StoreFileError {
  if (error instanceof StoreFileError) return error
  return new StoreFileError({ code: codeOf(error), message: messageOf(error) }, error)
}

function codeOf(error: unknown): Failure['code'] {
  if (!(error instanceof Error)) return 'store-failed'
  if ('code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) return 'store-full'
  switch ('errcode' in error ? Number(error.errcode) & 0xff : undefined) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return 'store-in-use'
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return 'store-corrupt'
    case 13: // SQLITE_FULL
      return 'store-full'
    default:
      return 'store-failed'
  }
}
