import type { Bound } from './bounds.ts'
import { Refusal } from './errors.ts'

/**
 * So many at a time; whoever comes beyond that is sent away with a time to come again, instead of
 * waiting in a queue that grows (rule 11 of docs/reference/rules.md).
 */
export class Admission {
  readonly #what: string
  readonly #underWayMax: number
  #underWay = 0
  #refused = 0

  /** `what` is admitted, in a sentence: `registrations`. */
  constructor(what: string, underWayMax: number) {
    this.#what = what
    this.#underWayMax = underWayMax
  }

  get underWay(): number {
    return this.#underWay
  }

  /** Sent away since the start. */
  get refused(): number {
    return this.#refused
  }

  bounds(): Bound[] {
    return [
      {
        name: `server.${this.#what}-under-way`,
        says: `${this.#what} that are served at once; the next comes again after a second`,
        unit: 'items',
        overflow: 'refuses',
        limit: this.#underWayMax,
        used: () => this.#underWay,
        lost: () => this.#refused,
      },
    ]
  }

  /** Runs `work`, or throws the Refusal `busy` (429) with `details.retryAfterMs`. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay >= this.#underWayMax) {
      this.#refused++
      throw new Refusal('busy', `${this.#underWayMax} ${this.#what} are under way already`, {
        status: 429,
        hint: 'come again after the time in Retry-After, and a random part of it',
        details: { retryAfterMs },
      })
    }
    this.#underWay++
    try {
      return await work()
    } finally {
      this.#underWay--
    }
  }
}

/** After this long the next ones may come, in ms; clients spread themselves over as much again. */
const retryAfterMs = 1_000

/** How long a refused caller is to wait, with its jitter; 0 where the refusal does not say. */
export function waitAfter(error: unknown, random: { float(): number }): number {
  if (!(error instanceof Refusal) || error.status !== 429) return 0
  const waitMs = error.details?.['retryAfterMs']
  if (typeof waitMs !== 'number') return 0
  return Math.min(waitMs, waitMsMax) * (1 + random.float())
}

/** No server keeps a caller away for longer, in ms: it may have meant another clock. */
const waitMsMax = 60_000
