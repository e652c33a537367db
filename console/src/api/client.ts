import type { ErrorBody } from '../../../src/wire/api.ts'

/** The one way to the server: same origin, the session's cookie, JSON both ways. */

/** What went wrong with a call, told apart by `status`; 0 means that the server was not reached. */
export class ApiFailure extends Error {
  readonly status: number
  /** From docs/errors.md, or `unreachable`. */
  readonly code: string
  readonly hint: string | undefined
  /** What else the server says of it, such as how many instances a destroy would end. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    status: number,
    code: string,
    message: string,
    { hint, details = {} }: Pick<ErrorBody['error'], 'hint' | 'details'> = {},
  ) {
    super(message)
    this.name = 'ApiFailure'
    this.status = status
    this.code = code
    this.hint = hint
    this.details = details
  }
}

/** Time for one call, in ms; beyond it the server counts as unreachable. */
const callTimeoutMs = 10_000

export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly body?: unknown
  /** A write that is sent again with the same key is carried out once. */
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
}

/** Calls the API and answers the JSON body; anything but a 2xx is thrown as an ApiFailure. */
export async function callApi<T>(path: string, options: CallOptions = {}): Promise<T> {
  const response = await send(path, options)
  const text = await response.text()
  const body = parsed(text)
  if (response.ok) return body as T
  throw failureOf(response.status, body)
}

/** Whether it was the session that the server refused. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiFailure && error.status === 401
}

async function send(path: string, options: CallOptions): Promise<Response> {
  const timeout = AbortSignal.timeout(callTimeoutMs)
  const { method = 'GET', body, idempotencyKey, signal } = options
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
  }
  try {
    return await fetch(path, {
      method,
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      credentials: 'same-origin',
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    const hint = 'Is `roadstead up` running? The console goes on by itself when it is back.'
    throw new ApiFailure(0, 'unreachable', 'The server does not answer.', { hint })
  }
}

function parsed(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function failureOf(status: number, body: unknown): ApiFailure {
  const error = (body as Partial<ErrorBody> | undefined)?.error
  const message = error?.message ?? `The server answered ${status}.`
  return new ApiFailure(status, error?.code ?? `http-${status}`, message, error)
}
