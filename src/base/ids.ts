import type { Random } from './random.ts'

/** Letters that cannot be mistaken for one another when read aloud (Crockford's base 32). */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** The readable prefix of each kind of id. */
export type IdPrefix = 'i' | 'rel' | 'ro' | 'run' | 'tok' | 'req' | 'find' | 'ex' | 'tl' | 'vol'

/**
 * Makes an id such as `i-7k3m9q2x`: a prefix and eight letters, 40 bits of chance.
 *
 * A collision inside one kind is refused by the store (ids are created with "must be absent").
 */
export function newId(prefix: IdPrefix, random: Random): string {
  let id = `${prefix}-`
  for (const byte of random.bytes(8)) id += alphabet[byte & 31]
  return id
}
