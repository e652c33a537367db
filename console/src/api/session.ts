import type { SessionView } from '../../../src/wire/api.ts'
import { callApi } from './client.ts'

/** Signing in and out: the token goes to the server once, and a cookie that scripts cannot read stays. */

/** Why somebody stands before the login, who did not ask for it. */
export type LoginNotice = 'ended' | 'wrong-link'

/** Exchanges a token for a session. */
export function signIn(token: string): Promise<SessionView> {
  return callApi('/v1/session', { method: 'POST', body: { token } })
}

export function signOut(): Promise<void> {
  return callApi('/v1/session', { method: 'DELETE' })
}

let redeeming: Promise<SessionView> | undefined

/**
 * Signs in with the token of `#token=…`, if there is one, and takes the fragment out of the address
 * bar, so that it stays in no history entry. The router begins anew when the address changes: as
 * long as the answer is awaited, each call gets the same promise. Undefined without a token.
 */
export function redeemFragment(): Promise<SessionView> | undefined {
  const { hash, pathname, search } = window.location
  if (!hash.startsWith(tokenPrefix)) return redeeming
  const own = signIn(decoded(hash.slice(tokenPrefix.length))).finally(() => {
    if (redeeming === own) redeeming = undefined
  })
  redeeming = own
  window.history.replaceState(window.history.state, '', pathname + search)
  return own
}

const tokenPrefix = '#token='

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
