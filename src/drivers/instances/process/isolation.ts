import { createHash } from 'node:crypto'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock } from '../../../base/clock.ts'
import { Fault, messageOf } from '../../../base/errors.ts'
import type { Exit, Launch } from '../../../parts/instances/driver.ts'
import {
  bubblewrapArgs,
  enterArgs,
  isWithinRoots,
  placesBeyondRoots,
  sharedView,
  type Cell,
  type Shown,
  type User,
} from './bubblewrap.ts'
import { ControlGroups, memoryKills } from './control-groups.ts'
import { findCommand, type MachineEnvironment } from './environment.ts'
import {
  joinSource,
  ownNetworkArgs,
  passageOf,
  requirePassage,
  tryNetwork,
  type NetworkTools,
} from './own-network.ts'
import { own } from './ownership.ts'
import { seccompFilter, underFilter } from './seccomp.ts'

/**
 * Holds processes to their limits and apart from each other, with what the machine has: bubblewrap
 * for namespaces, control groups for cpu, memory and pids. Each is tried for real when the agent
 * starts; what is missing is said and left out, and the rest holds.
 */

/** `auto` uses what is there; `off` starts plain children. */
export type IsolationChoice = 'auto' | 'off'

/** What holds one run: noted before it starts, so that the next agent knows. */
export interface Confinement {
  readonly run: number
  /** Null: it is a plain child, and sees the machine. */
  readonly user: User | null
  /** The folders of its control groups. */
  readonly groups: readonly string[]
  /** The limit of its memory in bytes; null: none. */
  readonly memoryBytes: number | null
  /** Where it listens in a network of its own; missing: it has the machine's. */
  readonly innerPort?: number
}

/** What control groups hold a process to. */
const controllers = ['memory', 'cpu', 'pids'] as const

/** Instances' users lie in a range that no distribution gives out: 2^24 from here. */
const uidsFrom = 1_879_048_192
const uidsCount = 2 ** 24

/** The trial run of bubblewrap at the agent's start, in ms. */
const trialMs = 10_000

export interface IsolationOptions {
  readonly choice: IsolationChoice
  /** The agent's mark, apart from all others of this machine. */
  readonly owner: string
  readonly root: string
  readonly machine: MachineEnvironment
  readonly clock: Clock
}

interface Namespaces {
  readonly bwrap: string
  readonly nsenter: string
  readonly setpriv: string
  /** Whether the agent can make an instance somebody else. */
  readonly isRoot: boolean
  readonly shared: readonly Shown[]
  /** The file of its filter of calls; undefined: there is none for this kind of machine. */
  readonly filter: string | undefined
}

/** What was found of what the machine can do; a sentence in the place of what it cannot. */
interface Found {
  readonly namespaces: Namespaces | string
  readonly network: NetworkTools | string
  readonly groups: ControlGroups | undefined
}

export class Isolation {
  /** Whether it can give a process a network of its own. */
  get canSeparate(): boolean {
    return typeof this.#network !== 'string'
  }

  /** Whether all that `limits: required` asks for is there. */
  readonly canRequire: boolean
  /** Whether processes see what they are shown, and not the machine. */
  readonly canMount: boolean
  /** One sentence on what is not; undefined: all is. */
  readonly statement: string | undefined
  readonly #options: IsolationOptions
  readonly #namespaces: Namespaces | undefined
  readonly #network: NetworkTools | string
  readonly #groups: ControlGroups | undefined
  readonly #removals = new Set<Promise<void>>()

  private constructor(options: IsolationOptions, found: Found) {
    this.#options = options
    this.#groups = found.groups
    this.#network = found.network
    const { namespaces } = found
    this.#namespaces = typeof namespaces === 'string' ? undefined : namespaces
    this.canMount = this.#namespaces !== undefined
    const held = controllers.filter((one) => found.groups?.controllers.has(one))
    this.canRequire = held.length === controllers.length && this.#namespaces !== undefined
    this.statement = statementOf(options.choice, held, namespaces)
  }

  /** Finds out what this machine can do, by doing it. */
  static async open(options: IsolationOptions): Promise<Isolation> {
    if (options.choice === 'off') {
      const network = 'its agent runs with --isolation off'
      return new Isolation(options, { namespaces: 'off', network, groups: undefined })
    }
    const [namespaces, groups] = await Promise.all([
      tryNamespaces(options),
      ControlGroups.open(options.owner, options.clock),
    ])
    const network = await findNetwork(namespaces, options)
    return new Isolation(options, { namespaces, network, groups })
  }

  /**
   * Makes ready what a run is held by. Faults: `limits-unenforced` and `port-unsupported` for one
   * that requires what is missing here, `mounts-unavailable`, `start-failed`.
   */
  async confine(launch: Launch): Promise<Confinement> {
    const { instanceId, run, build, limitsRequired = false, volumes = [], mounts = [] } = launch
    // A build is our own program: the engine holds its steps to the limits, and it needs the socket.
    const limits = build === undefined ? launch.limits : undefined
    if (mounts.length > 0 && this.#namespaces === undefined) {
      const why = `it mounts files, and this node shows processes nothing of their own: ${this.statement}`
      throw new Fault('mounts-unavailable', why, { retry: 'never' })
    }
    if (limitsRequired && !this.canRequire) {
      const why = `it requires its limits, and this node cannot hold it to them: ${this.statement}`
      throw new Fault('limits-unenforced', why, { retry: 'never' })
    }
    const passage = passageOf(launch)
    requirePassage(passage, this.#network)
    const group =
      limits === undefined ? undefined : { resources: limits, isCpuCeiling: limitsRequired }
    const groups = (await this.#groups?.create(`${instanceId}.${run}`, group)) ?? []
    const isLimited = limits !== undefined && this.#groups?.controllers.has('memory') === true
    return {
      run,
      // What a volume holds is its user's, whichever instance that is.
      user: build === undefined ? this.#userOf(volumes[0]?.id ?? instanceId) : null,
      groups,
      memoryBytes: isLimited ? limits.memoryBytes : null,
      ...(passage === undefined ? {} : { innerPort: passage.inner }),
    }
  }

  /** The script that joins a run's own network to the machine's; undefined: it has the machine's. */
  joinScript(launch: Launch): string | undefined {
    const passage = passageOf(launch)
    const tools = requirePassage(passage, this.#network)
    return passage && tools && joinSource(tools, passage)
  }

  /** The command as it is to be started, `late` before it; its folders are made its own. */
  async command(
    { user, groups, innerPort }: Confinement,
    { instanceId, directory, volumes = [], mounts = [] }: Launch,
    instanceHome: string,
    argv: readonly string[],
    late: readonly string[] = [],
  ): Promise<readonly string[]> {
    if (user === null || this.#namespaces === undefined) return argv
    this.#refuseUnseen(argv[0] ?? '', directory)
    const [home, tmp] = [join(instanceHome, 'home'), join(instanceHome, 'tmp')]
    const kept = volumes.map(({ path }) => path)
    if (user.is === 'own') for (const folder of [home, tmp, ...kept]) await own(folder, user.uid)
    const names = await writeNames(instanceHome, user, home)
    const hostname = instanceId
    const more = innerPort === undefined ? [] : ownNetworkArgs
    const places = { directory, home, tmp, volumes: kept, mounts }
    const cell: Cell = { hostname, user, ...places, ...names, groups, more }
    return inside(this.#namespaces, cell, [...late, ...argv])
  }

  /** A command as it is to be started beside a run: in its groups and its namespaces. */
  enter(confinement: Confinement, init: number | undefined, argv: readonly string[]): string[] {
    const { user, innerPort } = confinement
    if (user === null || init === undefined || this.#namespaces === undefined) return [...argv]
    return [this.#namespaces.nsenter, ...enterArgs(init, user, innerPort !== undefined), ...argv]
  }

  /** How a run ended, and whether that was the limit's doing. */
  exitOf(confinement: Confinement | undefined, exit: Exit): Exit {
    const { memoryBytes = null, groups = [] } = confinement ?? {}
    if (memoryBytes === null || exit.code === 0 || memoryKills(groups) === 0) return exit
    return { ...exit, memoryLimit: memoryBytes }
  }

  /** A run is over: its groups go when the kernel lets them, and nobody waits for that. */
  release({ groups }: Confinement): void {
    const removal = this.#groups?.remove(groups) ?? Promise.resolve()
    this.#removals.add(removal)
    void removal.finally(() => this.#removals.delete(removal))
  }

  /** What nothing runs in is removed, and made again by whoever comes next. */
  async close(): Promise<void> {
    await Promise.all(this.#removals)
    await this.#groups?.close()
  }

  /** Removes groups that an earlier agent of this data folder left. */
  async sweep(inUse: readonly Confinement[]): Promise<void> {
    await this.#groups?.sweep(new Set(inUse.flatMap(({ groups }) => groups)))
  }

  #userOf(id: string): User | null {
    if (this.#namespaces === undefined) return null
    const { setpriv, isRoot } = this.#namespaces
    if (!isRoot) return { is: 'the-agents', setpriv }
    const hash = createHash('sha256').update(`${this.#options.owner}/${id}`).digest()
    return { is: 'own', uid: uidsFrom + (hash.readUInt32BE() % uidsCount), setpriv }
  }

  /** What the manifest names by its path has to be where the instance can see it. */
  #refuseUnseen(file: string, directory: string): void {
    const places = [directory, ...placesOf(this.#options.machine)]
    if (isWithinRoots(file) || places.some((place) => file.startsWith(`${place}/`))) return
    if (file === process.execPath) return
    const why = `${file}: an isolated instance sees /usr, /opt, its artifact and the agent's PATH`
    throw new Fault('command-not-found', why, { retry: 'never' })
  }
}

function statementOf(
  choice: IsolationChoice,
  held: readonly string[],
  namespaces: Namespaces | string,
): string | undefined {
  if (choice === 'off') return 'its limits are not enforced: its agent runs with --isolation off'
  const missing = controllers.filter((one) => !held.includes(one))
  const parts: string[] = []
  if (missing.length > 0) {
    const why = 'its agent may not make control groups for it'
    parts.push(`not enforced: ${missing.join(', ')} (${why})`)
  }
  if (typeof namespaces === 'string') parts.push(`it sees the whole machine (${namespaces})`)
  return parts.length === 0 ? undefined : parts.join('; ').slice(0, statementMax)
}

/** Characters: what an agent may say of an instance. */
const statementMax = 250

/** Folders beyond /usr that every instance sees: the pinned Node's, and those of the search path. */
function placesOf(machine: MachineEnvironment): string[] {
  const programs = [...(machine.programs?.values() ?? [])].flatMap(({ reads = [] }) => reads)
  const path = machine.path.split(delimiter).filter((place) => place !== '' && !isPrivate(place))
  return placesBeyondRoots([...new Set([machine.nodeDirectory, ...path, ...programs])])
}

/** What npm puts in front of the path is left out of it, and of what is seen. */
function isPrivate(place: string): boolean {
  return place.includes('/node_modules/')
}

/** The tools, or one sentence on why they cannot be used. */
async function tryNamespaces(options: IsolationOptions): Promise<Namespaces | string> {
  const { machine, root } = options
  const isRoot = process.getuid?.() === 0
  const find = (name: string): Promise<string> =>
    findCommand(name, `${machine.path}${delimiter}/usr/bin${delimiter}/usr/sbin`, '/bin')
  try {
    const [bwrap, nsenter, setpriv] = await Promise.all([
      find('bwrap'),
      find('nsenter'),
      find('setpriv'),
    ])
    const shared = sharedView(placesOf(machine), isRoot ? 'own' : 'the-agents')
    const filter = await writeFilter(root)
    const namespaces = { bwrap, nsenter, setpriv, isRoot, shared, filter }
    await trial(namespaces, root)
    return namespaces
  } catch (error) {
    return lastLine(messageOf(error))
  }
}

/** The tools of a network of its own, or one sentence on why there is none. */
async function findNetwork(
  namespaces: Namespaces | string,
  { machine, root }: IsolationOptions,
): Promise<NetworkTools | string> {
  if (typeof namespaces === 'string') return namespaces
  const { bwrap, nsenter, isRoot } = namespaces
  try {
    const pasta = await findCommand('pasta', `${machine.path}${delimiter}/usr/bin`, '/bin')
    const tools = { pasta, nsenter, isRoot }
    const user = isRoot ? [] : ['--unshare-user']
    await tryNetwork(tools, [bwrap, ...user, '--ro-bind', '/', '/'], root)
    return tools
  } catch (error) {
    return lastLine(messageOf(error))
  }
}

/** A command as it starts in namespaces of its own, under the filter of calls. */
function inside(
  { bwrap, shared, filter }: Namespaces,
  cell: Cell,
  argv: readonly string[],
): readonly string[] {
  const bare = [bwrap, ...bubblewrapArgs(shared, cell), ...argv]
  return filter === undefined ? bare : underFilter(filter, bare)
}

async function writeFilter(root: string): Promise<string | undefined> {
  const filter = seccompFilter(process.arch)
  if (filter === undefined) return undefined
  const file = join(root, '.calls.bpf')
  // By rename: a start may be reading the one of an earlier agent.
  await writeFile(`${file}.new`, filter, { mode: 0o600 })
  await rename(`${file}.new`, file)
  return file
}

/** Starts `true` as an instance would be started. */
async function trial(namespaces: Namespaces, root: string): Promise<void> {
  const { setpriv, isRoot } = namespaces
  const folder = await mkdtemp(join(root, '.trial-'))
  try {
    const [home, tmp] = [join(folder, 'home'), join(folder, 'tmp')]
    const uid = uidsFrom + uidsCount - 1
    const user: User = isRoot ? { is: 'own', uid, setpriv } : { is: 'the-agents', setpriv }
    for (const one of [home, tmp]) {
      await mkdir(one)
      if (user.is === 'own') await own(one, uid)
    }
    const names = await writeNames(folder, user, home)
    const rest = { volumes: [], mounts: [], groups: [] }
    const cell = { hostname: 'trial', user, directory: '/usr', home, tmp, ...names, ...rest }
    const [file = '', ...args] = inside(namespaces, cell, ['/bin/sh', '-c', ': >"$0/tried"', tmp])
    await promisify(execFile)(file, args, { timeout: trialMs, env: {} })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

/** The machine's users and one more, so that a program finds out its own name. */
async function writeNames(
  instanceHome: string,
  user: User,
  home: string,
): Promise<{ passwd: string; group: string }> {
  const [passwd, group] = [join(instanceHome, 'passwd'), join(instanceHome, 'group')]
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
  const uid = user.is === 'own' ? user.uid : undefined
  const line = uid === undefined ? '' : `instance:x:${uid}:${uid}:instance:${home}:/bin/sh\n`
  const names = uid === undefined ? '' : `instance:x:${uid}:\n`
  await writeFile(passwd, `${await read('/etc/passwd')}${line}`, { mode: 0o644 })
  await writeFile(group, `${await read('/etc/group')}${names}`, { mode: 0o644 })
  return { passwd, group }
}
