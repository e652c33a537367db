import { Command, InvalidArgumentError } from 'commander'
import { quantityOf } from '../parts/apps/manifest/units.ts'
import type { ServerCommandOptions } from './server-wiring.ts'

/** `roadstead server`: the API, the console and the control loops; until it is told to stop. */
export function serverCommand(): Command {
  return new Command('server')
    .description('run the server: the API, the console and all decisions')
    .option('--data <folder>', 'where its data is kept', './.roadstead')
    .option('--host <address>', 'where it listens', '127.0.0.1')
    .option('--port <port>', 'of the API and the console', portOf, 7_070)
    .option('--ingress-url <url>', 'of the public ingress', urlOf, 'http://127.0.0.1:8080')
    .option('--private-url <url>', 'where the ingress serves private routes', urlOf)
    .option('--admin-url <url>', 'where the ingress serves admin routes', urlOf)
    .option('--listener-ports <from-to>', "of the services' local listeners", rangeOf, {
      from: 20_000,
      to: 20_999,
    })
    .option(
      '--singleton-lease <time>',
      'how long a singleton runs on while its node is not heard; it is replaced after that',
      leaseOf,
      30_000,
    )
    .option(
      '--audit-checkpoints <folder>',
      'where signed checkpoints of the audit chain go: best on another disk (default: <data>/audit-checkpoints)',
    )
    .option(
      '--registry-config <file>',
      "credentials for registries of images, in the form of Docker's config.json",
    )
    .option(
      '--registry-http <host:port>',
      'a registry beyond loopback that is spoken to by plain http; repeatable',
      (host: string, before: readonly string[]) => [...before, host],
      [],
    )
    .option('--https', 'browsers reach it by https, through a proxy that ends TLS')
    .option('--log-level <level>', 'debug, info, warn or error', levelOf, 'info')
    .option('--supervised', 'end when the supervisor that started it is gone')
    .action(async (options: ServerCommandOptions) => {
      const { runServer } = await import('./server-wiring.ts')
      await runServer(options)
    })
}

function portOf(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new InvalidArgumentError('It must be a port from 0 to 65535; 0 is any free one.')
}

function rangeOf(text: string): { from: number; to: number } {
  const [from = 0, to = 0] = text.split('-').map(Number)
  const isRange = Number.isInteger(from) && Number.isInteger(to) && from > 0 && from < to
  if (isRange && to <= 65_535) return { from, to }
  throw new InvalidArgumentError('It must be a range of ports such as 20000-20999.')
}

function urlOf(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text).origin
  throw new InvalidArgumentError('It must be an address such as http://127.0.0.1:8080.')
}

function leaseOf(text: string): number {
  const ms = quantityOf('duration', text) ?? 0
  if (ms >= leaseMsMin && ms <= leaseMsMax) return ms
  throw new InvalidArgumentError('It must be a time from 3s to 1h, such as 30s.')
}

/** One report and one that is missed: less, and a singleton would die of a slow answer. */
const leaseMsMin = 3_000
const leaseMsMax = 3_600_000

function levelOf(text: string): string {
  if (['debug', 'info', 'warn', 'error'].includes(text)) return text
  throw new InvalidArgumentError('It must be debug, info, warn or error.')
}
