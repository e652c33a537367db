import type { Role, Target } from './target.ts'

/** One row of the table: what somebody sends, and what the server has to answer. */
export interface BadInput {
  /** Ends the sentence "the server is sent …". */
  readonly name: string
  readonly send: (target: Target) => Promise<Answer>
  readonly answer: Expected
  /** It waits for the server's patience to end: such rows are sent side by side. */
  readonly isSlow?: true
  /** What has to be so afterwards; undefined: nothing beyond the answer. */
  readonly after?: (target: Target) => Promise<void>
}

export interface Expected {
  readonly status: number
  /** The registered code of the refusal; absent where the input is fine after all. */
  readonly code?: string
  /** Where in the input, as the answer names it. */
  readonly path?: string
  readonly message?: RegExp
  readonly details?: Readonly<Record<string, unknown>>
}

/** An answer as it came over the wire. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** The typed error in an answer; undefined where there is none. */
export interface TypedError {
  readonly code: string
  readonly message: string
  readonly path?: string
  readonly hint?: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly requestId: string
}

export function errorIn({ text }: Answer): TypedError | undefined {
  try {
    return (JSON.parse(text) as { error?: TypedError }).error
  } catch {
    return undefined
  }
}

/** Sends a JSON body; a text goes as it is. */
export function post(role: Role, path: string, body: unknown) {
  return (target: Target): Promise<Answer> => target.call(role, 'POST', path, { body })
}

/** Reads. */
export function get(role: Role, path: string, headers: Readonly<Record<string, string>> = {}) {
  return (target: Target): Promise<Answer> => target.call(role, 'GET', path, { headers })
}

/** Refused because a schema says so, at `path`. */
export function invalid(path?: string): Expected {
  return { status: 400, code: 'input-invalid', ...(path === undefined ? {} : { path }) }
}
