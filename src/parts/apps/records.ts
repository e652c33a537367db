import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { appCellName, type AppCell } from '../tenants/model.ts'
import {
  App,
  appKey,
  DestroyedApp,
  destroyedAppKey,
  Release,
  releaseKey,
  type ServiceSpec,
} from './model.ts'

export const appKind: Kind<App> = {
  name: 'app',
  version: 1,
  schema: App,
  keyOf: (app) => appKey(app.at),
  upgraders: {},
  indexes: {},
}

export const releaseKind: Kind<Release> = {
  name: 'release',
  version: 1,
  schema: Release,
  keyOf: (release) => releaseKey(release.at, release.id),
  upgraders: {},
  indexes: { app: (release) => appCellName(release.at) },
}

export const destroyedAppKind: Kind<DestroyedApp> = {
  name: 'destroyed-app',
  version: 1,
  schema: DestroyedApp,
  keyOf: ({ app }) => destroyedAppKey(app.at),
  upgraders: {},
  indexes: {},
}

export function appAt(snapshot: Snapshot, at: AppCell): Entry<App> | undefined {
  return snapshot.get(appKind, appKey(at))
}

/** The build of an image belongs to no release; its id is empty then. */
export function releaseAt(snapshot: Snapshot, at: AppCell, id: string): Release | undefined {
  if (id === '') return undefined
  return snapshot.get(releaseKind, releaseKey(at, id))?.value
}

/** The release that the cell runs, if a first rollout has ended. */
export function currentRelease(snapshot: Snapshot, app: App): Release | undefined {
  return app.releaseId === null ? undefined : releaseAt(snapshot, app.at, app.releaseId)
}

/** A service's spec in a release, if the release has the service. */
export function serviceOf(release: Release | undefined, service: string): ServiceSpec | undefined {
  return release?.services.find((spec) => spec.name === service)
}

/** The releases of an app in a cell, oldest first. */
export function releasesOf(snapshot: Snapshot, at: AppCell): Entry<Release>[] {
  return [...snapshot.find(releaseKind, 'app', appCellName(at))].toSorted(
    (a, b) => a.value.number - b.value.number,
  )
}
