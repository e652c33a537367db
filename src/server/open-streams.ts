import type { Readable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { Refusal } from '../base/errors.ts'
import type { Authentication, Identity } from './authentication.ts'

/** How often the callers of open streams are looked up again, in ms; promised are 5 s. */
const recheckEveryMs = 2_000

/** Streamed answers and long polls that are under way, so that they can be ended from outside. */
export class OpenStreams {
  readonly #authentication: Authentication
  readonly #clock: Clock
  readonly #streams = new Map<Readable, Identity>()
  readonly #waiting = new Set<AbortController>()
  #isChecking = false

  constructor(authentication: Authentication, clock: Clock) {
    this.#authentication = authentication
    this.#clock = clock
  }

  /** Cuts `stream` as soon as the token or session of its caller is no more. */
  watch(stream: Readable, identity: Identity): void {
    this.#streams.set(stream, identity)
    stream.once('close', () => this.#streams.delete(stream))
    if (this.#isChecking) return
    this.#isChecking = true
    this.#clock.after(recheckEveryMs, () => this.#recheck())
  }

  /** Aborts `controller` when the server stops, until `forget`. */
  add(controller: AbortController): void {
    this.#waiting.add(controller)
  }

  forget(controller: AbortController): void {
    this.#waiting.delete(controller)
  }

  closeAll(reason: Error): void {
    for (const controller of this.#waiting) controller.abort(reason)
    for (const stream of this.#streams.keys()) stream.destroy()
  }

  #recheck(): void {
    for (const [stream, identity] of this.#streams) {
      if (this.#authentication.isCurrent(identity)) continue
      stream.destroy(new Refusal('session-over', 'the session is over', { status: 401 }))
    }
    this.#isChecking = this.#streams.size > 0
    if (this.#isChecking) this.#clock.after(recheckEveryMs, () => this.#recheck())
  }
}
