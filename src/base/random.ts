import { randomBytes } from 'node:crypto'

/** Chance comes in through this interface and nowhere else, so that a seed repeats a run. */
export interface Random {
  /** A float in [0, 1). */
  float(): number
  /** `count` bytes; from the system's generator they are fit for keys and tokens. */
  bytes(count: number): Uint8Array
}

/** The system's cryptographic generator. */
export const systemRandom: Random = {
  float: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  bytes: (count) => randomBytes(count),
}

/** A repeatable generator (mulberry32) for tests and simulation; never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    float: next,
    bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)),
  }
}
