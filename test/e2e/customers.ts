import { Agent, request } from 'undici'
import { systemClock } from '../../src/base/clock.ts'

/** Customers of one host who note when each request began, and how it ended. */

/** A request that the platform failed. */
export interface FailedRequest {
  /** Monotonic ms. */
  readonly beganAt: number
  readonly endedAt: number
  readonly because: string
}

/** Between two requests, in ms: what two cores carry beside all the rest. */
const usualEveryMs = 25

export class Customers {
  readonly failed: FailedRequest[] = []
  answered = 0
  readonly #origin: string
  readonly #host: string
  readonly #connections = new Agent({ connections: 16, headersTimeout: 30_000 })
  readonly #ending = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  #asking: Promise<void> = Promise.resolve()

  readonly #everyMs: number

  constructor(origin: string, host: string, everyMs = usualEveryMs) {
    this.#everyMs = everyMs
    this.#origin = origin
    this.#host = host
  }

  begin(): void {
    this.#asking = this.#ask()
  }

  /** Sends requests that end only when somebody lets them. */
  askSlowly(count: number): void {
    for (let sent = 0; sent < count; sent++) this.#send('/slow')
  }

  /** Asks no more, and waits for every answer. */
  async end(): Promise<void> {
    if (this.#ending.signal.aborted) return
    this.#ending.abort()
    await this.#asking
    await Promise.all(this.#underWay)
    await this.#connections.close()
  }

  async #ask(): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted) {
      this.#send('/')
      await systemClock.sleep(this.#everyMs, signal).catch(() => {})
    }
  }

  #send(path: string): void {
    const sent = this.#sendOne(path).finally(() => this.#underWay.delete(sent))
    this.#underWay.add(sent)
  }

  async #sendOne(path: string): Promise<void> {
    const beganAt = systemClock.monotonic()
    try {
      const { statusCode, body } = await request(`${this.#origin}${path}`, {
        headers: { host: this.#host },
        dispatcher: this.#connections,
      })
      const text = await body.text()
      if (statusCode === 200) this.answered++
      else this.#fail(beganAt, `${statusCode} ${text.slice(0, 80)}`)
    } catch (error) {
      this.#fail(beganAt, error instanceof Error ? error.message : String(error))
    }
  }

  #fail(beganAt: number, because: string): void {
    this.failed.push({ beganAt, endedAt: systemClock.monotonic(), because })
  }
}
