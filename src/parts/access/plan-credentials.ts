import { Refusal } from '../../base/errors.ts'

/** What a request says of its sender, read from its headers; nothing is believed yet. */
export type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'session'; readonly cookie: string }

/** The cookie that the console's session stands in. */
export const sessionCookie = 'roadstead_session'

export type Headers = Readonly<Record<string, string | string[] | undefined>>

/** Longer than any token or cookie of ours: the rest is not even hashed. */
const credentialLengthMax = 256

const bearerPattern = /^Bearer ([\w.~+/=-]+)$/i

/** Reads the credential; a bearer token goes before a cookie. */
export function credentialOf(headers: Headers): Credential {
  const { authorization, cookie } = headers
  if (typeof authorization === 'string') {
    const token = bearerPattern.exec(authorization)?.[1] ?? ''
    return { kind: 'bearer', token: token.length > credentialLengthMax ? '' : token }
  }
  const value = typeof cookie === 'string' ? cookieIn(cookie, sessionCookie) : undefined
  if (value === undefined || value.length > credentialLengthMax) return { kind: 'none' }
  return { kind: 'session', cookie: value }
}

/** The value of one cookie in a Cookie header. */
export function cookieIn(header: string, name: string): string | undefined {
  for (const part of header.split(';')) {
    const [key, value] = part.split('=', 2)
    if (key?.trim() === name) return value?.trim()
  }
  return undefined
}

/**
 * Refuses a request that another site's page makes with the session's cookie.
 *
 * Browsers name the page's origin on every write, and on reads across origins; a write without
 * one does not come from our console.
 */
export function checkOrigin(headers: Headers, scheme: 'http' | 'https', isWrite: boolean): void {
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  const isForeign =
    origin === undefined
      ? isWrite || (site !== undefined && site !== 'same-origin' && site !== 'none')
      : origin !== `${scheme}://${String(host)}`
  if (!isForeign) return
  throw new Refusal('origin-refused', 'this request comes from a page of another origin', {
    status: 403,
    hint: 'use the console of this server, or send a bearer token instead of the cookie',
  })
}

/** The Set-Cookie header that opens a session, or ends it with an empty `value`. */
export function sessionCookieHeader(value: string, lifeMs: number, isSecure: boolean): string {
  const seconds = Math.floor(lifeMs / 1_000)
  const flags = `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`
  return `${sessionCookie}=${value}; ${flags}`
}
