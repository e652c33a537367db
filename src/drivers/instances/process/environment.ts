import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { basename, delimiter, join, resolve } from 'node:path'
import { Fault } from '../../../base/errors.ts'
import type { Launch } from '../../../parts/instances/driver.ts'
import type { BuildOrder } from '../../../parts/jobs/model.ts'
import { buildVariables } from '../../../wire/builds.ts'

/** What of the machine's own environment reaches instances. */
export interface MachineEnvironment {
  readonly path: string
  readonly lang: string | undefined
  /** The directory of the pinned Node, which every instance gets as `node`. */
  readonly nodeDirectory: string
  /** What every artifact may name as a command without bringing it along. */
  readonly programs?: ReadonlyMap<string, Program>
  /** What builds images here; missing: nothing does. No command can name it. */
  readonly builder?: Program
}

/** A program of the platform's own. */
interface Program {
  readonly file: string
  /** Before those that a command gives to it. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Files and folders that it needs, beside its own; missing: none. */
  readonly reads?: readonly string[]
}

/**
 * The whole environment of an instance: what it was assigned, and little of the machine's. Nothing of
 * npm's, which comes along when the platform was started by `npm start`.
 */
export function instanceEnvironment(
  assigned: Readonly<Record<string, string>>,
  machine: MachineEnvironment,
  home: string,
): Record<string, string> {
  return {
    PATH: [machine.nodeDirectory, ...machinePaths(machine.path)].join(delimiter),
    HOME: join(home, 'home'),
    TMPDIR: join(home, 'tmp'),
    LANG: machine.lang ?? 'C.UTF-8',
    ...assigned,
  }
}

/** The machine's search path without what npm has put in front of it. */
function machinePaths(path: string): string[] {
  return path.split(delimiter).filter((entry) => entry !== '' && !entry.includes('/node_modules/'))
}

/** What a launch executes: its command, or our own program of a build. Faults as of both. */
export async function commandOf(
  { build, command, directory, limits }: Launch,
  env: Readonly<Record<string, string>>,
  machine: MachineEnvironment,
): Promise<Execution> {
  if (build !== undefined) return buildCommand({ order: build, limits }, env, machine)
  return resolveCommand(command, env, directory, machine)
}

interface Execution {
  readonly argv: readonly string[]
  readonly env: Record<string, string>
}

/**
 * A build as it is executed: by our own program, which is trusted with the engine. Fault
 * `build-unsupported` where none is built.
 */
function buildCommand(
  task: { readonly order: BuildOrder; readonly limits: Launch['limits'] },
  env: Readonly<Record<string, string>>,
  { builder }: MachineEnvironment,
): Execution {
  if (builder === undefined) {
    const why = 'no images are built on this node: its agent runs without --builds'
    throw new Fault('build-unsupported', why, { retry: 'never' })
  }
  const own = { ...builder.env, [buildVariables.order]: JSON.stringify(task) }
  return { argv: [builder.file, ...builder.args], env: { ...env, ...own } }
}

/**
 * A command as it is executed, the file and its arguments, and its environment: the machine's own
 * programs go before those of its search path. Faults as of `findCommand`.
 */
async function resolveCommand(
  [name = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
  directory: string,
  { programs }: MachineEnvironment,
): Promise<Execution> {
  const own = programs?.get(name)
  if (own !== undefined) {
    return { argv: [own.file, ...own.args, ...args], env: { ...env, ...own.env } }
  }
  return { argv: [await findCommand(name, env['PATH'] ?? '', directory), ...args], env }
}

/**
 * Finds what a command names: by its path within the artifact, or in PATH, then in the artifact.
 * Fault `command-not-found`, with a sentence that says where it was looked for.
 */
export async function findCommand(
  name: string,
  searchPath: string,
  directory: string,
): Promise<string> {
  const isPath = name.includes('/')
  const places = isPath
    ? [resolve(directory, name)]
    : [...searchPath.split(delimiter), directory].map((place) => join(place, name))
  let found: string | undefined
  for (const place of places) {
    if (!(await isFile(place))) continue
    if (await isExecutable(place)) return place
    found ??= place
  }
  if (found !== undefined) {
    throw commandFault(`${name} cannot be executed: set its x bit, or name what interprets it`)
  }
  const where = isPath ? 'the artifact has no' : 'there is no'
  const what = isPath ? `\`${name}\`` : `\`${basename(name)}\` in PATH or in the artifact`
  throw commandFault(`${name}: command not found: ${where} ${what}`)
}

function commandFault(message: string): Fault {
  return new Fault('command-not-found', message, { retry: 'never' })
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
