import type { Random } from '../../../base/random.ts'
import type { Split } from '../../../parts/ingress/model.ts'

/** The name of the side of all instances that are in no group. */
const rest = 'rest'

/** Shares that differ by less are the same: 0.7 + 0.2 + 0.1 is not quite 1. */
const shareEpsilon = 1e-9

/**
 * The sides of a pool while a rollout compares versions: its groups, each with its share of the
 * requests, and the rest. A side is a wish: a request whose side cannot serve it goes to another.
 */
export class Sides {
  readonly isSticky: boolean
  /** Those that get any requests, with their shares, which add up to 1. */
  readonly #shares: readonly (readonly [side: string, share: number])[]
  readonly #sideByInstance: ReadonlyMap<string, string>

  constructor({ groups, sticky }: Split) {
    this.isSticky = sticky
    const given = groups.reduce((sum, { share }) => sum + share, 0)
    const shares: [string, number][] = groups.map(({ name, share }) => [name, share])
    this.#shares = [...shares, [rest, 1 - given] as const].filter(
      ([, share]) => share > shareEpsilon,
    )
    this.#sideByInstance = new Map(
      groups.flatMap(({ name, instanceIds }) => instanceIds.map((id) => [id, name] as const)),
    )
  }

  /** Chance chooses a side, by the shares. */
  draw(random: Random): string {
    let left = random.float()
    for (const [side, share] of this.#shares) {
      if (left < share) return side
      left -= share
    }
    return this.#shares.at(-1)?.[0] ?? rest
  }

  /** Whether customers can be on it: it has a share, however small. */
  has(side: string | undefined): side is string {
    return this.#shares.some(([name]) => name === side)
  }

  sideOf(instanceId: string): string {
    return this.#sideByInstance.get(instanceId) ?? rest
  }
}
