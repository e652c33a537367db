import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { Token, tokenKey } from './model.ts'

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
