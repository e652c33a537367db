import { readFileSync } from 'node:fs'
import { mkdir, readFile, readdir, rmdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { Fault, messageOf, systemCodeOf } from '../../../base/errors.ts'
import type { Throttled } from '../../../parts/instances/driver.ts'
import type { Resources } from '../../../parts/nodes/model.ts'
import { hierarchiesOf, type Controller, type Hierarchy } from './hierarchies.ts'

/**
 * The kernel's control groups of this agent's instances: one group per run in each hierarchy, all of
 * them below one parent that carries the agent's own mark. Groups of others are never looked at.
 *
 * Version 1 and 2 differ in the names of files alone, and a machine may have both: what a group's
 * folder has is what is written and read, so a group is known by its folder and by nothing else.
 */

/** Processes and threads of one instance at the most: a fork bomb ends there. As for containers. */
const pidsMax = 512

/** Time that a share of a core is counted in, in us, and the least that the kernel takes of it. */
const cpuPeriodUs = 100_000
const cpuQuotaUsMin = 1_000

/** What version 1 counts as one core's worth of weight. */
const sharesOfCore = 1_024

/**
 * All instances together weigh as much as eight processes of the system do: on a busy node they are
 * what the node is there for.
 */
const parentCores = 8

/** A group whose processes have just been killed is busy for a moment: so many looks, so many ms. */
const removeLooks = 50
const removeEveryMs = 20

/** How much of a core, and of the memory, a run may have. */
export interface GroupLimits {
  readonly resources: Resources
  /** Whether `cpu` is a ceiling; otherwise it is a share, and what is idle may be had as well. */
  readonly isCpuCeiling: boolean
}

export class ControlGroups {
  /** What can be held to a limit here. */
  readonly controllers: ReadonlySet<Controller>
  readonly #parents: readonly string[]
  readonly #clock: Clock

  private constructor(parents: ReadonlyMap<string, readonly Controller[]>, clock: Clock) {
    this.#parents = [...parents.keys()]
    this.controllers = new Set([...parents.values()].flat())
    this.#clock = clock
  }

  /** Makes the parents wherever the machine has hierarchies and lets this user into them. */
  static async open(owner: string, clock: Clock): Promise<ControlGroups> {
    const parents = new Map<string, readonly Controller[]>()
    const [mounts, own] = await Promise.all([
      readFile('/proc/self/mountinfo', 'latin1').catch(() => ''),
      readFile('/proc/self/cgroup', 'latin1').catch(() => ''),
    ])
    for (const hierarchy of hierarchiesOf(mounts, own)) {
      const made = await parentIn(hierarchy, `roadstead-${owner}`)
      if (made !== undefined) parents.set(made.parent, made.controllers)
    }
    return new ControlGroups(parents, clock)
  }

  /** The folders of a new group with its limits set; what enters them enters all of them. */
  async create(name: string, limits: GroupLimits | undefined): Promise<string[]> {
    const folders = this.#parents.map((parent) => join(parent, name))
    for (const folder of folders) {
      await mkdir(folder, { recursive: true })
      await setLimits(folder, limits)
    }
    return folders
  }

  /** Removes groups; one that stays busy is left to the next `sweep`. */
  async remove(folders: readonly string[]): Promise<void> {
    for (const folder of folders) {
      for (let look = 1; look <= removeLooks; look++) {
        if (await removeOnce(folder)) break
        await this.#clock.sleep(removeEveryMs)
      }
    }
  }

  /** The kernel removes a parent only when there is nothing in it. */
  async close(): Promise<void> {
    for (const parent of this.#parents) await removeOnce(parent)
  }

  /** Removes what earlier agents of the same mark left, but for the groups that are in use. */
  async sweep(inUse: ReadonlySet<string>): Promise<void> {
    for (const parent of this.#parents) {
      const names = await readdir(parent, { withFileTypes: true }).catch(() => [])
      for (const entry of names) {
        const folder = join(parent, entry.name)
        if (entry.isDirectory() && !inUse.has(folder)) await removeOnce(folder)
      }
    }
  }
}

/** Every process in a group; none when it is gone. */
export function membersOfGroup(folder: string): number[] {
  return read(folder, 'cgroup.procs')
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 1)
}

/** Ends all that is in a group at once, where the kernel can (5.14, version 2); false: it cannot. */
export async function killGroup(folder: string): Promise<boolean> {
  return writeFile(join(folder, 'cgroup.kill'), '1', { flag: 'r+' }).then(
    () => true,
    () => false,
  )
}

/** How many processes of it the kernel has ended at the limit of their memory. */
export function memoryKills(folders: readonly string[]): number {
  return Math.max(
    0,
    ...folders.map((folder) =>
      Math.max(
        numberIn(read(folder, 'memory.oom_control'), 'oom_kill'),
        numberIn(read(folder, 'memory.events'), 'oom_kill'),
      ),
    ),
  )
}

/** Undefined: nothing counts it here. */
export function throttledIn(folders: readonly string[]): Throttled | undefined {
  for (const folder of folders) {
    const stat = read(folder, 'cpu.stat')
    if (!stat.includes('nr_throttled')) continue
    const ms = numberIn(stat, 'throttled_time') / 1e6 + numberIn(stat, 'throttled_usec') / 1e3
    return { periods: numberIn(stat, 'nr_throttled'), ms: Math.round(ms) }
  }
  return undefined
}

interface Parent {
  readonly parent: string
  readonly controllers: readonly Controller[]
}

/** Tries its own group, what it was delegated, then the top: where the kernel allows it. */
async function parentIn(hierarchy: Hierarchy, name: string): Promise<Parent | undefined> {
  const { place, top } = hierarchy
  // A service manager that delegates a group puts the program itself into one of this name.
  const delegated = basename(place) === 'agent' ? [dirname(place)] : []
  for (const candidate of new Set([...delegated, place, top])) {
    const parent = join(candidate, name)
    const controllers = await enable(hierarchy, candidate, parent)
    if (controllers === undefined) continue
    await setWeight(parent, parentCores).catch(() => {})
    return { parent, controllers }
  }
  return undefined
}

/** Undefined: this user may make no groups there, or none that are of use. */
async function enable(
  { version, controllers }: Hierarchy,
  candidate: string,
  parent: string,
): Promise<readonly Controller[] | undefined> {
  try {
    await mkdir(parent, { recursive: true })
  } catch {
    return undefined
  }
  if (version === 1 || controllers.length === 0) return controllers
  const enabled: Controller[] = []
  for (const controller of controllers) {
    const isOn = await turnOn(candidate, controller)
    if (isOn && (await turnOn(parent, controller))) enabled.push(controller)
  }
  if (enabled.length > 0) return enabled
  await removeOnce(parent)
  return undefined
}

/** A group with processes of its own hands nothing down (but for the top one). */
async function turnOn(folder: string, controller: Controller): Promise<boolean> {
  const file = 'cgroup.subtree_control'
  if (read(folder, file).trim().split(' ').includes(controller)) return true
  return write(folder, file, `+${controller}`).catch(() => false)
}

async function setLimits(folder: string, limits: GroupLimits | undefined): Promise<void> {
  await write(folder, 'pids.max', String(pidsMax))
  if (limits === undefined) return
  const { resources, isCpuCeiling } = limits
  const memory = String(resources.memoryBytes)
  await write(folder, 'memory.max', memory)
  await write(folder, 'memory.swap.max', '0')
  await write(folder, 'memory.oom.group', '1')
  await write(folder, 'memory.limit_in_bytes', memory)
  await write(folder, 'memory.memsw.limit_in_bytes', memory)
  await setWeight(folder, resources.cpu)
  if (!isCpuCeiling) return
  const quota = Math.max(Math.round(resources.cpu * cpuPeriodUs), cpuQuotaUsMin)
  await write(folder, 'cpu.max', `${quota} ${cpuPeriodUs}`)
  await write(folder, 'cpu.cfs_period_us', String(cpuPeriodUs))
  await write(folder, 'cpu.cfs_quota_us', String(quota))
}

/** What it gets of a busy machine, beside the others. */
async function setWeight(folder: string, cores: number): Promise<void> {
  const shares = Math.min(Math.max(Math.round(cores * sharesOfCore), 2), 262_144)
  await write(folder, 'cpu.shares', String(shares))
  await write(folder, 'cpu.weight', String(Math.min(Math.max(Math.round(cores * 100), 1), 10_000)))
}

/** False where there is no such file: the group is of the other version, or of other controllers. */
async function write(folder: string, file: string, text: string): Promise<boolean> {
  try {
    await writeFile(join(folder, file), text, { flag: 'r+' })
    return true
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    const why = `the kernel does not take ${file} ${text}: ${messageOf(error)}`
    throw new Fault('start-failed', why, { cause: error })
  }
}

/** False: it is busy still. */
async function removeOnce(folder: string): Promise<boolean> {
  try {
    await rmdir(folder)
    return true
  } catch (error) {
    return systemCodeOf(error) === 'ENOENT'
  }
}

/** A file of a group: the kernel answers from memory. Empty where there is none. */
function read(folder: string, file: string): string {
  try {
    return readFileSync(join(folder, file), 'latin1')
  } catch {
    return ''
  }
}

function numberIn(text: string, name: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1) ?? 0)
}
