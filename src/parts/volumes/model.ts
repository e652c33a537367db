import Type, { type Static } from 'typebox'
import { keyOf, type Key } from '../../base/key.ts'
import { AppCell } from '../tenants/model.ts'

/**
 * Data of a service on the node where its first instance was placed. It is there and nowhere else:
 * not copied, not backed up. It goes when its app is destroyed, and for no other reason.
 */
export const Volume = Type.Object({
  id: Type.String(),
  at: AppCell,
  service: Type.String(),
  /** Names it within its service. */
  name: Type.String(),
  /** Writer: scheduling, once. */
  nodeId: Type.String(),
  /** Its agent has made it: from then on it has to be there. Writer: the agent's reports. */
  made: Type.Boolean(),
  createdAt: Type.Number(),
  /** Its app is destroyed: it goes once nothing uses it. Writer: the destroy route. */
  doomed: Type.Optional(Type.Object({ at: Type.Number(), by: Type.String() })),
})
export type Volume = Static<typeof Volume>

export function volumeKey({ tenant, environment, app }: AppCell, id: string): Key {
  return keyOf({ kind: 'volume', tenant, environment, app, name: id })
}

/** Volumes of each kind in one report; the others are told when the server has heard of these. */
export const volumesToldMax = 200

/** What an agent says of the volumes that it was told of. */
export const VolumeReport = Type.Object({
  /** Ids of those that it has made. */
  made: Type.Array(Type.String({ maxLength: 64 }), { maxItems: volumesToldMax }),
  /** Ids of those that were to go, and are gone. */
  gone: Type.Array(Type.String({ maxLength: 64 }), { maxItems: volumesToldMax }),
})
export type VolumeReport = Static<typeof VolumeReport>
