import type { FitView } from '../../wire/deploy-plan.ts'
import { driverOf } from '../artifacts/model.ts'
import { specDigest, type Release, type ServiceSpec } from '../apps/model.ts'
import { serviceName } from '../instances/model.ts'
import type { Resources } from '../nodes/model.ts'
import {
  groupOf,
  type NodeView,
  type PendingInstance,
  type PlacementView,
} from '../scheduling/model.ts'
import { addResources, decisionsMax, planPlacement } from '../scheduling/plan.ts'

/** Asks the scheduler's planner whether a deploy would fit, without anything being placed. */

/** An instance that holds a place, and would give it up. */
export interface Leaving {
  readonly service: string
  readonly nodeId: string
  readonly port: number | null
  readonly group: string
  readonly resources: Resources
}

/** A service of which instances would have to be placed. */
export interface Arriving {
  readonly spec: ServiceSpec
  /** What ties its instances to a node; missing: nothing. */
  readonly ties?: Pick<PendingInstance, 'homes' | 'together'>
  /** How many start beside all that runs. */
  readonly first: number
  /** How many there will be, beside those that stay. */
  readonly all: number
}

export interface FitQuestion {
  readonly placement: Omit<PlacementView, 'pending'>
  readonly release: Release
  readonly arriving: readonly Arriving[]
  readonly leaving: readonly Leaving[]
}

/**
 * Twice: the first portion beside all that runs, then all of it where the predecessors have gone.
 * In between a rollout goes batch by batch, and each batch frees what the next one needs. A portion
 * that finds no room beside what runs takes that of predecessors, as a rollout would.
 */
export function planFit(question: FitQuestion, now: number): FitView[] {
  const { placement, arriving, leaving } = question
  const total = arriving.reduce((sum, { all }) => sum + all, 0)
  if (total > decisionsMax) {
    const because = `not worked out: it places ${total} instances, more than ${decisionsMax}`
    return arriving.map(({ spec }) => ({ service: spec.name, fits: true, because, fix: null }))
  }
  const first = refusalsIn(question, placement, (service) => service.first, now)
  const freed = withoutThose(placement, leaving)
  const then = refusalsIn(question, freed, (service) => service.all, now)
  const lent = arriving.flatMap((service) => lentTo(service, first.get(service.spec.name), leaving))
  const instead = refusalsIn(question, withoutThose(placement, lent), (one) => one.first, now)
  return arriving.map(({ spec: { name }, all }): FitView => {
    const lends = lent.filter(({ service }) => service === name).length
    const beside = lends > 0 ? instead.get(name) : first.get(name)
    const refusal = beside ?? then.get(name)
    if (refusal === undefined) {
      const because = roomFor(all, lends)
      return { service: name, fits: true, because, ...(lends > 0 ? { lends } : {}), fix: null }
    }
    const when = beside === undefined ? 'once those before it have gone' : 'beside what runs'
    return { service: name, fits: false, because: `${refusal.because} (${when})`, fix: refusal.fix }
  })
}

/** Predecessors whose room the first portion would take: never that of the last one. */
function lentTo(
  { spec, first }: Arriving,
  refused: Refused | undefined,
  leaving: readonly Leaving[],
): readonly Leaving[] {
  if (refused?.lacksRoom !== true || spec.singleton) return []
  const own = leaving.filter(({ service }) => service === spec.name)
  return own.slice(0, Math.max(0, Math.min(first, own.length - 1)))
}

function roomFor(all: number, lends: number): string {
  if (lends === 0) return `room for ${all} more`
  const take =
    lends === 1 ? 'one takes the place of a predecessor' : `${lends} take the place of predecessors`
  return `no room beside what runs: the first ${take}`
}

interface Refused {
  readonly because: string
  readonly fix: string
  readonly lacksRoom: boolean
}

/** What the scheduler would say of each service that has no room, by its name. */
function refusalsIn(
  { release, arriving }: FitQuestion,
  placement: Omit<PlacementView, 'pending'>,
  countOf: (service: Arriving) => number,
  now: number,
): Map<string, Refused> {
  const pending = arriving.flatMap((service) => {
    const { spec, ties = { homes: [] } } = service
    const group = groupOf(serviceName(release.at, spec.name), specDigest(spec))
    return Array.from({ length: countOf(service) }, (_, index): PendingInstance => ({
      id: `${spec.name}/${index}`,
      group,
      resources: spec.resources,
      needsPort: !spec.worker,
      ...driverOf(spec.artifact, spec),
      spread: spec.spread,
      ...ties,
      desired: 'running',
      unplaced: null,
    }))
  })
  const refused = new Map<string, Refused>()
  for (const action of planPlacement({ ...placement, pending }, now).actions) {
    if (action.type !== 'explain') continue
    const [service = ''] = action.id.split('/')
    const { because, fix, lacksRoom } = action
    refused.set(service, { because, fix, lacksRoom })
  }
  return refused
}

function withoutThose(
  placement: FitQuestion['placement'],
  leaving: readonly Leaving[],
): FitQuestion['placement'] {
  return { ...placement, nodes: placement.nodes.map((node) => without(node, leaving)) }
}

function without(node: NodeView, leaving: readonly Leaving[]): NodeView {
  const gone = leaving.filter(({ nodeId }) => nodeId === node.id)
  if (gone.length === 0) return node
  const groups = new Map(node.groups)
  const portsUsed = new Set(node.portsUsed)
  let freed: Resources = { cpu: 0, memoryBytes: 0, diskBytes: 0 }
  for (const { group, port, resources } of gone) {
    const left = (groups.get(group) ?? 0) - 1
    if (left > 0) groups.set(group, left)
    else groups.delete(group)
    if (port !== null) portsUsed.delete(port)
    freed = addResources(freed, resources)
  }
  const { cpu, memoryBytes, diskBytes } = node.used
  const used = {
    cpu: cpu - freed.cpu,
    memoryBytes: memoryBytes - freed.memoryBytes,
    diskBytes: diskBytes - freed.diskBytes,
  }
  return { ...node, used, groups, portsUsed }
}
