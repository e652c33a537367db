import type { CountBook, PoolName, Tally } from './counts.ts'
import { HoldQueue, type Held } from './hold-queue.ts'
import type { InstanceLink } from './instance-link.ts'
import type { Clock } from '../../../base/clock.ts'
import { limits } from './limits.ts'

/**
 * One side of a service: the instances that its requests go to, and the requests that wait while
 * there are none.
 */
export class InstancePool {
  readonly backendId: string
  readonly name: PoolName
  /** The counts of the pool in all. */
  readonly tally: Tally
  readonly #counts: CountBook
  readonly #clock: Clock
  readonly #held: HoldQueue
  #links: readonly InstanceLink[] = []
  #turn = 0

  constructor(backendId: string, name: PoolName, options: { counts: CountBook; clock: Clock }) {
    this.backendId = backendId
    this.name = name
    this.tally = options.counts.total(backendId, name)
    this.#counts = options.counts
    this.#clock = options.clock
    this.#held = new HoldQueue(this, options.clock)
  }

  get isEmpty(): boolean {
    return this.#links.length === 0
  }

  get links(): readonly InstanceLink[] {
    return this.#links
  }

  /** Replaces the members; whoever waits for one gets its chance. */
  replace(links: readonly InstanceLink[]): void {
    this.#links = links
    if (this.isUsable() || this.#mayBeElsewhere()) this.#held.releaseAll()
  }

  tallyOf(link: InstanceLink): Tally {
    return this.#counts.instance(this.backendId, this.name, link.instanceId, link.releaseId)
  }

  /** Whether any member can be expected to answer. */
  isUsable(): boolean {
    const now = this.#clock.monotonic()
    return this.#links.some((link) => link.avoidedUntil <= now)
  }

  /**
   * The member for a request: of the best rank that has any, the one with the least under way, in
   * turn among equals. Undefined when there is none but those in `tried`, or when all refuse and
   * others wait already: the one that `isProbe` finds out for all of them.
   *
   * Of those that are equally fit, it is one that is wished for, if there is any. A wish yields to
   * fitness: comparing versions is never worth a failed request.
   */
  choose(
    tried: readonly InstanceLink[],
    isProbe: boolean,
    isWished?: (link: InstanceLink) => boolean,
  ): InstanceLink | undefined {
    const now = this.#clock.monotonic()
    const rankMax = this.#held.isEmpty || isProbe ? 3 : 1
    let best: InstanceLink | undefined
    let bestRank = rankMax + 1
    for (const link of this.#links) {
      if (tried.includes(link)) continue
      const fitness = rankOf(link, now)
      if (fitness > rankMax) continue
      const rank = isWished === undefined || isWished(link) ? fitness : fitness + 0.5
      if (rank > bestRank) continue
      if (rank < bestRank || best === undefined || isFreer(link, best)) {
        best = link
        bestRank = rank
      }
    }
    if (best !== undefined) best.lastTurn = ++this.#turn
    return best
  }

  /**
   * Keeps a request until there is a member to try, or its time is up; false when too many wait,
   * and at once for an empty maintenance pool: a test asks what is there, no customer is lost.
   */
  hold(held: Held): boolean {
    if (this.#mayBeElsewhere()) return false
    return this.#held.offer(held)
  }

  /** Forgets a waiting request, whose client went away. */
  unhold(held: Held): void {
    this.#held.remove(held)
  }

  /** A member refused a connection: others are preferred for a while. */
  noteRefused(link: InstanceLink): void {
    link.avoidedUntil = this.#clock.monotonic() + limits.avoidMs
  }

  /** What left maintenance went online or for good: whoever waits here waits in the wrong place. */
  #mayBeElsewhere(): boolean {
    return this.name === 'maintenance' && this.isEmpty
  }

  /** A member answers: whoever waits can go. */
  noteReached(link: InstanceLink): void {
    if (link.avoidedUntil !== 0) link.avoidedUntil = 0
    if (!this.#held.isEmpty) this.#held.releaseAll()
  }
}

/** Less under way; among equals, the one that was chosen longer ago. */
function isFreer(link: InstanceLink, other: InstanceLink): boolean {
  const difference = link.underWay - other.underWay
  return difference < 0 || (difference === 0 && link.lastTurn < other.lastTurn)
}

/**
 * 0: ready. 1: not ready by its checks, but for all we know it accepts connections. 2 and 3: the
 * same, but it refused a connection a moment ago, which is newer than what the table says.
 */
function rankOf(link: InstanceLink, now: number): number {
  return (link.isReady ? 0 : 1) + (link.avoidedUntil > now ? 2 : 0)
}
