import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { KeptPlatform, platformKey } from './model.ts'

export const platformKind: Kind<KeptPlatform> = {
  name: 'platform',
  version: 1,
  schema: KeptPlatform,
  keyOf: () => platformKey,
  upgraders: {},
  indexes: {},
}

/** The operators' file that is in force; undefined: none was applied. */
export function keptPlatform(snapshot: Snapshot): Entry<KeptPlatform> | undefined {
  return snapshot.get(platformKind, platformKey)
}
