import type { Readable } from 'node:stream'
import type { Capability } from '../apps/model.ts'
import type { ImageRef } from '../artifacts/model.ts'
import type { BuildOrder } from '../jobs/model.ts'
import type { Resources } from '../nodes/model.ts'

/**
 * How an agent runs an instance: the port that each driver implements (`process`, `mock`).
 *
 * A driver starts, signals and ends process trees, asks them whether they can serve, and keeps what
 * they print. It decides nothing: when to start again, how long to wait and what a failed check
 * means is the planner's (agent/plan-instance.ts). What it started outlives it.
 */
export interface InstanceDriver {
  /** The glossary's word for it: `process`, `docker`, `mock`. */
  readonly name: string
  /**
   * What it can run now: `process` archives, `docker` images, `limits` processes that require their
   * limits, `ports` those that insist on a port, `builds` images from their Dockerfiles; an engine
   * that is gone does nothing with images. Known once it has adopted.
   */
  offers(): readonly DriverName[]
  /**
   * What the drivers before this one left: each instance that runs, or that ended while nobody
   * looked. Called once, before anything else; from then on `onExit` tells.
   */
  adopt(): Promise<readonly Adopted[]>
  /** Calls back when an instance's main process has ended; once per run, never before `start`. */
  onExit(listener: ExitListener): void
  /**
   * Brings an image here, so that a start finds it; quick when it is here. Refusals as of
   * `ImageRegistry`; faults: `image-unsupported`, `engine-silent`, `pull-failed`.
   */
  pull(image: ImageRef): Promise<void>
  /** Removes images that it has brought here and nothing uses, but for the newest few. */
  collect(inUse: ReadonlySet<string>): Promise<void>
  /**
   * Starts an instance; resolves once its process exists. Faults: `command-not-found`,
   * `port-taken` (another process listens there), `lease-expired`, `limits-unenforced`,
   * `port-unsupported`, `volume-lost`, `mounts-unavailable`, `start-failed`.
   */
  start(launch: Launch): Promise<Started>
  /** Sends SIGTERM to its process group; nothing happens when it has ended. */
  terminate(instanceId: string): Promise<void>
  /**
   * Ends every process of its tree with SIGKILL, those included that left its group or outlived
   * its main process; resolves when none is left. Undefined: its main process never started.
   * Fault `tree-survives`.
   */
  end(instanceId: string): Promise<Exit | undefined>
  /** Asks a running instance once; never rejects: a failure is an answer. */
  probe(instanceId: string, probe: Probe, timeoutMs: number): Promise<ProbeAnswer>
  /** Sends one GET to the instance's own port, for its warm-up; never rejects. */
  get(instanceId: string, path: string, timeoutMs: number): Promise<ProbeAnswer>
  /**
   * Starts a command beside a running instance: in its environment, its folder and its tree, so that
   * it ends with it at the latest. Faults: `command-not-found`, `instance-not-running`, `exec-failed`.
   */
  startExec(
    instanceId: string,
    command: readonly string[],
    terminal: Terminal | null,
  ): Promise<Exec>
  /** Ports of the range, both ends included, on which somebody listens. */
  portsHeld(from: number, to: number): Promise<readonly number[]>
  /** Whether something may have been printed behind `from`: cheap, asked several times a second. */
  hasOutput(instanceId: string, stream: OutputStream, from: OutputPosition): boolean
  /** The next bytes that it printed, or undefined when there are none behind `from`. */
  readOutput(
    instanceId: string,
    stream: OutputStream,
    from: OutputPosition,
    bytesMax: number,
  ): Promise<OutputChunk | undefined>
  /** How often a running instance was held back at its share of the cores; undefined: not counted. */
  throttled(instanceId: string): Throttled | undefined
  /** Ms on the clock that leases go by: the machine's own since its boot, through a suspend too. */
  leaseNow(): number
  /**
   * Extends the lease of a running singleton to `until` (on the clock of `leaseNow`). A watchdog
   * outside of the agent's process ends its whole tree when that moment comes, whatever became of
   * the agent; one that runs without a watchdog gets it now. Nothing happens when it has ended.
   */
  renew(instanceId: string, until: number): Promise<void>
  /**
   * What is in the driver's area and belongs to no instance: neither to one of `known` nor to one
   * that it has started itself.
   */
  strays(known: ReadonlySet<string>): Promise<readonly Stray[]>
  /** Ends a stray process, or removes a stray folder. */
  endStray(stray: Stray): Promise<void>
  /** Forgets an ended instance and all that it printed. */
  discard(instanceId: string): Promise<void>
  /** Whether a volume was made here. */
  hasVolume(id: string): Promise<boolean>
  /**
   * Removes a volume with all that is in it; nothing happens where there is none. Faults:
   * `volume-in-use`, `engine-silent`.
   */
  removeVolume(id: string): Promise<void>
  /** Stops watching; instances go on. */
  close(): Promise<void>
}

/** What a node can have. */
export type DriverName = 'process' | 'docker' | 'limits' | 'ports' | 'builds' | 'mounts'

/** How often something was held back at its share of the cores, since its start. */
export interface Throttled {
  /** Periods of 100 ms in which it was. */
  readonly periods: number
  /** For how long in all, in ms. */
  readonly ms: number
}

export type ExitListener = (instanceId: string, run: number, exit: Exit) => void

/** All that a driver needs to know of one start. */
export interface Launch {
  readonly instanceId: string
  /** Which start of the instance this is; the first is 1. No pair of the two starts twice. */
  readonly run: number
  readonly command: readonly string[]
  /** For the entrypoint of an image whose `command` is empty; undefined: the image's own. */
  readonly args?: readonly string[]
  /**
   * Its unpacked artifact, where it starts; shared with other instances, not to be written. Empty
   * for an image.
   */
  readonly directory: string
  /** What a container is made of; missing for a process. Its `command` may be empty then. */
  readonly image?: ImageRef
  /** Ports of the node's own loopback that its environment names: services that it calls. */
  readonly reaches?: readonly number[]
  /** Data of its service that this instance finds again; missing: none. */
  readonly volumes?: readonly LaunchVolume[]
  /** Files that went along with its release; missing: none. */
  readonly mounts?: readonly LaunchMount[]
  /** What its container is asked for beyond the usual; of a process its `port` alone. */
  readonly container?: ContainerTerms
  /** Of a build: what to make of its directory, by the agent's own program and no other. */
  readonly build?: BuildOrder
  /** What it may take of the node, where the driver can hold it to that; missing: as it likes. */
  readonly limits?: Resources
  /**
   * It is not to run where it cannot be held to all of its limits, and its `cpu` is a ceiling; fault
   * `limits-unenforced`. Missing: `cpu` is a share, and what is idle may be had as well.
   */
  readonly limitsRequired?: boolean
  /** Its environment; the driver adds PATH, HOME, TMPDIR and LANG where they are not in it. */
  readonly env: Readonly<Record<string, string>>
  /** Where it listens; null for one without a port. */
  readonly listen: { readonly host: string; readonly port: number } | null
  /**
   * Of a singleton: until when it may run, on the clock of `leaseNow`, unless it is renewed. Fault
   * `lease-expired` when that has passed already.
   */
  readonly leaseUntil?: number
}

/** A folder of the node that outlives instances. */
export interface LaunchVolume {
  /** Names it for ever: another volume of the same name is another one. */
  readonly id: string
  readonly name: string
  /** Where a container finds it; a process is told by VOLUME_NAME where it is. */
  readonly path: string
  /** It has not been made yet, as far as the server knows; false: it has to be here. */
  readonly begins: boolean
  /** Whose it is, for people: `local/default/shop`, `db`. */
  readonly app: string
  readonly service: string
}

/** A file or folder that an instance sees read-only, and shares with others. */
export interface LaunchMount {
  /** Where it sees it: absolute. */
  readonly path: string
  /** Where it lies on the node: absolute, below an unpacked artifact. */
  readonly source: string
}

/** What a container may be asked for; of a process `port` alone, in a network of its own. */
export interface ContainerTerms {
  /** Where its program listens, inside; missing: at the port that is published. */
  readonly port?: number
  readonly capabilities?: readonly Capability[]
  /** Missing: whom its image names. */
  readonly user?: string
  /** Missing: where its image says. */
  readonly workingDirectory?: string
  readonly writable?: true
  /** The app whose containers share a network, and by which name this one is found; null: by none. */
  readonly network?: { readonly app: string; readonly alias: string | null }
}

export interface Started {
  readonly pid: number
  /** What people should know of how it runs: that it is root, or what it is not held to. */
  readonly remark?: string
}

/** How a main process ended; both null when nobody saw it (its node was restarted). */
export interface Exit {
  readonly code: number | null
  readonly signal: string | null
  /** The kernel ended it, or a part of it, at the limit of its memory (bytes). */
  readonly memoryLimit?: number
  /** Wall ms. */
  readonly at: number
}

/** The size of a terminal, in characters. */
export interface Terminal {
  readonly columns: number
  readonly rows: number
}

/** A command that runs beside an instance. */
export interface Exec {
  /** What it prints, as `ExecOutput`, at the pace of whoever reads; ends with it. */
  readonly output: Readable
  /** How its process ended. */
  readonly exited: Promise<Pick<Exit, 'code' | 'signal'>>
  /** Gives it input; false: it reads more slowly than this, and `onDrain` says when to go on. */
  write(bytes: Uint8Array): boolean
  onDrain(listener: () => void): void
  /** There is no more input. */
  endInput(): void
  /** Its window has another size; nothing happens without a terminal. */
  resize(terminal: Terminal): void
  /** Hangs up: what it started ends too. */
  hangUp(): void
}

/** What a command printed at once. */
export interface ExecOutput {
  readonly stream: OutputStream
  readonly bytes: Uint8Array
}

/** An instance that an earlier agent started. */
export interface Adopted {
  readonly instanceId: string
  readonly run: number
  /** Until when its watchdog lets it run, on the clock of `leaseNow`; none without a watchdog. */
  readonly leaseUntil?: number
  readonly process:
    | { readonly is: 'running'; readonly pid: number; readonly ageMs: number }
    | { readonly is: 'ended'; readonly exit: Exit }
}

/** What somebody started or left where only instances should be. */
export type Stray =
  | {
      readonly is: 'process'
      readonly pid: number
      /** With the pid it names one process for ever. */
      readonly started: number
      readonly command: string
    }
  | { readonly is: 'folder'; readonly name: string }
  /** `name` is whose it was. */
  | { readonly is: 'container'; readonly id: string; readonly name: string }

/** The same shapes as a manifest's health checks, but `none`, which asks nothing. */
export type Probe =
  | { readonly kind: 'http'; readonly path: string }
  | { readonly kind: 'tcp' }
  | { readonly kind: 'exec'; readonly run: readonly string[] }

export interface ProbeAnswer {
  readonly ok: boolean
  /** What came back, for people: `GET /healthz answered 500`. */
  readonly because: string
}

export type OutputStream = 'stdout' | 'stderr'

/** A place in what an instance printed; the first is `outputStart`. */
export interface OutputPosition {
  readonly segment: number
  readonly byte: number
  /** Newlines before this place, those of lost segments included. */
  readonly newlines: number
}

export const outputStart: OutputPosition = { segment: 1, byte: 0, newlines: 0 }

export interface OutputChunk {
  /** Where these bytes begin: behind `from` when the bound on disk has cost what was there. */
  readonly at: OutputPosition
  readonly bytes: Uint8Array
  /** Where the next read goes on. */
  readonly next: OutputPosition
}
