import { seededRandom, type Random } from '../src/base/random.ts'

/**
 * Chance of one thing in one world. Each thing has its own, seeded by the world's seed and its name:
 * leaving out one fault or wish does not change the luck of all others, so a story can be shrunk.
 */
export class Chance implements Random {
  readonly #random: Random

  constructor(seed: number, name: string) {
    this.#random = seededRandom(mixed(seed, name))
  }

  float(): number {
    return this.#random.float()
  }

  bytes(count: number): Uint8Array {
    return this.#random.bytes(count)
  }

  /** Whether something of this probability happens. */
  happens(share: number): boolean {
    return this.#random.float() < share
  }

  /** A float from `least` up to `most`. */
  between(least: number, most: number): number {
    return least + this.#random.float() * (most - least)
  }

  /** An integer, both ends included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.#random.float() * (most - least + 1))
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random.float() * items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }
}

/** FNV-1a over the name, begun with the seed. */
function mixed(seed: number, name: string): number {
  let hash = (0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1)) >>> 0
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0
  }
  return hash
}
