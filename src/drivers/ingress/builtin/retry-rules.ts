import type { FailureCause } from '../../../parts/ingress/model.ts'
import { limits } from './limits.ts'

/**
 * What follows a failed attempt, as one table without I/O. The rule behind it: a request is sent
 * again only if the instance cannot have acted on it, or acting twice does no harm.
 */

/** How an attempt failed. */
export type AttemptFailure =
  /** Its instance left the pool before anything was sent. */
  | 'moved'
  /** No connection came about, so nothing was sent. */
  | 'unconnected'
  /** The connection broke, or what came over it was no HTTP. */
  | 'broken'
  /** undici refuses to send it; our own checks should have refused it before. */
  | 'unsendable'
  /** The instance did not answer, or fell silent, for too long. */
  | 'timedOut'

export interface FailedAttempt {
  readonly failure: AttemptFailure
  readonly method: string
  /** Attempts so far that may have reached an instance, this one included. */
  readonly attempts: number
  /** The body can be sent again: there is none, it was kept, or nothing of it was read yet. */
  readonly isReplayable: boolean
  /** The client has been given the beginning of the answer. */
  readonly isAnswering: boolean
  /** The instance is in no pool any more: whoever stops it cuts what is under way. */
  readonly isLeaving: boolean
}

/** Try again, or the cause under which the request counts as failed. */
export type NextStep = 'again' | FailureCause

/** Sending these twice leaves the same as sending them once (RFC 9110, 9.2.2). */
const idempotentMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

export function isIdempotent(method: string): boolean {
  return idempotentMethods.has(method)
}

export function stepAfter(attempt: FailedAttempt): NextStep {
  switch (attempt.failure) {
    case 'moved':
    case 'unconnected':
      return 'again'
    case 'unsendable':
      return 'reset'
    case 'timedOut':
      return 'timedOut'
    case 'broken':
      return mayRepeat(attempt) ? 'again' : attempt.isLeaving ? 'cut' : 'reset'
  }
}

function mayRepeat(attempt: FailedAttempt): boolean {
  return (
    !attempt.isAnswering &&
    attempt.isReplayable &&
    attempt.attempts < limits.attemptsMax &&
    isIdempotent(attempt.method)
  )
}
