import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { FailureCause } from '../../../parts/ingress/model.ts'

/** What a client is told when the platform, not the app, has no answer for it. */

/** Names the cause, so that nobody takes it for an answer of the app. */
export const failureHeader = 'roadstead-failure'

const failures: Readonly<Record<FailureCause, { status: number; says: string }>> = {
  noServer: { status: 503, says: 'no instance of this service runs at the moment' },
  refused: { status: 503, says: 'no instance of this service accepts connections at the moment' },
  reset: { status: 502, says: 'the connection to the instance broke before its answer was whole' },
  timedOut: { status: 504, says: 'the instance did not answer in time' },
  cut: { status: 502, says: 'the instance was stopped before it had answered' },
}

/** Answers a failed request; one whose answer has begun is broken off, so that nobody trusts it. */
export function answerFailure(
  res: ServerResponse,
  cause: FailureCause,
  isRequestComplete: boolean,
): void {
  if (res.headersSent) return void res.destroy()
  const { status, says } = failures[cause]
  const headers: Record<string, string> = { [failureHeader]: cause }
  // Nothing was sent to any instance, so any request may be sent again.
  if (cause === 'noServer' || cause === 'refused') headers['retry-after'] = '1'
  if (!isRequestComplete) headers['connection'] = 'close'
  answerText(res, status, says, headers)
}

/** Answers a short text of the ingress itself. */
export function answerText(
  res: ServerResponse,
  status: number,
  says: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (res.headersSent || res.destroyed) return
  const text = `${status} ${STATUS_CODES[status] ?? ''}: ${says} (roadstead ingress)\n`
  res.writeHead(status, {
    ...headers,
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  })
  res.end(text)
}
