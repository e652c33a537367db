import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { KeptPlatform, platformKey, type Gate } from './model.ts'

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

/** The gate that is in force for an environment; undefined: no platform.yaml in force knows it. */
export function gateAt(snapshot: Snapshot, environment: string): Gate | undefined {
  return keptPlatform(snapshot)?.value.gates[environment]
}
