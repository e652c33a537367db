/**
 * The one spelling under which a host or a path is looked up. Requests are forwarded as they came;
 * only the choice of the service is made by the canonical form, so that `//api`, `/./api`, `/x/%2e%2e/api`
 * and `/%61pi` meet the service that `/api` meets.
 */

const isPlain = (path: string): boolean => !/\/[/.]|[%\\]/.test(path)

/** The canonical path of a request target: no query, no `//`, `.`, `..`, `\` or needless encoding. */
export function canonicalPath(target: string): string {
  const end = target.search(/[?#]/)
  const path = end === -1 ? target : target.slice(0, end)
  if (isPlain(path)) return path === '' ? '/' : path
  const decoded = path.replace(/%[0-9a-f]{2}/gi, decodeUnreserved).replaceAll('\\', '/')
  const segments: string[] = []
  const parts = decoded.split('/')
  for (const part of parts) {
    if (part === '..') segments.pop()
    else if (part !== '' && part !== '.') segments.push(part)
  }
  const last = parts.at(-1)
  const isFolder = last === '' || last === '.' || last === '..'
  return segments.length === 0 ? '/' : `/${segments.join('/')}${isFolder ? '/' : ''}`
}

/** A host without its port and trailing dot, in lower case; empty when there is none. */
export function canonicalHost(host: string | undefined): string {
  if (host === undefined) return ''
  const end = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':')
  const bare = end <= 0 ? host : host.slice(0, end)
  return (bare.endsWith('.') ? bare.slice(0, -1) : bare).toLowerCase()
}

/** Letters, digits, `-._~` and the backslash: what a careless reader would decode before it looks. */
function decodeUnreserved(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
  return /[\w.~\\-]/.test(character) ? character : encoded
}
