/**
 * What agents and ingresses say, as the server remembers it: expiring, never committed, told anew
 * after a restart. Listeners hear only of what matters to a decision: a heartbeat wakes nobody.
 */
import { isDeepStrictEqual } from 'node:util'
import { nothingLost, type Bound } from '../base/bounds.ts'
import type { Clock } from '../base/clock.ts'
import type { CounterSeries, IngressReport } from '../parts/ingress/model.ts'
import type { ObservedInstance } from '../parts/instances/model.ts'
import { nodeLostAfterMs, type NodeObservation } from '../parts/nodes/model.ts'
import { seriesKey, type IngressObservation } from './observations.ts'
import type { Change } from './port.ts'
import type { ObservedChanges } from './state.ts'

/** An agent's report (wire/agent.ts). */
export interface NodeReport {
  readonly incarnation: string
  readonly sequence: number
  readonly portsTaken: readonly number[]
  /** True: `instances` is all that the node knows of. False: those that changed. */
  readonly full: boolean
  readonly instances: readonly ObservedInstance[]
}

/** What became of a report: an old one is ignored; `full` asks for a full one next. */
export type Heard = 'heard' | 'full' | 'old'

/** Instances of one node at the most; the wire lets no more into one report. */
const instancesPerNodeMax = 10_000
/**
 * Nodes, and ingresses, at the most: three times the scale to hold. Those that were heard stay until
 * the server ends: records of nodes stay too.
 */
const reportersMax = 2_000
/**
 * Series of one ingress at the most: 70 services in 40 cells with both pools, and 50,000 instances
 * that came and went. Beyond it the instance's series that was silent longest is forgotten.
 */
const seriesMax = 60_000
/** Earlier incarnations remembered of each reporter, to know their late reports. */
const incarnationsMax = 8

interface NodeState {
  observation: NodeObservation
  /** Ids of the instances that it has reported. */
  readonly instances: Set<string>
  /** Whether this server has had a full report of this incarnation. */
  isComplete: boolean
  readonly earlier: string[]
}

interface IngressState {
  observation: IngressObservation
  readonly series: Map<string, CounterSeries>
  readonly earlier: string[]
}

/** The latest observations, and who hears of their changes. */
export class ObservedState implements ObservedChanges {
  readonly since: number
  readonly #clock: Clock
  readonly #nodes = new Map<string, NodeState>()
  readonly #instances = new Map<string, { nodeId: string; observed: ObservedInstance }>()
  readonly #ingresses = new Map<string, IngressState>()
  readonly #listeners = new Set<(change: Change) => void>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.since = clock.now()
  }

  bounds(): Bound[] {
    const reporter = { unit: 'items', overflow: 'refuses', lost: nothingLost } as const
    return [
      {
        ...reporter,
        name: 'server.nodes-heard',
        says: 'nodes whose reports are remembered; those beyond it are not heard',
        limit: reportersMax,
        used: () => this.#nodes.size,
      },
      {
        ...reporter,
        name: 'server.series-of-counts',
        says: 'series of counts of the ingress that has most; the one that was silent longest goes',
        overflow: 'drops-oldest',
        limit: seriesMax,
        used: () => Math.max(0, ...[...this.#ingresses.values()].map(({ series }) => series.size)),
      },
    ]
  }

  node(nodeId: string): NodeObservation | undefined {
    return this.#nodes.get(nodeId)?.observation
  }

  instance(instanceId: string): ObservedInstance | undefined {
    return this.#instances.get(instanceId)?.observed
  }

  ingress(ingressId: string): IngressObservation | undefined {
    return this.#ingresses.get(ingressId)?.observation
  }

  *ingresses(): Generator<readonly [string, IngressObservation]> {
    for (const [id, { observation }] of this.#ingresses) yield [id, observation]
  }

  /** Calls `listener` after each change that matters, synchronously; returns the way to stop. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** An agent has started: reports of its earlier incarnations are old from now on. */
  registerNode(nodeId: string, incarnation: string, version: string): void {
    const known = this.#nodes.get(nodeId)
    if (known?.observation.incarnation === incarnation) return
    if (known === undefined && this.#nodes.size >= reportersMax) return
    const observation: NodeObservation = {
      incarnation,
      sequence: -1,
      heardAt: this.#clock.now(),
      portsTaken: [],
      version,
    }
    // Its instances run on without it; what is known of them holds until it tells anew.
    this.#nodes.set(nodeId, {
      observation,
      instances: known?.instances ?? new Set(),
      isComplete: false,
      // A start that registered anew, after a late registration of an older one, is none of these.
      earlier: earlierOf(known).filter((other) => other !== incarnation),
    })
    this.#notify({ of: 'node', nodeId })
  }

  /** Takes in a report; one of a node that has never registered counts as its registration. */
  hearNode(nodeId: string, report: NodeReport): Heard {
    const { incarnation, sequence } = report
    let node = this.#nodes.get(nodeId)
    if (node?.earlier.includes(incarnation) === true) return 'old'
    if (node?.observation.incarnation !== incarnation) {
      this.registerNode(nodeId, incarnation, node?.observation.version ?? '')
      node = this.#nodes.get(nodeId)
    }
    if (node === undefined || sequence <= node.observation.sequence) return 'old'
    this.#noteHeard(nodeId, node, report)
    for (const observed of report.instances) this.#noteInstance(nodeId, node, observed)
    if (report.full) this.#forgetUntold(node, report.instances)
    node.isComplete ||= report.full
    return node.isComplete ? 'heard' : 'full'
  }

  /** Takes in an ingress's report; its cumulative counts replace those it told before. */
  hearIngress(ingressId: string, report: IngressReport): Heard {
    const ingress = this.#ingressOf(ingressId, report)
    if (ingress === undefined) return 'old'
    const before = ingress.observation
    const { incarnation, sequence, appliedRevision, leaving, series } = report
    for (const counts of series) noteSeries(ingress.series, counts)
    const heardAt = this.#clock.now()
    ingress.observation = {
      incarnation,
      sequence,
      appliedRevision,
      leaving,
      heardAt,
      series: ingress.series,
    }
    const isNews =
      before.sequence < 0 ||
      series.length > 0 ||
      before.appliedRevision !== appliedRevision ||
      !isDeepStrictEqual(before.leaving, leaving)
    if (isNews) this.#notify({ of: 'ingress', ingressId })
    return 'heard'
  }

  #noteHeard(nodeId: string, node: NodeState, report: NodeReport): void {
    const before = node.observation
    const heardAt = this.#clock.now()
    const { incarnation, sequence } = report
    const hasSamePorts = isDeepStrictEqual(before.portsTaken, report.portsTaken)
    // The same list for as long as it says the same: what was summed up over it stays true.
    const portsTaken = hasSamePorts ? before.portsTaken : report.portsTaken
    node.observation = { ...before, incarnation, sequence, heardAt, portsTaken }
    const wasLost = heardAt - before.heardAt > nodeLostAfterMs
    const isFirst = before.sequence < 0
    if (wasLost || isFirst || !hasSamePorts) {
      this.#notify({ of: 'node', nodeId })
    }
  }

  #noteInstance(nodeId: string, node: NodeState, observed: ObservedInstance): void {
    const { instanceId } = observed
    const known = this.#instances.get(instanceId)
    // An instance stays on its node for life: an agent may be wrong about itself, never about others.
    if (known !== undefined && known.nodeId !== nodeId) return
    if (known === undefined && node.instances.size >= instancesPerNodeMax) return
    node.instances.add(instanceId)
    if (known !== undefined && isDeepStrictEqual(known.observed, observed)) return
    this.#instances.set(instanceId, { nodeId, observed })
    this.#notify({ of: 'instance', instanceId })
  }

  #forgetUntold(node: NodeState, told: readonly ObservedInstance[]): void {
    const present = new Set(told.map(({ instanceId }) => instanceId))
    for (const instanceId of node.instances) {
      if (present.has(instanceId)) continue
      node.instances.delete(instanceId)
      this.#instances.delete(instanceId)
      this.#notify({ of: 'instance', instanceId })
    }
  }

  /** The ingress that reports, begun anew with each incarnation; undefined for an old report. */
  #ingressOf(ingressId: string, report: IngressReport): IngressState | undefined {
    const { incarnation, sequence } = report
    const known = this.#ingresses.get(ingressId)
    if (known?.observation.incarnation === incarnation) {
      return sequence > known.observation.sequence ? known : undefined
    }
    if (known?.earlier.includes(incarnation) === true) return undefined
    if (known === undefined && this.#ingresses.size >= reportersMax) return undefined
    const series = new Map<string, CounterSeries>()
    const observation: IngressObservation = {
      incarnation,
      sequence: -1,
      appliedRevision: 0,
      leaving: {},
      heardAt: this.#clock.now(),
      series,
    }
    const ingress = { observation, series, earlier: earlierOf(known) }
    this.#ingresses.set(ingressId, ingress)
    return ingress
  }

  #notify(change: Change): void {
    for (const listener of this.#listeners) listener(change)
  }
}

function earlierOf(known: NodeState | IngressState | undefined): string[] {
  if (known === undefined) return []
  return [...known.earlier, known.observation.incarnation].slice(-incarnationsMax)
}

/** Puts a series in the place of what was known of it; the one heard last stands last. */
function noteSeries(series: Map<string, CounterSeries>, counts: CounterSeries): void {
  const key = seriesKey(counts)
  series.delete(key)
  series.set(key, counts)
  if (series.size <= seriesMax) return
  for (const [oldest, { instanceId }] of series) {
    if (instanceId === null) continue
    series.delete(oldest)
    return
  }
}
