import { readdirSync, readlinkSync } from 'node:fs'
import { Fault } from '../../../base/errors.ts'
import { readProc } from '../shared/proc.ts'

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Field 22 of /proc/PID/stat: clock ticks since the boot. */
  readonly started: number
  /** The boot in which it ran. */
  readonly boot: string
}

/** Ticks of /proc per second; 100 on every Linux that we know of. */
const ticksPerSecond = 100

/**
 * The machine's processes, read from /proc. Reads are synchronous: procfs answers from memory, in
 * some 10 us a file, where a detour over the thread pool costs five times that.
 */
export interface ProcessTable {
  /** Whether that very process runs; a zombie does not. */
  isAlive(identity: ProcessIdentity): boolean
  ageMs(identity: ProcessIdentity): number
  /** Every living process of an instance: marked by its environment, or of its session. */
  membersOf(instanceId: string, main: ProcessIdentity | undefined): readonly number[]
  /** Every living process whose environment has `NAME=value`. */
  markedWith(mark: string): readonly number[]
  /** Processes that work in a folder or below it, and are none of `ours`, nor at a terminal. */
  strangersIn(folder: string, ours: Ours): readonly Stranger[]
  /** Whether a pid is still the process that started at that tick of this boot. */
  isSame(pid: number, started: number): boolean
}

/** How the processes of instances are known. */
export interface Ours {
  readonly instanceIds: ReadonlySet<string>
  readonly sessions: ReadonlySet<number>
}

export interface Stranger {
  readonly pid: number
  readonly started: number
  readonly command: string
}

/** Opens /proc; Fault `platform-unsupported` where there is none. */
export function openProcessTable(): ProcessTable {
  const boot = readProc('sys/kernel/random/boot_id')?.trim()
  if (boot === undefined) {
    throw new Fault('platform-unsupported', 'the process driver needs Linux: there is no /proc', {
      retry: 'never',
    })
  }
  const isAlive = (identity: ProcessIdentity): boolean => {
    const stat = identity.boot === boot ? statOf(identity.pid) : undefined
    return stat !== undefined && stat.started === identity.started && !stat.isZombie
  }
  return {
    isAlive,
    ageMs(identity) {
      const uptimeSeconds = Number.parseFloat(readProc('uptime') ?? '0')
      return Math.max(0, (uptimeSeconds - identity.started / ticksPerSecond) * 1_000)
    },
    membersOf(instanceId, main) {
      const session = main?.boot === boot && isOurs(main) ? main.pid : undefined
      const mark = `ROADSTEAD_INSTANCE=${instanceId}\0`
      return allPids().filter((pid) => pid !== process.pid && isMember(pid, mark, session))
    },
    markedWith(mark) {
      const own = process.pid
      return allPids().filter((pid) => pid !== own && isMember(pid, `${mark}\0`, undefined))
    },
    strangersIn(folder, ours) {
      return allPids().flatMap((pid) => strangerIn(pid, folder, ours) ?? [])
    },
    isSame: (pid, started) => statOf(pid)?.started === started,
  }
}

/** A process that works in the folder and has nothing to do with us; a person's shell is left alone. */
function strangerIn(pid: number, folder: string, ours: Ours): Stranger | undefined {
  const place = placeOf(pid)
  if (place === undefined || (place !== folder && !place.startsWith(`${folder}/`))) return undefined
  const stat = statOf(pid)
  if (stat === undefined || stat.isZombie || stat.hasTerminal) return undefined
  if (pid === process.pid || stat.parent === process.pid || ours.sessions.has(stat.session)) {
    return undefined
  }
  const mark = /(?:^|\0)ROADSTEAD_INSTANCE=([^\0]*)/.exec(readProc(`${pid}/environ`) ?? '')
  if (mark !== null && ours.instanceIds.has(mark[1] ?? '')) return undefined
  const command = (readProc(`${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim()
  return { pid, started: stat.started, command: command.slice(0, commandCharsMax) }
}

/** Characters of a stranger's command line that are told. */
const commandCharsMax = 120

function placeOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    // Gone, or somebody else's: either way none of ours to judge.
    return undefined
  }
}

/** Its session is ours still: a pid is not given anew while a session is named after it. */
function isOurs(main: ProcessIdentity): boolean {
  const stat = statOf(main.pid)
  return stat === undefined || stat.started === main.started
}

function isMember(pid: number, mark: string, session: number | undefined): boolean {
  const stat = statOf(pid)
  if (stat === undefined || stat.isZombie) return false
  // The main process as well while it has no session of its own yet: in the middle of its start the
  // kernel has no environment to show.
  if (session !== undefined && (pid === session || stat.session === session)) return true
  const environment = readProc(`${pid}/environ`)
  if (environment === undefined) return false
  return environment.startsWith(mark) || environment.includes(`\0${mark}`)
}

function allPids(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid > 1)
}

/** The two that matter of a namespace of processes. */
export interface Inside {
  /** Its first: with it all of them end. */
  readonly init: number
  /** What was to be run; undefined: not yet, or no more. */
  readonly program: number | undefined
}

/** The namespace that the process `monitor` has made; undefined: not yet, or no more. */
export function insideOf(monitor: number): Inside | undefined {
  const init = childrenOf(monitor).find((pid) => innermostPid(pid) === 1)
  if (init === undefined) return undefined
  // The first process starts the program before anything else can start.
  return { init, program: childrenOf(init).find((pid) => innermostPid(pid) === 2) }
}

function childrenOf(pid: number): number[] {
  const told = readProc(`${pid}/task/${pid}/children`)
  // A kernel may be built without that file.
  if (told === undefined) return allPids().filter((one) => statOf(one)?.parent === pid)
  return told
    .split(' ')
    .filter((text) => text !== '')
    .map(Number)
}

/** A process's pid in its own namespace. */
function innermostPid(pid: number): number {
  const pids = /^NSpid:\s*(.*)$/m.exec(readProc(`${pid}/status`) ?? '')?.[1] ?? ''
  return Number(pids.split(/\s+/).at(-1))
}

interface Stat {
  readonly isZombie: boolean
  readonly parent: number
  readonly session: number
  readonly hasTerminal: boolean
  readonly started: number
}

function statOf(pid: number): Stat | undefined {
  const text = readProc(`${pid}/stat`)
  if (text === undefined) return undefined
  // The name, in parentheses, may hold spaces and parentheses of its own.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state] = fields
  const isZombie = state === 'Z' || state === 'X'
  return {
    isZombie,
    parent: Number(fields[1]),
    session: Number(fields[3]),
    hasTerminal: fields[4] !== '0',
    started: Number(fields[19]),
  }
}

/** A file of /proc; undefined when the process is gone or is none of ours to read. */
