import { availableParallelism, hostname, totalmem } from 'node:os'
import { mkdir, readFile, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../base/clock.ts'
import { Refusal, messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { systemRandom } from '../base/random.ts'
import { systemDisk } from '../base/system-disk.ts'
import { SecretRef } from '../base/secret-ref.ts'
import type { RunningAgent } from '../agent/agent.ts'
import { quantityOf, unitWords } from '../parts/apps/manifest/units.ts'
import type { IsolationChoice } from '../drivers/instances/process/isolation.ts'
import type { Archiver } from '../parts/artifacts/driver.ts'
import { addDriverOptions, dockerOf, openInstanceDriver } from './agent-driver.ts'
import { programVersion } from './program-version.ts'

/** `roadstead agent`: runs the instances that the server assigns to this node. */
export function agentCommand(): Command {
  const command = new Command('agent')
    .description('run the instances of this node, as the server assigns them')
    .option('--server <url>', 'the server', 'http://127.0.0.1:7070')
    .option('--token-file <path>', "the agent's token (tokens/agent in the data folder)")
    .addOption(
      new Option('--node <id>', "this node's id")
        .argParser(nodeIdOf)
        .default(defaultNodeId(), "the machine's name"),
    )
    .option('--zone <name>', 'what fails together with this node', 'local')
    .option('--address <address>', 'where instances listen and others find them', '127.0.0.1')
    .option('--data <folder>', 'where all data is kept (ROADSTEAD_DATA; ./.roadstead)')
    .option('--ports <from-to>', 'ports for instances', portsOf, { from: 21_000, to: 21_999 })
    .option('--cpu <cores>', "cores to give away (the machine's)", numberOf)
    .option('--memory <size>', "memory to give away, such as 4GiB (the machine's)", bytesOf)
    .option(
      '--disk <size>',
      'disk to give away, such as 100GiB (all of it, unless you say)',
      bytesOf,
    )
  return addDriverOptions(command)
    .option('--builds', 'build images here too, with the Docker Engine; not where customers are')
    .option('--label <key=value>', 'say more about this node; repeatable', labelsOf, {})
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .option('--supervised', 'end with the process that started it, and take all instances along')
    .addHelpText('after', closing)
    .action(run)
}

const closing = `
Without --supervised, SIGTERM and SIGINT end the agent alone: its instances run on, and the next
agent takes them over. With it they end too.

Example:
  $ roadstead agent --server https://cloud.example:7070 --zone b --token-file /etc/roadstead/token`

interface Options {
  readonly server: string
  readonly tokenFile?: string
  readonly node: string
  readonly zone: string
  readonly address: string
  readonly data?: string
  readonly ports: { readonly from: number; readonly to: number }
  readonly cpu?: number
  readonly memory?: number
  readonly disk?: number
  readonly docker: string
  readonly isolation: IsolationChoice
  readonly registryConfig?: string
  readonly builds?: boolean
  readonly label: Record<string, string>
  readonly logLevel: string
  readonly supervised?: boolean
}

async function run(options: Options): Promise<void> {
  const dataFolder = resolve(options.data ?? process.env['ROADSTEAD_DATA'] ?? '.roadstead')
  const dataDir = join(dataFolder, 'agent')
  const token = await readToken(options.tokenFile ?? join(dataFolder, 'tokens', 'agent'))
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const [{ openLog }, { startAgent }, { HttpServerClient }] = await Promise.all([
    import('../base/log.ts'),
    import('../agent/agent.ts'),
    import('../agent/server-client.ts'),
  ])
  const log = openLog('agent', options.logLevel)
  const { server: serverUrl, node: nodeId, zone, address, ports, label: labels } = options
  const { docker, isolation, registryConfig } = options
  const agent = await startAgent({
    nodeId,
    zone,
    address,
    ports,
    labels,
    capacity: await capacityOf(options, dataDir),
    client: new HttpServerClient({ serverUrl, nodeId, token }),
    disk: systemDisk,
    dataDir,
    driver: await openInstanceDriver({
      dataDir,
      docker: dockerOf(docker),
      isolation,
      registryConfig,
      builds: options.builds === true,
      log,
    }),
    archiver: lateArchiver,
    clock: systemClock,
    random: systemRandom,
    log,
    version: programVersion,
  })
  stopOnSignals(agent, options.supervised === true, log)
  await agent.ended
  if (process.connected) process.disconnect()
}

/** Loaded at the first pull: an agent whose artifacts are all here never needs it. */
const lateArchiver: Archiver = {
  async pack(directory, target, only) {
    const { tarArchiver } = await import('../drivers/artifacts/tar-archiver.ts')
    return tarArchiver().pack(directory, target, only)
  },
  async unpack(archive, digest, directory) {
    const { tarArchiver } = await import('../drivers/artifacts/tar-archiver.ts')
    await tarArchiver().unpack(archive, digest, directory)
  },
}

/** A supervised agent goes with its supervisor and takes its instances along; others stay. */
function stopOnSignals(agent: RunningAgent, isSupervised: boolean, log: Log): void {
  const stop = (instances: 'keep' | 'end') => (): void => {
    agent.stop({ instances }).catch((error: unknown) => {
      log.error('the agent did not stop cleanly', { error: messageOf(error) })
      process.exit(1)
    })
  }
  const byDefault = stop(isSupervised ? 'end' : 'keep')
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, byDefault)
  if (!isSupervised) return
  process.on('disconnect', byDefault)
  process.on('message', (message: unknown) => {
    const asked = message as { type?: unknown; instances?: unknown } | null
    if (asked?.type === 'stop') stop(asked.instances === 'keep' ? 'keep' : 'end')()
  })
}

async function readToken(path: string): Promise<SecretRef> {
  try {
    return new SecretRef('token/agent', (await readFile(path, 'utf8')).trim())
  } catch (error) {
    throw new Refusal('token-unreadable', `the agent's token cannot be read: ${messageOf(error)}`, {
      path,
      hint: 'name it by --token-file; the server makes one at its first start, in its data folder',
    })
  }
}

/** What the machine has, but for what was overridden. */
async function capacityOf(
  options: Options,
  dataDir: string,
): Promise<{ cpu: number; memoryBytes: number; diskBytes: number }> {
  const { bavail, bfree, blocks, bsize } = await statfs(dataDir)
  // A container's limit where there is one: the machine's memory is not all ours then.
  const constrained = process.constrainedMemory()
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
  return {
    cpu: options.cpu ?? availableParallelism(),
    memoryBytes: options.memory ?? memory,
    // All of the disk that a user may fill, not what is free of it now: what instances have written
    // is reserved for them already, and an agent that starts on a full disk must not count none.
    diskBytes: options.disk ?? (blocks - (bfree - bavail)) * bsize,
  }
}

/** The machine's name, within the letters that an id may have. */
function defaultNodeId(): string {
  const name = hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  return name === '' ? 'node' : name.slice(0, 40)
}

function nodeIdOf(text: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/.test(text)) return text
  throw new InvalidArgumentError('It must be lower-case letters, digits and hyphens.')
}

function portsOf(text: string): { from: number; to: number } {
  const found = /^(\d{1,5})-(\d{1,5})$/.exec(text)
  const [from, to] = [Number(found?.[1]), Number(found?.[2])]
  if (found !== null && from >= 1 && from <= to && to <= 65_535) return { from, to }
  throw new InvalidArgumentError('It must be a range such as 21000-21999.')
}

function numberOf(text: string): number {
  const value = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= 10_000) return value
  throw new InvalidArgumentError('It must be a number of cores, such as 2 or 0.5.')
}

function bytesOf(text: string): number {
  const bytes = quantityOf('size', text) ?? 0
  if (bytes > 0 && Number.isSafeInteger(bytes)) return bytes
  throw new InvalidArgumentError(`It must be ${unitWords.size}.`)
}

function labelsOf(text: string, labels: Record<string, string>): Record<string, string> {
  const found = /^([a-z0-9][a-z0-9./-]{0,62})=(.{0,256})$/.exec(text)
  if (found === null) throw new InvalidArgumentError('It must be key=value.')
  return { ...labels, [found[1] ?? '']: found[2] ?? '' }
}
