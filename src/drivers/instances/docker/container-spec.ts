import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Capability } from '../../../parts/apps/model.ts'
import type { ContainerTerms, Launch } from '../../../parts/instances/driver.ts'
import { labels } from './labels.ts'

/**
 * What the engine is asked to create for a launch. Nothing of the host comes in: no path, no
 * socket, no device, no namespace. What an image cannot do so, it cannot do here.
 */

/** Processes and threads of one container at the most: a fork bomb ends there. */
const pidsMax = 512

/** `/tmp` at the most, in bytes; what is in it counts as memory. */
const tmpBytesMax = 64 * 1024 * 1024

/** What a container prints is kept twice so long by the engine, until it is copied. */
const logFile = { 'max-size': '8m', 'max-file': '2' } as const

/** Below it a port takes a capability. */
const freePortMin = 1_024

/** Time that a scheduler's slice of a core is counted in, in us. */
const cpuPeriodUs = 100_000

export interface SpecOptions {
  readonly owner: string
  readonly network: string
  /** The image by its digest, as the engine knows it. */
  readonly image: string
  /** Its volumes; nothing else of the node is ever among them. */
  readonly mounts?: readonly object[]
  /** What a writable root may hold, where the engine can bound it. */
  readonly rootBytesMax?: number
}

/** The body of `POST /containers/create`. */
export async function containerSpec(launch: Launch, options: SpecOptions): Promise<object> {
  const { instanceId, run, env, listen, container = {} } = launch
  const inside = listen === null ? undefined : (container.port ?? listen.port)
  const port = inside === undefined ? undefined : `${inside}/tcp`
  const host = listen === null ? '' : await addressOf(listen.host)
  const variables = { ...env, ...(listen === null ? {} : { HOST: '0.0.0.0' }) }
  return {
    Image: options.image,
    Hostname: instanceId.slice(0, 63),
    ...programOf(launch),
    ...(container.user === undefined ? {} : { User: container.user }),
    ...(container.workingDirectory === undefined ? {} : { WorkingDir: container.workingDirectory }),
    Env: Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    Labels: {
      [labels.owner]: options.owner,
      [labels.instance]: instanceId,
      [labels.run]: String(run),
    },
    // Whether it is well is asked by the manifest's checks alone.
    Healthcheck: { Test: ['NONE'] },
    ...(port === undefined ? {} : { ExposedPorts: { [port]: {} } }),
    HostConfig: {
      ...limitsOf(launch),
      ...lockedDown(inside, container),
      ...(options.rootBytesMax === undefined
        ? {}
        : { StorageOpt: { size: String(options.rootBytesMax) } }),
      NetworkMode: options.network,
      ...(options.mounts === undefined ? {} : { Mounts: options.mounts }),
      ...(port === undefined
        ? {}
        : { PortBindings: { [port]: [{ HostIp: host, HostPort: String(listen?.port) }] } }),
      // A first process that passes signals on and reaps, whatever the image runs.
      Init: true,
      // Only the agent decides what starts again.
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: logFile },
    },
  }
}

/**
 * A command takes the place of the image's entrypoint, whose own arguments are not the command's;
 * arguments alone are for that entrypoint.
 */
function programOf({ command, args }: Launch): object {
  if (command.length > 0) return { Entrypoint: command, Cmd: [] }
  return args === undefined ? {} : { Cmd: args }
}

/** The manifest's cpu and memory; no swap beyond it. */
function limitsOf({ limits }: Launch): object {
  const tmp = Math.min(tmpBytesMax, limits?.memoryBytes ?? tmpBytesMax)
  const shared = { PidsLimit: pidsMax, Tmpfs: { '/tmp': `rw,nosuid,nodev,mode=1777,size=${tmp}` } }
  if (limits === undefined) return shared
  const { cpu, memoryBytes } = limits
  // The engine takes no less than 6 MiB, and no less than a hundredth of a core.
  const memory = Math.max(memoryBytes, 6 * 1024 * 1024)
  const quota = Math.max(Math.round(cpu * cpuPeriodUs), 1_000)
  return { ...shared, Memory: memory, MemorySwap: memory, CpuPeriod: cpuPeriodUs, CpuQuota: quota }
}

function lockedDown(port: number | undefined, terms: ContainerTerms): object {
  const { capabilities = [], writable = false } = terms
  const needsLowPort = port !== undefined && port < freePortMin
  const granted = new Set<Capability>(capabilities)
  if (needsLowPort) granted.add('net_bind_service')
  return {
    ReadonlyRootfs: !writable,
    SecurityOpt: ['no-new-privileges'],
    CapDrop: ['ALL'],
    ...(granted.size === 0 ? {} : { CapAdd: [...granted].map((name) => name.toUpperCase()) }),
    Privileged: false,
    PublishAllPorts: false,
  }
}

/** A port is published at an address; a node may be known by a name. */
async function addressOf(host: string): Promise<string> {
  return isIP(host) === 0 ? (await lookup(host)).address : host
}
