import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Fault, systemCodeOf } from '../../../base/errors.ts'
import type { InstanceLink } from './instance-link.ts'
import type { AttemptFailure } from './retry-rules.ts'

/** Whoever makes attempts; each call names the attempt, so that a stale one is recognised. */
export interface AttemptOwner {
  /** Asked in the very moment before the first byte goes out. */
  mayStart(attempt: Attempt): boolean
  onAnswer(attempt: Attempt, status: number, reason: string, headers: RawHeaders): void
  onData(attempt: Attempt, chunk: Buffer): void
  onEnd(attempt: Attempt): void
  onUpgrade(attempt: Attempt, status: number, headers: RawHeaders, socket: Duplex): void
  onFailure(attempt: Attempt, failure: AttemptFailure): void
}

export type RawHeaders = readonly (Buffer | string)[]

/** One try of one request with one instance, as undici tells of it. */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly link: InstanceLink
  readonly #owner: AttemptOwner
  #controller: Dispatcher.DispatchController | undefined
  /** Bytes may have reached the instance. */
  #hasStarted = false
  #wasMoved = false
  #isAbandoned = false

  constructor(owner: AttemptOwner, link: InstanceLink) {
    this.#owner = owner
    this.link = link
  }

  get hasStarted(): boolean {
    return this.#hasStarted
  }

  /** Gives the attempt up; one that has no connection yet is given up when it gets one. */
  abandon(): void {
    this.#isAbandoned = true
    this.#controller?.abort(abandoned)
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#wasMoved = !this.#isAbandoned && !this.#owner.mayStart(this)
    if (this.#wasMoved || this.#isAbandoned) controller.abort(abandoned)
    else this.#hasStarted = true
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    reason?: string,
  ): void {
    if (status < 200) return
    this.#owner.onAnswer(this, status, reason ?? '', rawHeadersOf(controller))
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#owner.onData(this, chunk)
  }

  onResponseEnd(): void {
    this.#owner.onEnd(this)
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    this.#owner.onUpgrade(this, status, rawHeadersOf(controller), socket)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#owner.onFailure(this, this.#failureOf(error))
  }

  #failureOf(error: Error): AttemptFailure {
    if (this.#wasMoved) return 'moved'
    const code = systemCodeOf(error)
    if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return 'unsendable'
    if (!this.#hasStarted) return 'unconnected'
    const isLate = code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT'
    return isLate ? 'timedOut' : 'broken'
  }
}

/** One for all: making an error costs more than the rest of giving up. */
const abandoned = new Fault('attempt-abandoned', 'the attempt was given up', { retry: 'never' })

function rawHeadersOf(controller: Dispatcher.DispatchController): RawHeaders {
  return Array.isArray(controller.rawHeaders) ? controller.rawHeaders : []
}
