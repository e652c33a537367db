import { nodeStatus, type NodeStatus, type Resources } from '../nodes/model.ts'
import type {
  Assessment,
  NodeVerdict,
  NodeView,
  Obstacle,
  PlacementExplanation,
  PlacementView,
  Wish,
} from './model.ts'
import { compareTexts, cpuTolerance, freePortsOf } from './plan-fleet.ts'
import { obstaclesText, obstacleText, remedyText } from './plan-words.ts'
import { smallestRemedies } from './plan-remedies.ts'

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
    return { because, fix: null, remedies: [], nodes }
  }
  const remedies = smallestRemedies(assessments, wish)
  const fix = remedies.map(remedyText).join(', or ')
  if (nodes.length === 0) {
    return { because: 'no node is known', fix: `start an agent, or ${fix}`, remedies, nodes }
  }
  return { because: commonestFirst(assessments), fix, remedies, nodes }
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
  return view.nodes
    .toSorted((a, b) => compareTexts(a.id, b.id))
    .map((node) => {
      const status = statusOf(node)
      /** A lost node would bring its own back into the zone. */
      const own = status === 'lost' ? (node.groups.get(wish.group) ?? 0) : 0
      const groupInZone = (inZone.get(node.zone) ?? 0) + own
      const obstacles = obstaclesOn(node, status, wish, groupInZone)
      return { node, status, obstacles, groupInZone }
    })
}

function obstaclesOn(
  node: NodeView,
  status: NodeStatus,
  wish: Wish,
  groupInZone: number,
): Obstacle[] {
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
  if (wish.needsPort && freePortsOf(node) < 1) {
    obstacles.push({ kind: 'port', from: node.portsFrom, to: node.portsTo })
  }
  if (wish.spread.zone === 'require' && groupInZone > 0) {
    obstacles.push({ kind: 'zone', zone: node.zone })
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
