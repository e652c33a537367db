import { nodeStatus, type NodeStatus, type Resources } from '../nodes/model.ts'
import {
  cpuTolerance,
  hasDriver,
  type Assessment,
  type NodeVerdict,
  type NodeView,
  type Obstacle,
  type PlacementExplanation,
  type PlacementView,
  type Wish,
  type ZoneCount,
} from './model.ts'
import { compareTexts, freePortsOf } from './plan-fleet.ts'
import { obstaclesText, obstacleText, remedyText } from './plan-words.ts'
import { smallestRemedies } from './plan-remedies.ts'
import { emptiestOf, zonesFor } from './plan-zones.ts'

/**
 * Says where an instance would fit now, node by node, and, when nowhere, the smallest change after
 * which it would. The planner gives an instance a node exactly when one `fits` here.
 */
export function explainPlacement(
  view: PlacementView,
  wish: Wish,
  now: number,
): PlacementExplanation {
  const assessments = assess(view, wish, now)
  const nodes = assessments.map(verdictOf)
  const fitting = nodes.filter((node) => node.verdict === 'fits').length
  if (fitting > 0) {
    const because = `it fits on ${fitting} of ${nodes.length} ${plural('node', nodes.length)}`
    return { because, fix: null, lacksRoom: false, remedies: [], nodes }
  }
  const remedies = smallestRemedies(assessments, wish)
  const fix = remedies.map(remedyText).join(', or ')
  if (nodes.length === 0) {
    const because = 'no node is known'
    return { because, fix: `start an agent, or ${fix}`, lacksRoom: false, remedies, nodes }
  }
  const lacksRoom = assessments.some(({ obstacles }) => obstacles.every(isOfRoom))
  return { because: commonestFirst(assessments), fix, lacksRoom, remedies, nodes }
}

/** Whether it is gone once others have left the node. */
function isOfRoom({ kind }: Obstacle): boolean {
  return kind === 'port' || measures.some((measure) => measure.kind === kind)
}

/** Every node with what is in the way, in the order of the nodes' ids. */
function assess(view: PlacementView, wish: Wish, now: number): Assessment[] {
  const statusOf = ({ heardAt }: NodeView): NodeStatus =>
    nodeStatus(heardAt, view.listeningSince, now)
  const inZone = new Map<string, number>()
  for (const node of view.nodes) {
    if (statusOf(node) === 'lost') continue
    const count = node.groups.get(wish.group) ?? 0
    inZone.set(node.zone, (inZone.get(node.zone) ?? 0) + count)
  }
  const standings = view.nodes
    .toSorted((a, b) => compareTexts(a.id, b.id))
    .map((node) => {
      const status = statusOf(node)
      /** A lost node would bring its own back into the zone. */
      const own = status === 'lost' ? (node.groups.get(wish.group) ?? 0) : 0
      return { node, status, groupInZone: (inZone.get(node.zone) ?? 0) + own }
    })
  const zones = wish.spread.zone === 'require' ? zonesFor(standings, wish) : []
  return standings.map((standing) => {
    const { node, status, groupInZone } = standing
    const here = { zone: node.zone, holds: groupInZone }
    const obstacles = [
      ...obstaclesOn(node, status, wish),
      ...spreadObstacles(node, wish, here, zones),
    ]
    return { ...standing, obstacles }
  })
}

function obstaclesOn(node: NodeView, status: NodeStatus, wish: Wish): Obstacle[] {
  const obstacles: Obstacle[] = []
  if (status !== 'ready') obstacles.push({ kind: status })
  for (const { kind, member, tolerance } of measures) {
    const wants = wish.resources[member]
    const of = node.capacity[member]
    const free = of - node.used[member]
    if (free - wants < -tolerance) {
      obstacles.push({ kind, wants, free: Math.max(0, free), of })
    }
  }
  const home = wish.homes.find(({ nodeId }) => nodeId !== node.id)
  if (home !== undefined) obstacles.push({ kind: 'home', home })
  const { driver } = wish
  if (driver !== undefined && !hasDriver(node, driver)) obstacles.push({ kind: 'driver', driver })
  if (wish.needsPort && freePortsOf(node) < 1) {
    obstacles.push({ kind: 'port', from: node.portsFrom, to: node.portsTo })
  }
  return obstacles
}

/** `zones`: those among which `here` has to stay even; none where nothing is required. */
function spreadObstacles(
  node: NodeView,
  wish: Wish,
  here: ZoneCount,
  zones: readonly ZoneCount[],
): Obstacle[] {
  const obstacles: Obstacle[] = []
  const emptiest = emptiestOf(zones, here.zone)
  if (emptiest !== undefined && here.holds > emptiest.holds) {
    obstacles.push({ kind: 'zone', here, emptiest })
  }
  if (wish.spread.node === 'require' && (node.groups.get(wish.group) ?? 0) > 0) {
    obstacles.push({ kind: 'node' })
  }
  return obstacles
}

/** The resources by the names of their obstacles, in the order in which people are told of them. */
const measures: readonly {
  readonly kind: 'cpu' | 'memory' | 'disk'
  readonly member: keyof Resources
  readonly tolerance: number
}[] = [
  { kind: 'memory', member: 'memoryBytes', tolerance: 0 },
  { kind: 'cpu', member: 'cpu', tolerance: cpuTolerance },
  { kind: 'disk', member: 'diskBytes', tolerance: 0 },
]

function verdictOf({ node, obstacles }: Assessment): NodeVerdict {
  const { id: nodeId, zone } = node
  if (obstacles.length > 0) {
    return { nodeId, zone, verdict: 'refused', because: obstacles.map(obstacleText).join('; ') }
  }
  return { nodeId, zone, verdict: 'fits', because: 'it has room' }
}

/** All kinds of obstacles in one sentence, the commonest first. */
function commonestFirst(assessments: readonly Assessment[]): string {
  const byKind = new Map<Obstacle['kind'], Obstacle[]>()
  for (const { obstacles } of assessments) {
    for (const obstacle of obstacles) {
      const same = byKind.get(obstacle.kind) ?? []
      same.push(obstacle)
      byKind.set(obstacle.kind, same)
    }
  }
  const kinds = [...byKind.values()].toSorted((a, b) => b.length - a.length)
  const parts = kinds.map((obstacles) => obstaclesText(obstacles, assessments.length))
  return `no node can take it: ${parts.join('; ')}`
}

function plural(noun: string, count: number): string {
  return count === 1 ? noun : `${noun}s`
}
