/**
 * The three families of errors; nothing else is thrown on purpose.
 *
 * A Refusal is for the caller to mend, a Fault is the world's, a Bug is ours. Code decides by the
 * class and by `code`, never by reading a message.
 */

/** The caller can mend it: it is answered with a status, one sentence and a hint, and never retried. */
export class Refusal extends Error {
  /** A stable code from docs/errors.md, such as `manifest-invalid`. */
  readonly code: string
  /** The HTTP status it is answered with, 400 to 499. */
  readonly status: number
  /** What would be right, in words a user can act on. */
  readonly hint: string | undefined
  /** Where in the input: a JSON pointer, `file:line:column`, or a parameter's name. */
  readonly path: string | undefined
  /** Data for machines: the current revision, the limit, the list of faults. */
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(code: string, message: string, options: RefusalOptions = {}) {
    super(message)
    this.name = 'Refusal'
    this.code = code
    this.status = options.status ?? 400
    this.hint = options.hint
    this.path = options.path
    this.details = options.details
  }
}

export interface RefusalOptions {
  readonly status?: number
  readonly hint?: string | undefined
  readonly path?: string | undefined
  readonly details?: Readonly<Record<string, unknown>>
}

/** The world failed: a disk, a socket, a process. `retry` says whether trying again can help. */
export class Fault extends Error {
  readonly code: string
  readonly retry: 'backoff' | 'never'

  constructor(code: string, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Fault'
    this.code = code
    this.retry = options.retry ?? 'backoff'
  }
}

export interface FaultOptions {
  readonly cause?: unknown
  readonly retry?: 'backoff' | 'never'
}

/** An assertion failed: the process logs it, flushes, exits, and is started again. */
export class Bug extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'Bug'
  }
}

/** Throws a Bug unless `condition` holds. For what we promise ourselves, never for input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Bug(message)
}

/** Ends a `switch` over a union: the compiler proves that no member was forgotten. */
export function unreachable(value: never): never {
  throw new Bug(`unexpected value ${JSON.stringify(value)}`)
}

/** The message of anything thrown, for a log field or a Fault's sentence. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The `code` that Node.js puts on system errors, such as `ENOENT`; undefined for anything else. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
