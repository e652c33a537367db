import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { systemRandom } from '../base/random.ts'
import { credentialsFrom, noCredentials } from '../base/registry-credentials.ts'
import type { InstanceDriver } from '../parts/instances/driver.ts'
import type { IsolationChoice } from '../drivers/instances/process/isolation.ts'
import { builderProgram, ownPrograms } from './own-programs.ts'

/** What an agent runs instances with: processes always, containers where there is an engine. */

/** Which Docker Engine: `auto` takes the machine's where there is one. */
export type DockerChoice = 'auto' | 'off' | { readonly socketPath: string }

/** Where a Docker Engine listens by itself. */
const usualSocket = '/var/run/docker.sock'

/** The options of a command that say what instances run with. */
export function addDriverOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--docker <engine>', 'what runs images: auto, off or unix:///path')
        .argParser(textOfDocker)
        .default('auto', 'auto: /var/run/docker.sock where it is'),
    )
    .addOption(
      new Option('--isolation <how>', 'what holds processes to their limits: auto or off')
        .argParser(isolationOf)
        .default('auto', 'auto: bubblewrap and control groups, as far as they are there'),
    )
    .option(
      '--registry-config <file>',
      "credentials for registries of images, in the form of Docker's config.json",
    )
}

/** Refused on the command line already, and kept as it is written. */
function textOfDocker(text: string): string {
  dockerOf(text)
  return text
}

export interface DriverChoice {
  readonly dataDir: string
  readonly isolation: IsolationChoice
  readonly docker: DockerChoice
  readonly registryConfig?: string | undefined
  /** Images may be built here, where there is an engine. */
  readonly builds: boolean
  readonly log: Log
}

/** Reads `--isolation`. */
function isolationOf(text: string): IsolationChoice {
  if (text === 'auto' || text === 'off') return text
  throw new InvalidArgumentError('It must be auto or off.')
}

/** The driver of an agent; that of containers is loaded only where it is used. */
export async function openInstanceDriver(choice: DriverChoice): Promise<InstanceDriver> {
  const { dataDir, log, builds } = choice
  const root = join(dataDir, 'containers')
  const socketPath = socketOf(choice.docker, root)
  const config = choice.registryConfig === undefined ? undefined : resolve(choice.registryConfig)
  const { ProcessDriver } = await import('../drivers/instances/process/process-driver.ts')
  const processes = new ProcessDriver({
    root: join(dataDir, 'instances'),
    area: dataDir,
    clock: systemClock,
    machine: {
      path: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
      lang: process.env['LANG'],
      nodeDirectory: dirname(process.execPath),
      programs: ownPrograms(),
      ...(builds && socketPath !== undefined
        ? { builder: builderProgram(socketPath, join(dataDir, 'builds'), config) }
        : {}),
    },
    random: systemRandom,
    isolation: choice.isolation,
  })
  if (socketPath === undefined) return processes
  const [{ DockerDriver }, { ComposedDriver }] = await Promise.all([
    import('../drivers/instances/docker/docker-driver.ts'),
    import('../drivers/instances/composed/composed-driver.ts'),
  ])
  log.info('images run here while the Docker Engine answers', { socketPath })
  const containers = new DockerDriver({
    root,
    socketPath,
    clock: systemClock,
    random: systemRandom,
    credentials: config === undefined ? noCredentials : credentialsFrom(config),
  })
  return new ComposedDriver(processes, containers, builds)
}

/** Undefined: no containers. One that had some goes on asking for their engine. */
function socketOf(docker: DockerChoice, root: string): string | undefined {
  if (docker === 'off') return undefined
  if (docker !== 'auto') return docker.socketPath
  return existsSync(usualSocket) || existsSync(root) ? usualSocket : undefined
}

/** Reads `--docker`. */
export function dockerOf(text: string): DockerChoice {
  if (text === 'auto' || text === 'off') return text
  const socketPath = /^unix:\/\/(\/.{1,100})$/.exec(text)?.[1]
  if (socketPath !== undefined) return { socketPath }
  throw new InvalidArgumentError('It must be auto, off or unix:///path/of/docker.sock.')
}
