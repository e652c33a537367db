import { Refusal } from '../../base/errors.ts'
import type { Snapshot } from '../../store/port.ts'
import type { ServiceSpec } from '../apps/model.ts'
import type { AppCell } from '../tenants/model.ts'
import type { Volume } from './model.ts'
import { spokenVolume, volumesOf } from './records.ts'

/** What a deploy says of volumes, and how many an app may have. */

/** Volumes of an app in a cell at the most, those included that nothing uses any more. */
export const volumesMax = 64

type Mounting = Pick<ServiceSpec, 'name' | 'volumes'>

/** Refusal `volumes-too-many`: each name that a manifest ever gave is kept. */
export function refuseManyVolumes(
  snapshot: Snapshot,
  at: AppCell,
  services: readonly Mounting[],
): void {
  const known = volumesOf(snapshot, at)
  const count = known.length + freshIn(services, known.map(valueOf)).length
  if (count <= volumesMax) return
  const message = `${at.app} would have ${count} volumes; ${volumesMax} are the most`
  throw new Refusal('volumes-too-many', message, {
    status: 422,
    path: 'services',
    hint: 'name volumes as before; those that no service names any more go with their app alone',
  })
}

/** What people should know of the volumes of a release before it goes out. */
export function notesOnVolumes(
  snapshot: Snapshot,
  at: AppCell,
  services: readonly Mounting[],
): string[] {
  const known = volumesOf(snapshot, at).map(valueOf)
  const unused = known.filter((volume) => !services.some((one) => mounts(one, volume)))
  const begun = freshIn(services, known).filter(({ service }) =>
    known.some((volume) => volume.service === service),
  )
  return [
    ...unused.map((volume) => `the volume ${spokenVolume(volume)} is kept, and nothing uses it`),
    ...begun.map(({ service, name }) => `the volume ${name} of ${service} begins empty`),
  ]
}

function valueOf({ value }: { readonly value: Volume }): Volume {
  return value
}

function mounts({ name, volumes = [] }: Mounting, volume: Volume): boolean {
  return name === volume.service && volumes.some((one) => one.name === volume.name)
}

/** Volumes of a release that are not there yet. */
function freshIn(
  services: readonly Mounting[],
  known: readonly Volume[],
): { readonly service: string; readonly name: string }[] {
  return services.flatMap(({ name: service, volumes = [] }) =>
    volumes
      .filter(({ name }) => !known.some((one) => one.service === service && one.name === name))
      .map(({ name }) => ({ service, name })),
  )
}
