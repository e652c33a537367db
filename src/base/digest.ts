import { hash } from 'node:crypto'

/** `sha256:` and 64 hexadecimal digits, the same form as OCI's. */
export type Digest = string

export const digestPattern = '^sha256:[0-9a-f]{64}$'

/** The digest of bytes or of a UTF-8 text. */
export function digestOf(content: Uint8Array | string): Digest {
  return `sha256:${hash('sha256', content)}`
}

/** The digest of plain data: equal data gives an equal digest, whatever the order of its keys. */
export function digestOfData(data: unknown): Digest {
  return digestOf(canonicalJson(data))
}

/** JSON with the keys of every object in order and undefined members left out. */
export function canonicalJson(data: unknown): string {
  return JSON.stringify(data, (_key, value: unknown) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}
