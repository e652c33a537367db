import { join } from 'node:path'
import type { Addresses } from './addresses.ts'
import { roleEntry } from './entries.ts'
import type { RoleSpec } from './role-process.ts'

/**
 * How each role is started. All data of a role lies in one folder; its options are those that an
 * operator would give it by hand, and `--supervised`.
 */
export function roleSpec(
  name: RoleSpec['name'],
  dataFolder: string,
  addresses: Addresses,
): RoleSpec {
  return {
    name,
    parameters: [
      ...nodeOptions,
      roleEntry(name),
      ...optionsOf(name, dataFolder, addresses),
      '--supervised',
    ],
    logFile: join(dataFolder, 'logs', `${name}.log`),
  }
}

/**
 * A young generation of 1 MB instead of 16: a role allocates little, and three processes with the
 * default would hold 100 MB of memory that is almost all free. Measured in bench/footprint.ts.
 */
const nodeOptions = ['--max-semi-space-size=1', '--no-warnings'] as const

function optionsOf(name: RoleSpec['name'], dataFolder: string, addresses: Addresses): string[] {
  const server = `http://127.0.0.1:${addresses.serverPort}`
  const { listenerPorts, instancePorts } = addresses
  switch (name) {
    case 'server':
      return [
        `--data=${dataFolder}`,
        `--port=${addresses.serverPort}`,
        `--ingress-url=http://127.0.0.1:${addresses.ingressPort}`,
        `--listener-ports=${listenerPorts.from}-${listenerPorts.to}`,
      ]
    case 'agent':
      return [
        `--data=${dataFolder}`,
        `--server=${server}`,
        `--ports=${instancePorts.from}-${instancePorts.to}`,
      ]
    case 'ingress':
      return [`--data=${dataFolder}`, `--server=${server}`, `--port=${addresses.ingressPort}`]
  }
}
