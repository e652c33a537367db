import { InvalidArgumentError, type Command } from 'commander'
import { Refusal } from '../base/errors.ts'
import { quantityOf, unitWords } from '../parts/apps/manifest/units.ts'
import type { Address, IngressSettings, Shield, TlsSettings } from '../parts/ingress/driver.ts'

/** The options of `roadstead ingress` that say where it serves whom. */
export interface EdgeOptions {
  readonly listen: Address
  readonly port?: number
  readonly privateListen?: Address
  readonly adminListen?: Address
  readonly defaultHost?: string
  readonly tlsListen?: Address
  readonly certificates?: string
  readonly redirect: boolean
  readonly hsts: number
  readonly rateLimit?: number
  readonly connectionsPerClient?: number
  readonly deny?: readonly string[]
  readonly bodyLimit?: number
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
    .option('--tls-listen <host:port>', 'where public routes are served by HTTPS', addressOf)
    .option('--certificates <folder>', 'its certificates: NAME.pem, or NAME.crt and NAME.key')
    .option('--no-redirect', 'with TLS: serve the public address too, instead of sending on')
    .option('--hsts <seconds>', 'with TLS: for how long browsers are to stay with it', secondsOf, 0)
    .option('--rate-limit <count/s>', 'requests of one address; further ones get 429', rateOf)
    .option('--connections-per-client <count>', 'of one address at a time', countOf)
    .option('--deny <address...>', 'addresses and networks (CIDR) that get 403')
    .option('--body-limit <size>', 'of one request; larger ones get 413 (1GiB)', bytesOf)
}

export function edgeSettingsOf(options: EdgeOptions): IngressSettings {
  const { listen, port, privateListen, adminListen, defaultHost } = options
  return {
    publicAddress: { ...listen, port: port ?? listen.port },
    privateAddress: privateListen,
    adminAddress: adminListen,
    defaultHost,
    tls: tlsOf(options),
    shield: shieldOf(options),
  }
}

function tlsOf(options: EdgeOptions): TlsSettings | undefined {
  const { tlsListen, certificates, redirect, hsts } = options
  if (tlsListen === undefined && certificates === undefined) return undefined
  if (tlsListen === undefined || certificates === undefined) {
    const missing = tlsListen === undefined ? '--tls-listen' : '--certificates'
    throw new Refusal('tls-incomplete', `TLS needs an address and certificates: ${missing}`, {
      path: missing,
      hint: 'give both, such as --tls-listen 0.0.0.0:443 --certificates /etc/roadstead/certificates',
    })
  }
  return { address: tlsListen, certificates, redirect, hstsSeconds: hsts }
}

/** Undefined when nothing of it was asked for: not every driver can carry one. */
function shieldOf(options: EdgeOptions): Shield | undefined {
  const shield = {
    requestsPerSecond: options.rateLimit,
    connectionsPerClient: options.connectionsPerClient,
    deny: options.deny,
    bodyBytesMax: options.bodyLimit,
  }
  return Object.values(shield).every((value) => value === undefined) ? undefined : shield
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

/** Two years, which is what the lists of browsers ask for, five times over. */
const hstsSecondsMax = 315_360_000

function secondsOf(text: string): number {
  if (/^\d{1,9}$/.test(text) && Number(text) <= hstsSecondsMax) return Number(text)
  throw new InvalidArgumentError('It must be a number of seconds, such as 31536000 for a year.')
}

function rateOf(text: string): number {
  const count = Number(/^(\d{1,7})\/s$/.exec(text)?.[1] ?? 0)
  if (count > 0) return count
  throw new InvalidArgumentError('It must be a count per second such as 200/s.')
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a count from 1 to 999999.')
}

function bytesOf(text: string): number {
  const bytes = quantityOf('size', text) ?? 0
  if (bytes > 0) return bytes
  throw new InvalidArgumentError(`It must be ${unitWords.size}.`)
}
