import { isIPv6 } from 'node:net'

/**
 * Under which name a client is counted: its IPv4 address, or the first 64 bits of its IPv6 address,
 * since everybody has all the addresses below those.
 */
export function clientOf(address: string | undefined): string {
  if (address === undefined) return ''
  const bare = plainAddress(address)
  if (!isIPv6(bare)) return bare
  const [head = '', tail] = bare.split('::', 2)
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const all = [...before, ...Array.from({ length: zeros }, () => '0'), ...after]
  return all
    .slice(0, 4)
    .map((part) => Number.parseInt(part, 16).toString(16))
    .join(':')
}

/** An IPv4 address that came over an IPv6 socket is the IPv4 address; zones are left out. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
}
