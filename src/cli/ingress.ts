import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { systemClock, type Clock } from '../base/clock.ts'
import { messageOf, Refusal } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { systemRandom, type Random } from '../base/random.ts'
import { systemDisk } from '../base/system-disk.ts'
import { SecretRef } from '../base/secret-ref.ts'
import type { RunningIngress } from '../ingress/ingress.ts'
import { edgeSettingsOf, withEdgeOptions, type EdgeOptions } from './ingress-options.ts'
import type { IngressDriver } from '../parts/ingress/driver.ts'

/** `roadstead ingress`: carries the requests of this node to the instances behind them. */
export function ingressCommand(): Command {
  const command = new Command('ingress')
    .description('carry requests to instances: the public port, and the listeners of this node')
    .option('--server <url>', 'the server', 'http://127.0.0.1:7070')
    .option('--token-file <path>', "the ingress's token (tokens/ingress in the data folder)")
    .option('--id <id>', 'this ingress among all', idOf, 'local')
    .addOption(
      new Option(
        '--driver <driver>',
        'what carries the requests; auto: HAProxy where it can be used',
      )
        .choices(['auto', 'builtin', 'haproxy'])
        .default('builtin'),
    )
    .option('--data <folder>', 'where all data is kept (ROADSTEAD_DATA; ./.roadstead)')
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .option('--supervised', 'end with the process that started it')
    .addHelpText('after', closing)
    .action(run)
  return withEdgeOptions(command)
}

const closing = `
It serves from the last table that it knew, also while the server is away. SIGTERM and SIGINT end it
once the requests under way have ended, after 10 s at the latest.

Example:
  $ roadstead ingress --server https://cloud.example:7070 --id edge-1 --listen 0.0.0.0:80
  $ roadstead ingress --listen 0.0.0.0:80 --tls-listen 0.0.0.0:443 --certificates /etc/certificates
  $ roadstead ingress --rate-limit 200/s --connections-per-client 100 --deny 203.0.113.0/24`

type DriverName = 'auto' | 'builtin' | 'haproxy'

interface Options extends EdgeOptions {
  readonly server: string
  readonly tokenFile?: string
  readonly id: string
  readonly driver: DriverName
  readonly data?: string
  readonly logLevel: string
  readonly supervised?: boolean
}

/** Requests under way are waited for so long at the end, in ms. */
const graceMs = 10_000

async function run(options: Options): Promise<void> {
  const dataFolder = resolve(options.data ?? process.env['ROADSTEAD_DATA'] ?? '.roadstead')
  const token = await readToken(options.tokenFile ?? join(dataFolder, 'tokens', 'ingress'))
  const [{ openLog }, { startIngress }, { openServerLink }] = await Promise.all([
    import('../base/log.ts'),
    import('../ingress/ingress.ts'),
    import('../ingress/server-link.ts'),
  ])
  const log = openLog('ingress', options.logLevel)
  const world = { clock: systemClock, random: systemRandom, log }
  const ingress = await startIngress({
    ...world,
    link: openServerLink({ serverUrl: options.server, ingressId: options.id, token }),
    disk: systemDisk,
    dataDir: join(dataFolder, 'ingress'),
    ...edgeSettingsOf(options),
    driver: await openDriver(options.driver, join(dataFolder, 'ingress', 'haproxy'), world),
  })
  if (process.connected)
    process.send?.({ type: 'listening', port: ingress.publicPort, ...ingress.ports })
  endOnSignals(ingress, options.supervised === true, log)
}

/** The driver that was asked for; the built-in one, said once, where HAProxy cannot be used. */
async function openDriver(
  name: DriverName,
  folder: string,
  world: { readonly clock: Clock; readonly random: Random; readonly log: Log },
): Promise<IngressDriver> {
  if (name !== 'builtin') {
    const { whyUnusable } = await import('../drivers/ingress/haproxy/machine.ts')
    const because = whyUnusable()
    if (because === undefined) {
      const { haproxyIngress } = await import('../drivers/ingress/haproxy/haproxy-ingress.ts')
      world.log.info('HAProxy carries the requests')
      return haproxyIngress({ ...world, folder })
    }
    if (name === 'haproxy') world.log.warn('the built-in ingress serves instead', { because })
    else world.log.info('the built-in ingress serves', { because })
  }
  const { builtinIngress } = await import('../drivers/ingress/builtin/builtin-ingress.ts')
  return builtinIngress(world)
}

/** The first signal ends it in order; a second one is the impatient user's, and ends it now. */
function endOnSignals(ingress: RunningIngress, isSupervised: boolean, log: Log): void {
  let isEnding = false
  const end = (): void => {
    if (isEnding) process.exit(0)
    isEnding = true
    ingress.close(graceMs).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('the ingress did not end cleanly', { because: messageOf(error) })
        process.exit(1)
      },
    )
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end)
  // Its supervisor is gone, and nobody would start it again: the port must be free for the next.
  if (isSupervised) process.on('disconnect', () => process.exit(0))
}

async function readToken(path: string): Promise<SecretRef> {
  try {
    return new SecretRef('token/ingress', (await readFile(path, 'utf8')).trim())
  } catch (error) {
    throw new Refusal(
      'token-unreadable',
      `the ingress's token cannot be read: ${messageOf(error)}`,
      {
        path,
        hint: 'name it by --token-file; the server makes one at its first start, in its data folder',
      },
    )
  }
}

function idOf(text: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/.test(text)) return text
  throw new InvalidArgumentError('It must be lower-case letters, digits and hyphens.')
}
