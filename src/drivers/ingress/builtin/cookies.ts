import type { IncomingMessage } from 'node:http'

/** The cookies that the ingress sets and reads itself; those of apps are none of its business. */

/** A cookie's value in a request; the first one when a client sends several of one name. */
export function cookieOf(req: IncomingMessage, name: string): string | undefined {
  const header = req.headers.cookie
  if (header === undefined || !header.includes(name)) return undefined
  for (const pair of header.split(';')) {
    const end = pair.indexOf('=')
    if (end !== -1 && pair.slice(0, end).trim() === name) return pair.slice(end + 1).trim()
  }
  return undefined
}

/**
 * A Set-Cookie header for the whole host that no script can read. `maxAgeSeconds` undefined: until
 * the browser is closed; 0: the cookie is removed.
 */
export function setCookie(
  name: string,
  value: string,
  options: { readonly isSecure: boolean; readonly maxAgeSeconds?: number },
): string {
  const age = options.maxAgeSeconds === undefined ? '' : `; Max-Age=${options.maxAgeSeconds}`
  return `${name}=${value}; Path=/${age}; HttpOnly; SameSite=Lax${options.isSecure ? '; Secure' : ''}`
}
