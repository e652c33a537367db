import type { Exit } from '../parts/instances/driver.ts'
import type { ObservedInstance } from '../parts/instances/model.ts'
import type { AssignedInstance } from '../wire/agent.ts'
import type { Content } from './content.ts'
import type { InstanceView } from './plan-instance.ts'

/** All of an instance that outlives its agent. */
export interface InstanceRecord {
  readonly assigned: AssignedInstance
  readonly wanted: 'running' | 'stopped'
  readonly observed: ObservedInstance
  /** What it was started from last; missing: it was not, or by an agent that knew artifacts alone. */
  readonly content?: Content | undefined
}

/** A running process's place in an instance's life, mutable while an instance is run. */
export type Facts = { -readonly [Name in keyof InstanceView]: InstanceView[Name] }

/** What is observed of an instance that has just been assigned. */
export function newlyObserved(instanceId: string, now: number): ObservedInstance {
  return {
    instanceId,
    state: 'pulling',
    because: 'assigned to this node',
    since: now,
    runs: 0,
    pid: null,
    lastExit: null,
    warmedUp: null,
  }
}

/** All that is so of an instance that an agent has just learnt of. */
export function freshFacts(record: InstanceRecord, now: number): Facts {
  const { assigned, wanted, observed } = record
  return {
    assigned,
    wanted,
    state: observed.state,
    because: observed.because,
    stateSince: now,
    acceptedAt: now,
    busy: null,
    artifact: { is: 'needed' },
    failures: 0,
    retryAt: now,
    leaseUntil: null,
    room: 'enough',
    ...freshRun(),
    readyAt: observed.state === 'ready' ? now : null,
  }
}

/** What is so of a run that has not begun. */
export function freshRun(): Pick<
  Facts,
  'process' | 'checks' | 'probesUnderWay' | 'lastProbeAt' | 'warmUp' | 'readyAt' | 'terminatedAt'
> {
  return {
    process: { is: 'none' },
    checks: [],
    probesUnderWay: 0,
    lastProbeAt: null,
    warmUp: 'due',
    readyAt: null,
    terminatedAt: null,
  }
}

/** Signals that come from outside; the others are a program's own fault. */
const handSignals: ReadonlySet<string> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'])

/**
 * That an instance died by somebody else's hand, or the kernel's; undefined where the agent itself
 * ended it, or where it crashed, which its state tells.
 */
export function killedText(
  instanceId: string,
  view: Pick<InstanceView, 'assigned' | 'wanted' | 'terminatedAt' | 'busy'>,
  { signal, memoryLimit }: Exit,
): string | undefined {
  const { assigned, wanted, terminatedAt, busy } = view
  const isOurs = wanted === 'stopped' || terminatedAt !== null || busy === 'end'
  // A singleton's watchdog ends it when its lease does.
  if (signal === null || isOurs || assigned.singleton !== undefined) return undefined
  // That is the limit's doing, and nobody's by hand.
  if (memoryLimit !== undefined) return undefined
  if (!handSignals.has(signal)) return undefined
  const who = signal === 'SIGKILL' ? 'somebody, or the kernel for want of memory' : 'somebody'
  return `${assigned.service} ${instanceId} was ended by ${signal} from ${who}; it starts again`
}
