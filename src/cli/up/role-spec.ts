import { join, resolve } from 'node:path'
import type { Addresses } from './addresses.ts'
import { roleEntry } from './entries.ts'
import type { RoleSpec } from './role-process.ts'

/** What `up` was told of its roles. */
export interface RoleSettings {
  /** The ingress's driver. */
  readonly ingress: string
  /** The agent's Docker Engine. */
  readonly docker: string
  /** What holds the agent's processes to their limits. */
  readonly isolation: string
  readonly registryConfig?: string
  /** Images are built where they run: there is one machine. */
  readonly builds: boolean
}

/**
 * How each role is started. All data of a role lies in one folder; its options are those that an
 * operator would give it by hand, and `--supervised`.
 */
export function roleSpec(
  name: RoleSpec['name'],
  dataFolder: string,
  addresses: Addresses,
  settings: RoleSettings,
): RoleSpec {
  return {
    name,
    parameters: [
      ...(name === 'server' ? serverNodeOptions : nodeOptions),
      roleEntry(name),
      ...optionsOf(name, dataFolder, addresses, settings),
      '--supervised',
    ],
    logFile: join(dataFolder, 'logs', `${name}.log`),
  }
}

/** Whoever comes by the bare address is shown the sample shop, where it is deployed. */
const defaultHost = 'shop.localhost'

/**
 * node:sqlite still says that it is experimental at each start; other warnings are to be seen. No
 * limits of memory but the server's: idle, the four processes take some 150 MB of the 250 that they
 * may, and a small young generation would cost throughput (bench/footprint.ts measures it).
 */
const nodeOptions = ['--disable-warning=ExperimentalWarning'] as const

/**
 * The server's young generation: V8 would let it grow to 128 MiB when 600 agents come at once, and
 * keep it. A third of that stays within the 400 MB that such a server may take; a smaller one would
 * take less again, and make it collect more often.
 */
export const serverNodeOptions = [...nodeOptions, '--max-semi-space-size=16'] as const

function optionsOf(
  name: RoleSpec['name'],
  dataFolder: string,
  addresses: Addresses,
  { ingress, docker, isolation, registryConfig, builds }: RoleSettings,
): string[] {
  const server = `http://127.0.0.1:${addresses.serverPort}`
  const { listenerPorts, instancePorts } = addresses
  const credentials =
    registryConfig === undefined ? [] : [`--registry-config=${resolve(registryConfig)}`]
  switch (name) {
    case 'server':
      return [
        `--data=${dataFolder}`,
        `--port=${addresses.serverPort}`,
        `--ingress-url=http://127.0.0.1:${addresses.ingressPort}`,
        `--private-url=http://127.0.0.1:${addresses.privatePort}`,
        `--admin-url=http://127.0.0.1:${addresses.adminPort}`,
        `--listener-ports=${listenerPorts.from}-${listenerPorts.to}`,
        ...credentials,
      ]
    case 'agent':
      return [
        `--data=${dataFolder}`,
        `--server=${server}`,
        `--ports=${instancePorts.from}-${instancePorts.to}`,
        `--docker=${docker}`,
        `--isolation=${isolation}`,
        ...(builds ? ['--builds'] : []),
        ...credentials,
      ]
    case 'ingress':
      return [
        `--data=${dataFolder}`,
        `--server=${server}`,
        `--port=${addresses.ingressPort}`,
        `--private-listen=127.0.0.1:${addresses.privatePort}`,
        `--admin-listen=127.0.0.1:${addresses.adminPort}`,
        `--default-host=${defaultHost}`,
        `--driver=${ingress}`,
      ]
  }
}
