import type { LogEntry } from '../src/parts/audit/model.ts'
import type { Resources } from '../src/parts/nodes/model.ts'
import type { RolloutState } from '../src/parts/rollouts/model.ts'
import type { AnyController } from '../src/server/controllers.ts'
import type { CommittedChange, Revision, Snapshot } from '../src/store/port.ts'

/**
 * What checkers see of the simulated world: the truth, not what any server or agent believes.
 *
 * The world calls every checker after every event, so a checker keeps its own counts and looks only
 * at what the event names; it never walks over all nodes or instances per event.
 */
export interface SimView {
  /** Milliseconds of true time since the start: no machine's clock, which may drift and jump. */
  now(): number
  /** All records as they are durable in the store, at its newest revision. */
  readonly records: Snapshot
  machine(nodeId: string): Machine | undefined
  machines(): Iterable<Machine>
  ingresses(): Iterable<SimIngress>
  /** The instance process that runs (or ran last) under this id, on whichever machine. */
  process(instanceId: string): SimProcess | undefined
  /** Faults that are in force now; empty: the world is healthy. */
  readonly faults: ReadonlySet<string>
  /** True time at which the last fault ended; undefined while one is in force or still to come. */
  readonly healedAt: number | undefined
  /** The server that leads now, for what only it can be asked; undefined while there is none. */
  readonly leader?: SimLeader | undefined
  /**
   * The ordered log as the store would answer it now, from its first kept entry. Asked at the end
   * of a run only.
   */
  log?(): readonly LogEntry[]
}

/** What the leading server believes, where a promise is about its own account of things. */
export interface SimLeader {
  /** Its records: behind the store's while a commit is on its way. */
  readonly snapshot: Snapshot
  /** As they run, mutants included: D5 asks each of them to plan once more. */
  readonly controllers: readonly AnyController[]
  /** Its wall clock. */
  now(): number
  /** What its scheduler takes for reserved on a node, and the revision of that account (S10). */
  reservedOn?(nodeId: string): { readonly revision: Revision; readonly used: Resources } | undefined
}

/** A node's machine, with what truly runs on it. */
export interface Machine {
  readonly nodeId: string
  readonly zone: string
  /** Rises with each reboot. */
  readonly boot: number
  /** This boot began with a power cut while its disk refused what was to be kept. */
  readonly hasForgotten?: boolean
  readonly isUp: boolean
  /** A host freeze: its clocks stand still with it, the exception that S1 declares. */
  readonly isFrozen: boolean
  /** True time at which its last freeze ended: what S1 excuses for one lease more. */
  readonly thawedAt?: number | undefined
  readonly capacity: { readonly cpu: number; readonly memoryBytes: number }
  readonly processes: ReadonlyMap<string, SimProcess>
}

export interface SimProcess {
  readonly instanceId: string
  readonly nodeId: string
  readonly boot: number
  /** Which start of the instance this is; the first is 1. */
  readonly run: number
  readonly port: number | null
  /** It listens and answers its checks. */
  readonly isHealthy: boolean
  readonly isRunning: boolean
  /** True time. */
  readonly startedAt: number
  readonly endedAt: number | undefined
  /** ROADSTEAD_EPOCH that it was started with; undefined for what is no singleton. */
  readonly epoch: number | undefined
  /** SIGTERM was sent to it: it was told to end for good. */
  readonly isStopping?: boolean
}

/** Who ended a process. */
export type EndedBy =
  /** It crashed, or was done. */
  | 'itself'
  /** Its agent, by SIGTERM or SIGKILL. */
  | 'agent'
  /** The watchdog of a singleton whose lease ran out. */
  | 'watchdog'
  /** Its machine went down with all that ran on it. */
  | 'machine'

export interface SimIngress {
  readonly ingressId: string
  readonly isUp: boolean
  /** Backend id (`tenant/environment/app/service`) to the instance ids that new requests meet. */
  readonly online: ReadonlyMap<string, readonly string[]>
  readonly appliedRevision: number
}

/** Everything that can happen in the world, as checkers and the trace hear of it. */
export type SimEvent =
  | {
      readonly is: 'commit'
      readonly change: CommittedChange
      readonly by: string
      readonly epoch: number
    }
  /** A commit that the store refused because its leadership is over. */
  | { readonly is: 'fenced'; readonly by: string; readonly epoch: number }
  /** A server answered a write: what it acknowledged must be readable for ever after. */
  | { readonly is: 'acknowledged'; readonly revision: number; readonly keys: readonly string[] }
  | { readonly is: 'process-started'; readonly process: SimProcess }
  | {
      readonly is: 'process-ended'
      readonly process: SimProcess
      readonly because: string
      readonly by: EndedBy
    }
  | { readonly is: 'process-health'; readonly process: SimProcess }
  | {
      readonly is: 'table-applied'
      readonly ingressId: string
      readonly backends: readonly string[]
    }
  /** A customer's request ended; `failed` is a failure of the platform. */
  | { readonly is: 'request'; readonly backendId: string; readonly failed: string | undefined }
  /** One pass of one controller: its actions, by the instance or record that each concerns. */
  | {
      readonly is: 'pass'
      readonly controller: string
      readonly key: string
      readonly concerns: readonly string[]
    }
  | { readonly is: 'node-declared-lost'; readonly nodeId: string }
  | { readonly is: 'rollout-state'; readonly rolloutId: string; readonly state: RolloutState }
  | { readonly is: 'fault-began'; readonly fault: string; readonly words: string }
  | { readonly is: 'fault-ended'; readonly fault: string; readonly words: string }
  | { readonly is: 'wish'; readonly words: string }
  | { readonly is: 'healed' }
  /** The end of the run, when liveness is judged. */
  | { readonly is: 'end' }

/** What must never be, as it was seen. */
export interface Violation {
  /** `S1` … `S18`, `L1` … `L8`, `D1` … `D5`, as docs/reference/invariants.md lists them. */
  readonly invariant: string
  /** True time in ms. */
  readonly at: number
  /** One sentence with the names of what broke it. */
  readonly words: string
}

/** One invariant, told of every event; new for each run. */
export interface Checker {
  readonly invariant: string
  /** The promise in one sentence. */
  readonly promise: string
  /** Events that it wants to hear of; all others are not brought to it. */
  readonly hears: readonly SimEvent['is'][]
  /** What the event breaks, if anything. */
  check(event: SimEvent, view: SimView): Violation | undefined
}
