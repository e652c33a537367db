import { Bug, Fault, Refusal } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { ErrorBody } from '../wire/api.ts'

/** An error as it is answered: never a stack trace, never a message of a library's own making. */
export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ErrorBody
}

/**
 * Turns anything thrown into an answer, and logs what is not the caller's to mend.
 *
 * A Bug is answered with 500 and the process lives: no request may end it for all others.
 */
export function problemOf(error: unknown, requestId: string, log: Log): Problem {
  const refusal = error instanceof Refusal ? error : refusalOfLibrary(error)
  if (refusal !== undefined) return refused(refusal, requestId)
  if (error instanceof Fault) {
    log.error('request failed', { requestId, code: error.code, error: error.message })
    return answer(503, requestId, { code: error.code, message: error.message }, retryAfter(1))
  }
  const stack = error instanceof Error ? error.stack : String(error)
  const isOurs = error instanceof Bug
  log.error(isOurs ? 'an assertion failed' : 'unexpected error', { requestId, stack })
  return answer(500, requestId, {
    code: 'internal-error',
    message: 'something went wrong inside the server',
    hint: `its log has the details under request ${requestId}`,
  })
}

function refused(refusal: Refusal, requestId: string): Problem {
  const { code, message, hint, path, details, status } = refusal
  const error: Omit<ErrorBody['error'], 'requestId'> = { code, message }
  if (hint !== undefined) error.hint = hint
  if (path !== undefined) error.path = path
  if (details !== undefined) error.details = { ...details }
  return answer(status, requestId, error, headersOf(refusal))
}

function headersOf(refusal: Refusal): Record<string, string> {
  switch (refusal.status) {
    case 401:
      return { 'www-authenticate': 'Bearer realm="roadstead"' }
    case 429: {
      const waitMs = refusal.details?.['retryAfterMs']
      return retryAfter(typeof waitMs === 'number' ? Math.ceil(waitMs / 1_000) : 1)
    }
    default:
      return {}
  }
}

function retryAfter(seconds: number): Record<string, string> {
  return { 'retry-after': String(seconds) }
}

function answer(
  status: number,
  requestId: string,
  error: Omit<ErrorBody['error'], 'requestId'>,
  headers: Record<string, string> = {},
): Problem {
  return { status, headers, body: { error: { ...error, requestId } } }
}

/** Fastify's own errors, in our words; undefined for anything that is no caller's mistake. */
function refusalOfLibrary(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') {
    return error instanceof SyntaxError && 'statusCode' in error ? invalidJson() : undefined
  }
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return bodyTooLarge()
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return invalidJson()
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return unsupportedMediaType()
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Refusal('body-incomplete', 'the body is not as long as Content-Length says')
    case 'FST_ERR_BAD_URL':
      return new Refusal('path-not-canonical', 'the path is not valid percent-encoding')
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new Refusal('url-too-long', 'a part of the path is too long', { status: 414 })
    case 'ECONNRESET':
      return new Refusal('body-incomplete', 'the connection broke before the body was whole')
    default:
      return undefined
  }
}

/** 413, naming the limit where it is known. */
export function bodyTooLarge(limitBytes?: number): Refusal {
  const limit = limitBytes === undefined ? 'the limit' : `the limit of ${limitBytes} bytes`
  return new Refusal('body-too-large', `the body is over ${limit} of this route`, {
    status: 413,
    hint: 'send less; files belong into an artifact: PUT /v1/artifacts/{digest}',
    ...(limitBytes === undefined ? {} : { details: { limitBytes } }),
  })
}

/** 415: a body that is not JSON on a route that takes JSON. */
export function unsupportedMediaType(): Refusal {
  return new Refusal('media-type-unsupported', 'this route takes JSON', {
    status: 415,
    hint: 'send Content-Type: application/json',
  })
}

function invalidJson(): Refusal {
  return new Refusal('json-invalid', 'the body is not valid JSON', { path: '/body' })
}
