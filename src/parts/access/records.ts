import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { Session, sessionKey, Token, tokenKey } from './model.ts'

export const tokenKind: Kind<Token> = {
  name: 'token',
  version: 1,
  schema: Token,
  keyOf: (token) => tokenKey(token.id),
  upgraders: {},
  indexes: { hash: (token) => token.hash },
}

/** The token whose sha256 is `hash`, if there is one. */
export function tokenByHash(snapshot: Snapshot, hash: string): Entry<Token> | undefined {
  const [entry] = snapshot.find(tokenKind, 'hash', hash)
  return entry
}

/** Sessions are records, so that a console stays logged in when the server is started again. */
export const sessionKind: Kind<Session> = {
  name: 'session',
  version: 1,
  schema: Session,
  keyOf: (session) => sessionKey(session.id),
  upgraders: {},
  indexes: { token: (session) => session.tokenId },
}
