import type { CounterSeries } from '../parts/ingress/model.ts'
import type { ObservedInstance } from '../parts/instances/model.ts'
import type { NodeObservation } from '../parts/nodes/model.ts'

/** What an ingress said last, with its counters put together from its reports. */
export interface IngressObservation {
  readonly incarnation: string
  readonly sequence: number
  readonly appliedRevision: number
  readonly leaving: Readonly<Record<string, number>>
  /** Wall ms at which the server received the last report. */
  readonly heardAt: number
  /** Cumulative since the ingress started, by `seriesKey`. */
  readonly series: ReadonlyMap<string, CounterSeries>
}

/** The identity of a series of counts within one ingress. */
export function seriesKey(
  series: Pick<CounterSeries, 'backendId' | 'pool' | 'instanceId'>,
): string {
  return `${series.backendId} ${series.pool} ${series.instanceId ?? '*'}`
}

/**
 * Expiring observations: heartbeats, health, counts. They are never commits of the store; agents
 * and ingresses tell them anew after a restart of the server.
 */
export interface Observations {
  node(nodeId: string): NodeObservation | undefined
  instance(instanceId: string): ObservedInstance | undefined
  ingress(ingressId: string): IngressObservation | undefined
  ingresses(): Iterable<readonly [string, IngressObservation]>
  /** Wall ms at which this server began to listen: silence before it proves nothing. */
  readonly since: number
}
