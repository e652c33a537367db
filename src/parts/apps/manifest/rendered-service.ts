import type { Assets, Capability, Migrate, ServiceSpec, VolumeMount } from '../model.ts'
import { tidyMount } from './check-containers.ts'
import { firstInstances, type FilledHealth, type FilledService } from './cell-view.ts'
import { argumentsOf } from './check-command.ts'
import { neededOf } from './check-service.ts'
import { healthDefaults, migrateDefaults } from './defaults.ts'
import { buildOf, type ImageBuild } from './rendered-build.ts'
import { tidyPath } from './tidy-path.ts'
import { durationOf, sizeOf } from './units.ts'

/** A service as a cell runs it; what is missing is only the artifact made of its source. */
export interface RenderedService extends Omit<ServiceSpec, 'artifact' | 'run' | 'mounts'> {
  /** Null where the image says what runs. */
  readonly run: string[] | null
  readonly image: string | null
  /** The directory to pack, as `sourcesOf` names it; null for an image. */
  readonly source: string | null
  /** What `image` is built from; missing: somebody else builds it. */
  readonly build?: ImageBuild
  /** What its instances see beside; in the order of their paths. */
  readonly mounts: readonly MountedFile[]
}

/** A file or folder that instances see at a path of its own. */
export interface MountedFile {
  /** Inside: absolute. */
  readonly path: string
  /** A file or folder below the manifest's, or what the file holds. */
  readonly from: { readonly file: string } | { readonly content: string }
}

/** A filled service in the units of the model. */
export function serviceOf(name: string, service: FilledService): RenderedService {
  const { run, shell, image, source, cpu, memory, disk, spread, stop, route, env, warmup } = service
  const { migrate, assets, args, port, volumes, capabilities, user, workingDirectory, writable } =
    service
  return {
    name,
    worker: service.worker ?? false,
    run: argumentsOf(run, shell),
    image: image ?? null,
    // The default source is for those that run from a folder.
    source: image !== undefined || source === undefined ? null : tidyPath(source),
    instances: firstInstances(service),
    resources: { cpu, memoryBytes: sizeOf(memory), diskBytes: sizeOf(disk) },
    spread: { zone: spread.zone, node: spread.node },
    health: healthOf(service.health),
    stop: { drainMs: durationOf(stop.drain), graceMs: durationOf(stop.grace) },
    route:
      route === undefined ? null : { host: route.host, path: route.path, expose: route.expose },
    needs: neededOf(service),
    env: { ...env },
    warmup: warmup === undefined ? null : { get: [warmup.get].flat(), times: warmup.times ?? 1 },
    singleton: service.singleton ?? false,
    ...(service.limits === undefined ? {} : { limits: service.limits }),
    ...(migrate === undefined ? {} : { migrate: migrateOf(migrate) }),
    ...(assets === undefined ? {} : { assets: assetsOf(assets) }),
    ...(service.build === undefined ? {} : { build: buildOf(service.build) }),
    ...(args === undefined ? {} : { args: [...args] }),
    ...(port === undefined ? {} : { port }),
    ...(volumes === undefined ? {} : { volumes: volumesOf(volumes) }),
    mounts: mountsOf(service.mounts ?? {}),
    ...(capabilities === undefined ? {} : { capabilities: capabilitiesOf(capabilities) }),
    ...(user === undefined ? {} : { user: String(user) }),
    ...(workingDirectory === undefined ? {} : { workingDirectory: tidyMount(workingDirectory) }),
    ...(writable === true ? { writable } : {}),
  }
}

function volumesOf(volumes: Readonly<Record<string, string>>): VolumeMount[] {
  return Object.entries(volumes).map(([name, path]) => ({ name, path: tidyMount(path) }))
}

/** In one order, so that another order in the file is the same archive. */
function mountsOf(mounts: NonNullable<FilledService['mounts']>): MountedFile[] {
  const found = Object.entries(mounts).map(([path, from]) => ({
    path: tidyMount(path),
    from: typeof from === 'string' ? { file: tidyPath(from) } : { content: from.content },
  }))
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

/** In one order, so that another order in the file rolls nothing. */
function capabilitiesOf(given: readonly Capability[]): Capability[] {
  return [...new Set(given)].toSorted()
}

function assetsOf({ directory, keep }: NonNullable<FilledService['assets']>): Assets {
  return { directory: tidyPath(directory), keepMs: durationOf(keep) }
}

function migrateOf(migrate: NonNullable<FilledService['migrate']>): Migrate {
  const { expand, contract, undo, timeout } = { ...migrateDefaults, ...migrate }
  return {
    expand: argumentsOf(expand),
    contract: argumentsOf(contract),
    undo: argumentsOf(undo),
    timeoutMs: durationOf(timeout),
  }
}

function healthOf(health: FilledHealth | undefined): ServiceSpec['health'] {
  const { every, timeout, passes, fails, startDeadline } = health ?? healthDefaults
  return {
    probe: probeOf(health),
    everyMs: durationOf(every),
    timeoutMs: durationOf(timeout),
    passes,
    fails,
    startDeadlineMs: durationOf(startDeadline),
  }
}

function probeOf(health: FilledHealth | undefined): ServiceSpec['health']['probe'] {
  if (health?.http !== undefined) return { kind: 'http', path: health.http }
  if (health?.tcp !== undefined) return { kind: 'tcp' }
  const run = argumentsOf(health?.exec)
  return run === null ? { kind: 'none' } : { kind: 'exec', run }
}
