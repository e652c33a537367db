import { join } from 'node:path'
import type { Launch, LaunchMount } from '../parts/instances/driver.ts'
import type { AssignedInstance, AssignedVolume } from '../wire/agent.ts'

/** What one start of an instance depends on, beside its assignment. */
export interface LaunchTerms {
  readonly nodeId: string
  /** Where instances listen: the node's address. */
  readonly address: string
  readonly run: number
  readonly directory: string
  /** Where the archive of what it mounts is unpacked; empty: it mounts nothing. */
  readonly mountsDirectory: string
  /** On the driver's clock of leases; undefined: it has none yet. */
  readonly leaseUntil: number | undefined
}

/** All that the driver has to know to start a run of an instance. */
export function launchOf(assigned: AssignedInstance, terms: LaunchTerms): Launch {
  const { instanceId, port, singleton } = assigned
  const { nodeId, address, run, directory, leaseUntil = 0 } = terms
  const listen = port === null ? null : { host: address, port }
  const app = `${assigned.at.tenant}/${assigned.at.environment}/${assigned.at.app}`
  const whose = (volume: AssignedVolume) => ({ ...volume, app, service: assigned.service })
  const inside = assigned.container?.port ?? port
  return {
    instanceId,
    run,
    command: assigned.run,
    ...(assigned.args === undefined ? {} : { args: assigned.args }),
    directory,
    ...('image' in assigned.artifact ? { image: assigned.artifact } : {}),
    ...(assigned.reaches === undefined ? {} : { reaches: assigned.reaches }),
    ...(assigned.resources === undefined ? {} : { limits: assigned.resources }),
    ...(assigned.limits === undefined ? {} : { limitsRequired: true }),
    ...(assigned.container === undefined ? {} : { container: assigned.container }),
    ...(assigned.build === undefined ? {} : { build: assigned.build }),
    ...(assigned.volumes === undefined ? {} : { volumes: assigned.volumes.map(whose) }),
    ...(assigned.mounts === undefined ? {} : { mounts: mountsOf(assigned, terms) }),
    listen,
    // No singleton starts without its lease: one that has none yet waits while it is pulling.
    ...(singleton === undefined ? {} : { leaseUntil }),
    env: {
      ROADSTEAD_SERVICE: assigned.service,
      ROADSTEAD_RELEASE: assigned.releaseId,
      ...assigned.env,
      // Ours alone to say, and what the whole tree is known by.
      ...(listen === null ? {} : { PORT: String(inside), HOST: listen.host }),
      ROADSTEAD_INSTANCE: instanceId,
      ROADSTEAD_NODE: nodeId,
    },
  }
}

function mountsOf({ mounts }: AssignedInstance, { mountsDirectory }: LaunchTerms): LaunchMount[] {
  const paths = mounts?.paths ?? []
  return paths.map((path) => ({ path, source: join(mountsDirectory, path) }))
}
