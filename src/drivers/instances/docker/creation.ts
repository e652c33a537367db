import { resolve } from 'node:path'
import { Fault } from '../../../base/errors.ts'
import type { ImageRef } from '../../../parts/artifacts/model.ts'
import type { Launch, LaunchMount } from '../../../parts/instances/driver.ts'
import { containerSpec } from './container-spec.ts'
import type { Containers } from './containers.ts'
import { wordsOf, type EngineAnswer } from './engine.ts'
import { nameOf, type ImageConfig } from './images.ts'
import type { Networks } from './networks.ts'
import type { Volumes } from './volumes.ts'

/** What a container is made with. */
export interface CreationOptions {
  readonly owner: string
  readonly containers: Containers
  readonly networks: Networks
  readonly volumes: Volumes
}

/** How much a writable root may hold is known of the engine once it has refused a bound. */
export interface RootBound {
  canBound: boolean
}

export interface Created {
  readonly containerId: string
  /** Its root is writable and as large as the disk of its node. */
  readonly isUnbounded: boolean
}

/** Makes the container of a launch, in its networks and with its volumes; it does not run yet. */
export async function createContainer(
  launch: Launch,
  place: { readonly network: string; readonly image: ImageRef },
  options: CreationOptions,
  bound: RootBound,
): Promise<Created> {
  const { owner, containers, networks, volumes } = options
  const { instanceId, run, container = {} } = launch
  const name = `roadstead-${owner.slice(0, 6)}-${instanceId}-${run}`
  const kept = await volumes.mounts(launch.volumes ?? [])
  const mounts = [...kept, ...(launch.mounts ?? []).map(shownFile)]
  const known = { owner, network: place.network, image: nameOf(place.image), mounts }
  const diskBytes = container.writable === true ? launch.limits?.diskBytes : undefined
  const bounded = async (): Promise<string | undefined> => {
    if (diskBytes === undefined || !bound.canBound) return undefined
    const spec = await containerSpec(launch, { ...known, rootBytesMax: diskBytes })
    const id = await containers.tryCreate(name, spec)
    bound.canBound = id !== undefined
    return id
  }
  const found = await bounded()
  const containerId = found ?? (await containers.create(name, await containerSpec(launch, known)))
  const { network } = container
  try {
    if (network !== undefined) await networks.join(containerId, network.app, network.alias)
  } catch (error) {
    await containers.remove(containerId).catch(() => undefined)
    throw error
  }
  return { containerId, isUnbounded: container.writable === true && found === undefined }
}

/** The one way by which something of the node is seen: read-only, and only what a release brought. */
function shownFile({ source, path }: LaunchMount): object {
  const BindOptions = { Propagation: 'rprivate' }
  return { Type: 'bind', Source: resolve(source), Target: path, ReadOnly: true, BindOptions }
}

/** What people should know of how it runs; empty: nothing. */
export function remarkOf(launch: Launch, { user }: ImageConfig, isUnbounded: boolean): string {
  const { capabilities = [], writable, user: given } = launch.container ?? {}
  const bound = isUnbounded ? 'its engine cannot bound it' : 'within its disk'
  const remarks = [
    isRoot(given ?? user) && 'it runs as root in its container: its image names no other user',
    capabilities.length > 0 && `it has the capabilities ${capabilities.join(', ')}`,
    writable === true && `it may write to its root file system (${bound})`,
  ]
  return remarks.filter((remark) => remark !== false).join('; ')
}

export function startFault(answer: EngineAnswer): Fault {
  return new Fault('start-failed', `its container did not start${wordsOf(answer.body)}`)
}

function isRoot(user: string): boolean {
  return /^(?:|root|0)(?::.*)?$/.test(user)
}
