import type { Held } from './hold-queue.ts'
import type { InstanceLink } from './instance-link.ts'
import type { InstancePool } from './instance-pool.ts'

/**
 * Where one request is to go. The pool that it counts in stays the same from its arrival to its end;
 * the instances that it may meet are looked for again at each choice.
 */
export interface Aim {
  /** Its counts are the request's, whichever instance it meets. */
  readonly pool: InstancePool
  /** Nobody is there to be tried at all. */
  readonly isEmpty: boolean
  choose(tried: readonly InstanceLink[], isProbe: boolean): InstanceLink | undefined
  /** Whether the request may go to it now, in the moment before its first byte does. */
  accepts(link: InstanceLink): boolean
  /** Waits for an instance; false when that would be in vain. */
  hold(held: Held): boolean
  unhold(held: Held): void
  /** It answers: whoever waits can go. */
  noteReached(link: InstanceLink): void
}

/** At a pool, with instances for which `isWished` holds before others that are just as fit. */
export function aimAt(pool: InstancePool, isWished?: (link: InstanceLink) => boolean): Aim {
  return {
    pool,
    get isEmpty() {
      return pool.isEmpty
    },
    choose: (tried, isProbe) => pool.choose(tried, isProbe, isWished),
    accepts: (link) => link.pool === pool,
    hold: (held) => pool.hold(held),
    unhold: (held) => pool.unhold(held),
    noteReached: (link) => pool.noteReached(link),
  }
}

/**
 * At the instances of a release that wait in maintenance, and counted there, because whoever has a
 * pass for them is no customer. If they go online meanwhile he follows them, and if they are taken
 * away he meets what customers meet.
 */
export function aimBehindTheScenes(
  maintenance: InstancePool,
  online: InstancePool,
  releaseId: string,
): Aim {
  const isWished = (link: InstanceLink): boolean => link.releaseId === releaseId
  const place = (): InstancePool => (maintenance.links.some(isWished) ? maintenance : online)
  return {
    pool: maintenance,
    get isEmpty() {
      return place().isEmpty
    },
    choose(tried, isProbe) {
      if (place() === online) return online.choose(tried, isProbe, isWished)
      const others = maintenance.links.filter((link) => !isWished(link))
      return maintenance.choose([...tried, ...others], isProbe)
    },
    accepts: (link) => link.pool === online || (link.pool === maintenance && isWished(link)),
    hold: (held) => place().hold(held),
    unhold(held) {
      maintenance.unhold(held)
      online.unhold(held)
    },
    noteReached: (link) => (link.pool === online ? online : maintenance).noteReached(link),
  }
}
