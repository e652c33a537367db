import { ingressLostAfterMs } from '../ingress/model.ts'

/** Which routing tables are in use: what an ingress does not know yet it cannot carry out. */

/** The table that an ingress has applied, and when it said so (wall ms). */
export interface IngressSeen {
  readonly heardAt: number
  readonly appliedRevision: number
}

export interface TablesInUse {
  /** The store's revision of the oldest of them; `Infinity` where no ingress is left to wait for. */
  readonly applied: number
  /** Wall ms at which an ingress that is behind counts as lost; undefined where none is behind. */
  readonly wakeAt: number | undefined
}

/**
 * The tables that ingresses have, without those that have been silent for `ingressLostAfterMs`. A
 * server that has just begun to listen (`since`, wall ms) has heard of none and waits as long.
 */
export function tablesInUse({ ingresses, since, revision }: TablesView, now: number): TablesInUse {
  const heard = ingresses.filter(({ heardAt }) => now - heardAt <= ingressLostAfterMs)
  if (heard.length === 0) {
    const until = since + ingressLostAfterMs
    return now <= until
      ? { applied: -Infinity, wakeAt: until + 1 }
      : { applied: Infinity, wakeAt: undefined }
  }
  const behind = heard.filter((ingress) => ingress.appliedRevision < revision)
  const soonest = Math.min(Infinity, ...behind.map(({ heardAt }) => heardAt))
  return {
    applied: Math.min(...heard.map((ingress) => ingress.appliedRevision)),
    wakeAt: soonest === Infinity ? undefined : soonest + ingressLostAfterMs + 1,
  }
}

export interface TablesView {
  readonly ingresses: readonly IngressSeen[]
  /** Wall ms at which this server began to listen. */
  readonly since: number
  /** The store's revision that is waited for. */
  readonly revision: number
}
