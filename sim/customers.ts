import { workMsMax } from './apps.ts'
import { Chance } from './chance.ts'
import type { IngressHost } from './ingress.ts'
import type { Timeline } from './timeline.ts'

/** Of a service that has nobody online, customers ask so much less: they know. */
const shareInVain = 0.1

/** Customers of all services that an ingress knows, in a steady stream. */
export class Customers {
  readonly #timeline: Timeline
  readonly #ingresses: readonly IngressHost[]
  readonly #everyMs: number
  readonly #chance: Chance

  constructor(
    timeline: Timeline,
    ingresses: readonly IngressHost[],
    options: { readonly seed: number; readonly everyMs: number },
  ) {
    this.#timeline = timeline
    this.#ingresses = ingresses
    this.#everyMs = options.everyMs
    this.#chance = new Chance(options.seed, 'customers')
  }

  start(): void {
    if (this.#everyMs > 0) this.#timeline.after(this.#everyMs, () => this.#ask())
  }

  #ask(): void {
    for (const ingress of this.#ingresses) {
      for (const backendId of ingress.backends()) {
        if (!ingress.serves(backendId) && !this.#chance.happens(shareInVain)) continue
        const method = this.#chance.happens(0.7) ? 'GET' : 'POST'
        ingress.request({ backendId, method, workMs: this.#workMs() })
      }
    }
    this.#timeline.after(this.#everyMs * this.#chance.between(0.5, 1.5), () => this.#ask())
  }

  /** Most answers come at once; some take seconds and outlive whatever the table becomes. */
  #workMs(): number {
    if (this.#chance.happens(0.9)) return this.#chance.between(1, 100)
    return this.#chance.between(100, workMsMax)
  }
}
