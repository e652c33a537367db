import type { Plan } from '../../base/control-loop.ts'
import { nodeLostAfterMs, nodeStatus, type NodeStatus, type Resources } from '../nodes/model.ts'
import type { Home, NodeView, PendingInstance, PlacementAction, PlacementView } from './model.ts'
import { compareTexts, Fleet } from './plan-fleet.ts'
import { explainPlacement } from './plan-why.ts'

/**
 * Gives each pending instance a node and a port, or says why there is none and what would help.
 *
 * Promises: a node never holds more than it has, a port is given once, `require` is kept; the same
 * view gives the same plan, whatever the nodes are called; a plan that was carried out leaves
 * nothing to do. One node more never takes its place from an instance that had one to itself; only
 * a zone more does, under `zone: require`, while it is too full to take its share.
 */

/**
 * Decisions in one pass. A decision costs some 5 us on 600 nodes, so a pass stays under 10 ms; what
 * is left over comes in the next one, at once.
 */
export const decisionsMax = 500

export function planPlacement(view: PlacementView, now: number): Plan<PlacementAction> {
  const ends = view.pending.filter((instance) => instance.desired === 'stopped').map(endOf)
  const wanted = view.pending.filter((instance) => instance.desired === 'running')
  if (wanted.length === 0) return { actions: ends, because: sentence(ends, 0) }

  const { places, refused, isCut } = placeAll(view, wanted, now)
  const decided = [...ends, ...places]
  if (isCut) return { actions: decided, because: sentence(decided, 0), wakeAt: now }
  if (refused.length === 0) return { actions: decided, because: sentence(decided, 0) }
  // Reasons tell of the nodes as they are after this pass, so the next one finds them true.
  const after = withPlacements(view, places)
  const ids = new Set(refused.map(({ id }) => id))
  const left = after.pending.filter(({ id }) => ids.has(id))
  const explanations = explainAll(after, left, now)
  const actions = [...decided, ...explanations.slice(0, decisionsMax)]
  const isLate = explanations.length > decisionsMax
  return {
    actions,
    because: sentence(actions, refused.length),
    wakeAt: isLate ? now : nextStatusChange(view, now),
  }
}

function endOf({ id }: PendingInstance): PlacementAction {
  return { type: 'end', id, because: 'it was stopped before it had a node' }
}

interface Placements {
  readonly places: readonly Place[]
  /** Those for which no node was found. */
  readonly refused: readonly PendingInstance[]
  /** There were more decisions to take than one pass may. */
  readonly isCut: boolean
}

type Place = Extract<PlacementAction, { type: 'place' }>

function placeAll(view: PlacementView, wanted: PendingInstance[], now: number): Placements {
  const statusOf = ({ heardAt }: NodeView): NodeStatus =>
    nodeStatus(heardAt, view.listeningSince, now)
  const fleet = new Fleet(view.nodes, statusOf, wanted.length)
  const places: Place[] = []
  let left: readonly PendingInstance[] = largestFirst(wanted, fleet)
  for (;;) {
    const round = placeEach(fleet, left, decisionsMax - places.length)
    places.push(...round.places)
    left = round.refused
    // A zone that has caught up lets others take one more of a group that is to be even.
    const mayGoOn = round.places.length > 0 && left.some(({ spread }) => spread.zone === 'require')
    if (round.isCut || !mayGoOn) return { places, refused: left, isCut: round.isCut }
  }
}

function placeEach(fleet: Fleet, wanted: readonly PendingInstance[], most: number): Placements {
  const places: Place[] = []
  const refused: PendingInstance[] = []
  /** Within a round room only shrinks: what was refused once need not be tried again. */
  const hopeless = new Set<string>()
  for (const instance of wanted) {
    if (places.length === most) return { places, refused, isCut: true }
    const isHopeless = hopeless.size > 0 && hopeless.has(kindOf(instance))
    const place = isHopeless ? undefined : fleet.place(instance)
    if (place !== undefined) {
      places.push({ type: 'place', id: instance.id, ...place })
      continue
    }
    if (!isHopeless) hopeless.add(kindOf(instance))
    refused.push(instance)
  }
  return { places, refused, isCut: false }
}

function largestFirst(wanted: PendingInstance[], fleet: Fleet): PendingInstance[] {
  if (wanted.length === 1) return wanted
  const sizeOf = fleet.sizer()
  return wanted
    .map((instance) => ({ instance, size: sizeOf(instance) }))
    .toSorted((a, b) => b.size - a.size || compareTexts(a.instance.id, b.instance.id))
    .map(({ instance }) => instance)
}

/** Instances of one kind fit, or do not, on the same nodes. */
function kindOf(instance: PendingInstance): string {
  const { group, resources, needsPort, driver, spread, homes, together } = instance
  const { cpu, memoryBytes, diskBytes } = resources
  const { zone, node } = spread
  const tied = homes.map(({ nodeId, because, name }) => `${because} ${name} ${nodeId}`).join()
  const asked = `${cpu} ${memoryBytes} ${diskBytes} ${needsPort} ${driver} ${zone} ${node}`
  return `${group} ${asked} ${together?.app} ${tied}`
}

type Reason = Required<NonNullable<PendingInstance['unplaced']>>

/** One explanation for each kind, written where the record says something else. */
function explainAll(
  view: PlacementView,
  refused: readonly PendingInstance[],
  now: number,
): PlacementAction[] {
  const byKind = new Map<string, Reason>()
  const actions: PlacementAction[] = []
  for (const instance of refused) {
    const kind = kindOf(instance)
    let reason = byKind.get(kind)
    if (reason === undefined) {
      const { because, fix, lacksRoom } = explainPlacement(view, instance, now)
      reason = { because, fix: fix ?? 'none needed', lacksRoom }
      byKind.set(kind, reason)
    }
    const { unplaced } = instance
    if (unplaced !== null && isSame(unplaced, reason)) continue
    actions.push({ type: 'explain', id: instance.id, ...reason })
  }
  return actions
}

function isSame(told: NonNullable<PendingInstance['unplaced']>, reason: Reason): boolean {
  const { because, fix, lacksRoom = false } = told
  return because === reason.because && fix === reason.fix && lacksRoom === reason.lacksRoom
}

/** When a node's status changes next if nothing is heard: reasons that name it are old then. */
function nextStatusChange(view: PlacementView, now: number): number | undefined {
  let next = Infinity
  for (const { heardAt } of view.nodes) {
    for (const since of [heardAt, view.listeningSince]) {
      const at = since === null ? 0 : since + nodeLostAfterMs
      if (at > now) next = Math.min(next, at)
    }
  }
  return next === Infinity ? undefined : next
}

function sentence(actions: readonly PlacementAction[], waiting: number): string {
  const places = actions.filter((action) => action.type === 'place')
  const ends = actions.filter((action) => action.type === 'end')
  const nodes = new Set(places.map((place) => place.nodeId))
  const [place] = places
  const parts = [
    places.length === 1 && `${place!.id} goes to ${place!.nodeId}`,
    places.length > 1 && `${places.length} instances go to ${countOf(nodes.size, 'node')}`,
    ends.length > 0 && `${countOf(ends.length, 'instance')} never ran and is not wanted any more`,
    waiting > 0 && `${countOf(waiting, 'instance')} without a place`,
  ]
  return parts.filter((part) => part !== false).join('; ') || 'no instance wants a place'
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** The view after the placements among `actions`: what the next pass would see of the nodes. */
export function withPlacements(
  view: PlacementView,
  actions: readonly PlacementAction[],
): PlacementView {
  const pending = new Map(view.pending.map((instance) => [instance.id, instance]))
  const taken = new Map<string, { instance: PendingInstance; port: number | null }[]>()
  for (const action of actions) {
    const instance = pending.get(action.id)
    if (instance === undefined) continue
    if (action.type === 'explain') {
      const { because, fix, lacksRoom } = action
      pending.set(action.id, { ...instance, unplaced: { because, fix, lacksRoom } })
      continue
    }
    pending.delete(action.id)
    if (action.type === 'end') continue
    const onNode = taken.get(action.nodeId) ?? []
    taken.set(action.nodeId, [...onNode, { instance, port: action.port }])
  }
  const homes = homesOf(view, actions)
  return {
    ...view,
    nodes: view.nodes.map((node) => withTaken(node, taken.get(node.id) ?? [])),
    pending: [...pending.values()].map((instance) => withHome(instance, homes)),
  }
}

/** Where apps that stand on one node have been put. */
function homesOf(
  view: PlacementView,
  actions: readonly PlacementAction[],
): ReadonlyMap<string, string> {
  const apps = new Map(view.pending.map(({ id, together }) => [id, together?.app]))
  const homes = new Map<string, string>()
  for (const action of actions) {
    const app = apps.get(action.id)
    if (action.type === 'place' && app !== undefined) homes.set(app, action.nodeId)
  }
  return homes
}

function withHome(instance: PendingInstance, homes: ReadonlyMap<string, string>): PendingInstance {
  const { together } = instance
  const nodeId = together && homes.get(together.app)
  if (nodeId === undefined || instance.homes.some((home) => home.nodeId === nodeId)) return instance
  const home: Home = { nodeId, because: 'network', name: together?.app ?? '' }
  return { ...instance, homes: [...instance.homes, home] }
}

function withTaken(
  node: NodeView,
  taken: readonly { instance: PendingInstance; port: number | null }[],
): NodeView {
  if (taken.length === 0) return node
  const groups = new Map(node.groups)
  const portsUsed = new Set(node.portsUsed)
  let { used, portCursor } = node
  for (const { instance, port } of taken) {
    used = addResources(used, instance.resources)
    groups.set(instance.group, (groups.get(instance.group) ?? 0) + 1)
    if (port === null) continue
    portsUsed.add(port)
    portCursor = port
  }
  const inOrder = [...groups].toSorted(([a], [b]) => compareTexts(a, b))
  return { ...node, used, portsUsed, portCursor, groups: new Map(inOrder) }
}

/** The sum of two reservations. */
export function addResources(a: Resources, b: Resources): Resources {
  return {
    cpu: a.cpu + b.cpu,
    memoryBytes: a.memoryBytes + b.memoryBytes,
    diskBytes: a.diskBytes + b.diskBytes,
  }
}
