import { InvalidArgumentError, type Command } from 'commander'
import type { Address, IngressSettings } from '../parts/ingress/driver.ts'

/** The options of `roadstead ingress` that say where it serves whom. */
export interface EdgeOptions {
  readonly listen: Address
  readonly port?: number
  readonly privateListen?: Address
  readonly adminListen?: Address
  readonly defaultHost?: string
}

export function withEdgeOptions(command: Command): Command {
  return command
    .option('--listen <host:port>', 'the public address', addressOf, {
      host: '127.0.0.1',
      port: 8_080,
    })
    .option('--port <port>', 'the public port, in place of the one in --listen', portOf)
    .option('--private-listen <host:port>', 'where private routes are served', addressOf)
    .option('--admin-listen <host:port>', 'where admin routes are served', addressOf)
    .option('--default-host <host>', 'serve hosts that no route names as this one')
}

export function edgeSettingsOf(options: EdgeOptions): IngressSettings {
  const { listen, port, privateListen, adminListen, defaultHost } = options
  return {
    publicAddress: { ...listen, port: port ?? listen.port },
    privateAddress: privateListen,
    adminAddress: adminListen,
    defaultHost,
  }
}

function addressOf(text: string): Address {
  const found = /^(?:(\[[0-9a-f:.]+\]|[^\s:[\]]+):)?(\d{1,5})$/i.exec(text)
  const port = Number(found?.[2])
  if (found !== null && port <= 65_535) {
    return { host: (found[1] ?? '127.0.0.1').replace(/^\[|\]$/g, ''), port }
  }
  throw new InvalidArgumentError('It must be an address such as 127.0.0.1:8080.')
}

function portOf(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It must be a port from 0 to 65535; 0 is any free one.')
}
