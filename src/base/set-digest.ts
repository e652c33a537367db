import { createHash } from 'node:crypto'

/**
 * A digest of a set of texts in which the order plays no part, so that two who keep the same set
 * can compare it without sending it. It finds mistakes, not forgeries.
 */
export function digestOfSet(parts: Iterable<bigint>): string {
  let sum = 0n
  for (const part of parts) sum = BigInt.asUintN(64, sum + part)
  return sum.toString(16).padStart(16, '0')
}

/** The part that one text has in the digest of its set. */
export function digestPart(text: string): bigint {
  return createHash('sha256').update(text).digest().readBigUInt64BE(0)
}
