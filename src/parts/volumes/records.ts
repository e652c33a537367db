import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import { Volume, volumeKey } from './model.ts'

export const volumeKind: Kind<Volume> = {
  name: 'volume',
  version: 1,
  schema: Volume,
  keyOf: ({ at, id }) => volumeKey(at, id),
  upgraders: {},
  indexes: {
    id: ({ id }) => id,
    app: ({ at }) => appCellName(at),
    node: ({ nodeId }) => nodeId,
  },
}

/** The volumes of an app in a cell that are to stay. */
export function volumesOf(snapshot: Snapshot, at: AppCell): Entry<Volume>[] {
  return [...everyVolumeOf(snapshot, at)].filter(({ value }) => value.doomed === undefined)
}

/** Those too that are to go: what still runs has them until it ends. */
export function everyVolumeOf(snapshot: Snapshot, at: AppCell): Iterable<Entry<Volume>> {
  return snapshot.find(volumeKind, 'app', appCellName(at))
}

/** All that stand on a node, those included that are to go. */
export function volumesOn(snapshot: Snapshot, nodeId: string): Iterable<Entry<Volume>> {
  return snapshot.find(volumeKind, 'node', nodeId)
}

/** `data of db on node-1`: one in a sentence for people. */
export function spokenVolume({ name, service, nodeId }: Volume): string {
  return `${name} of ${service} on ${nodeId}`
}
