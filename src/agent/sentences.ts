import type { Exit } from '../parts/instances/driver.ts'
import type { InstanceView } from './plan-instance.ts'

/** A duration as people say it: `80 ms`, `1.2 s`, `5 min`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Number((ms / 1_000).toFixed(1))} s`
  return `${Math.round(ms / 60_000)} min`
}

/** How a process ended: `exited with code 1`, `was killed by SIGKILL`. */
export function exitText(exit: Exit): string {
  if (exit.signal !== null) return `was killed by ${exit.signal}`
  if (exit.code !== null) return `exited with code ${exit.code}`
  return 'ended while nobody looked'
}

/** Characters of a reported sentence at the most. */
const sentenceMax = 1_024

/** A sentence within the bound that the protocol sets on one. */
export function bounded(sentence: string, most = sentenceMax): string {
  return sentence.length <= most ? sentence : `${sentence.slice(0, most - 1)}…`
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
  { signal }: Exit,
): string | undefined {
  const { assigned, wanted, terminatedAt, busy } = view
  const isOurs = wanted === 'stopped' || terminatedAt !== null || busy === 'end'
  // A singleton's watchdog ends it when its lease does.
  if (signal === null || isOurs || assigned.singleton !== undefined) return undefined
  if (!handSignals.has(signal)) return undefined
  const who = signal === 'SIGKILL' ? 'somebody, or the kernel for want of memory' : 'somebody'
  return `${assigned.service} ${instanceId} was ended by ${signal} from ${who}; it starts again`
}
