import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { assert } from '../../../base/errors.ts'
import type { Random } from '../../../base/random.ts'
import type { Exit, Launch } from '../../../parts/instances/driver.ts'
import { splitEnvironment } from './early-environment.ts'
import { findCommand, type MachineEnvironment } from './environment.ts'
import { Isolation, type Confinement, type IsolationChoice } from './isolation.ts'
import { insideOf, type Inside, type ProcessTable } from './process-table.ts'
import { enterSource } from './shim.ts'
import type { ShimNote, StateFiles } from './state-files.ts'

/** An instance's present run. */
export interface Run {
  readonly launch: Launch
  /** What holds it; undefined: nothing, it was started before there was anything. */
  readonly confinement: Confinement | undefined
  /** SIGKILL was sent by this driver. */
  isEnding: boolean
  note: ShimNote | undefined
  exit: Exit | undefined
}

/** A run that has not begun. */
export const freshRun = { note: undefined, exit: undefined, isEnding: false } as const

export interface HoldingOptions {
  readonly isolation: IsolationChoice
  readonly machine: MachineEnvironment
  readonly clock: Clock
  readonly random: Random
}

/** What the driver's runs are held by, and the way into it. */
export class Holding {
  readonly #files: StateFiles
  readonly #options: HoldingOptions
  readonly #enter: string
  #isolation: Isolation | undefined

  constructor(files: StateFiles, options: HoldingOptions) {
    this.#files = files
    this.#options = options
    this.#enter = join(files.root, '.enter.sh')
  }

  /** Whether a process can be held to all of its limits; known once it is open. */
  get canRequire(): boolean {
    return this.#isolation?.canRequire === true
  }

  /** Whether a process can have a network of its own; known once it is open. */
  get canSeparate(): boolean {
    return this.#isolation?.canSeparate === true
  }

  /** Whether a process can be shown files at paths of its own; known once it is open. */
  get canMount(): boolean {
    return this.#isolation?.canMount === true
  }

  get isolation(): Isolation {
    assert(this.#isolation !== undefined, 'nothing starts before the first look at the machine')
    return this.#isolation
  }

  /** Finds out what this machine can do. */
  async open(): Promise<void> {
    const { isolation: choice, machine, clock, random } = this.#options
    const { root } = this.#files
    const owner = await this.#files.owner(random)
    this.#isolation = await Isolation.open({ choice, owner, root, machine, clock })
    await writeFile(this.#enter, enterSource)
  }

  /** Removes groups that earlier agents left, but for those of these runs. */
  async sweep(runs: Iterable<Run>): Promise<void> {
    const confinements = [...runs].map(({ confinement }) => confinement)
    await this.isolation.sweep(confinements.filter((one) => one !== undefined))
  }

  /** A command, and its environment, as it is started in what a run is held by. Fault `command-not-found`. */
  async beside(
    current: Run,
    [name = '', ...args]: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<{ readonly argv: readonly string[]; readonly env: Record<string, string> }> {
    const { confinement, launch } = current
    const file = await findCommand(name, env['PATH'] ?? '', launch.directory)
    const command = [file, ...args]
    if (confinement === undefined) return { argv: command, env: { ...env } }
    const { groups, user } = confinement
    const { early, late } = user === null ? { early: { ...env }, late: [] } : splitEnvironment(env)
    const init = insideOfRun(current)?.init
    const argv = this.isolation.enter(confinement, init, [...late, ...command])
    if (groups.length === 0) return { argv, env: early }
    return { argv: ['/bin/sh', this.#enter, String(groups.length), ...groups, ...argv], env: early }
  }

  /** A run is over, and nobody asks any more how. */
  release(confinement: Confinement | undefined): void {
    if (confinement !== undefined) this.isolation.release(confinement)
  }

  async close(): Promise<void> {
    await this.#isolation?.close()
  }
}

/** What runs in its namespaces; undefined for a plain child. */
export function insideOfRun({ confinement, note }: Run): Inside | undefined {
  const isApart = confinement !== undefined && confinement.user !== null && note !== undefined
  return isApart ? insideOf(note.identity.pid) : undefined
}

/** The sessions of a run's processes, its shim's among them. */
export function sessionsOf(run: Run): number[] {
  if (run.note === undefined) return []
  const { identity, shimPid } = run.note
  return [identity.pid, shimPid, insideOfRun(run)?.init ?? identity.pid]
}

/** The pid of what was started; undefined: it is being made ready. */
export function programOf(run: Run, table: ProcessTable): number | undefined {
  const { identity } = run.note ?? {}
  if (identity === undefined) return undefined
  const isPlain = (run.confinement?.user ?? null) === null
  if (isPlain || !table.isAlive(identity)) return identity.pid
  return insideOfRun(run)?.program
}
