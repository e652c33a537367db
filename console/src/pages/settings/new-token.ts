/** A token and what the server learns of it. */
export interface NewToken {
  readonly token: string
  readonly hash: string
}

/** 256 bits of chance, as in the CLI. */
const tokenBytes = 32

/**
 * Makes a token in the browser, as `roadstead tokens create` makes it in a terminal. Undefined
 * where the page came over plain HTTP from another machine: browsers compute no sha256 there.
 */
export async function newToken(): Promise<NewToken | undefined> {
  if (!isSecureContext) return undefined
  const bytes = crypto.getRandomValues(new Uint8Array(tokenBytes))
  const token = `rst_${base64url(bytes)}`
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0'))
  return { token, hash: `sha256:${hex.join('')}` }
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCodePoint(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
