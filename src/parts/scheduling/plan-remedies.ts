import type { Resources } from '../nodes/model.ts'
import {
  cpuTolerance,
  type Assessment,
  type Home,
  type Obstacle,
  type Remedy,
  type Wish,
} from './model.ts'
import { compareTexts } from './plan-fleet.ts'
import { emptiestOf, zonesFor } from './plan-zones.ts'

/**
 * The smallest changes after which an instance that fits nowhere would fit; any one is enough.
 *
 * A figure comes before a rule, a rule before a machine: first the node that lacks the least, then
 * the spread rule that is in the way, and a new node where nothing else would do.
 */
export function smallestRemedies(assessments: readonly Assessment[], wish: Wish): Remedy[] {
  const [tie] = wish.homes
  if (tie !== undefined) return remediesAtHome(assessments, wish, tie)
  const ready = assessments.filter(({ status }) => status === 'ready')
  if (ready.length === 0) return remediesWithoutNodes(assessments, wish)
  const figures = figureRemedies(assessments, wish)
  if (figures.length > 0) return figures
  return [addNode(assessments, wish), ...ruleRemedies(ready)]
}

/** Only its own node helps, or nothing that ties it to it. */
function remediesAtHome(assessments: readonly Assessment[], wish: Wish, from: Home): Remedy[] {
  const { resources, needsPort: port } = wish
  const driver = wish.driver ?? null
  const untie: Remedy = { type: 'untie', from, resources, port, driver }
  const isHome = ({ obstacles }: Assessment): boolean =>
    !obstacles.some(({ kind }) => kind === 'home')
  const home = assessments.find(isHome)
  if (home === undefined) return [untie]
  const { status, obstacles, node } = home
  if (status !== 'ready' && obstacles.length === 1) {
    const type = status === 'lost' ? 'return' : 'wait'
    return [{ type, nodeId: node.id }, untie]
  }
  if (status !== 'ready' || obstacles.some(({ kind }) => isNoFigure(kind))) return [untie]
  return [...figureRemediesOn(home, assessments, wish), untie]
}

/** No node may be used now: whichever comes back or is heard first helps, if it has room. */
function remediesWithoutNodes(assessments: readonly Assessment[], wish: Wish): Remedy[] {
  const withRoom = assessments.filter(({ obstacles }) => obstacles.length === 1)
  const unknown = withRoom.find(({ status }) => status === 'unknown')
  if (unknown !== undefined) return [{ type: 'wait', nodeId: unknown.node.id }]
  const lost = withRoom.find(({ status }) => status === 'lost')
  if (lost !== undefined) return [{ type: 'return', nodeId: lost.node.id }]
  return [addNode(assessments, wish)]
}

/** What would do on the node that lacks the least, of those where no rule is in the way. */
function figureRemedies(assessments: readonly Assessment[], wish: Wish): Remedy[] {
  const candidates = assessments
    .filter(({ status }) => status === 'ready')
    .filter(({ obstacles }) => !obstacles.some(({ kind }) => isNoFigure(kind)))
    .toSorted(compareLacks)
  for (const candidate of candidates) {
    const remedies = figureRemediesOn(candidate, assessments, wish)
    if (remedies.length > 0) return remedies
  }
  return []
}

/** What no figure mends: a rule of the spread, or a node without a driver. */
function isNoFigure(kind: Obstacle['kind']): boolean {
  return kind === 'zone' || kind === 'node' || kind === 'driver' || kind === 'home'
}

function compareLacks(a: Assessment, b: Assessment): number {
  return (
    a.obstacles.length - b.obstacles.length ||
    shareLacking(a) - shareLacking(b) ||
    compareTexts(a.node.id, b.node.id)
  )
}

function shareLacking(assessment: Assessment): number {
  return lacksOf(assessment).reduce((sum, { wants, free }) => sum + (wants - free) / wants, 0)
}

type Lack = Extract<Obstacle, { kind: 'cpu' | 'memory' | 'disk' }>

function lacksOf({ obstacles }: Assessment): Lack[] {
  return obstacles.filter((obstacle): obstacle is Lack => 'wants' in obstacle)
}

/** Lower what the instance asks for, or free that much: where the node allows it. */
function figureRemediesOn(
  assessment: Assessment,
  all: readonly Assessment[],
  wish: Wish,
): Remedy[] {
  const { node, obstacles } = assessment
  const lacks = lacksOf(assessment)
  const port = obstacles.some(({ kind }) => kind === 'port')
  const remedies: Remedy[] = []
  if (!port && lacks.every(canBeLowered)) {
    const to = membersOf(lacks, loweredTo)
    if (staysEven(assessment, all, { ...wish, resources: { ...wish.resources, ...to } })) {
      remedies.push({ type: 'lower', to })
    }
  }
  const isLargeEnough = lacks.every(({ wants, of }) => wants <= of)
  if (isLargeEnough && (!port || node.portsTo >= node.portsFrom)) {
    remedies.push({ type: 'free', nodeId: node.id, resources: membersOf(lacks, missing), port })
  }
  return remedies
}

function membersOf(lacks: readonly Lack[], amount: (lack: Lack) => number): Partial<Resources> {
  const members = { cpu: 'cpu', memory: 'memoryBytes', disk: 'diskBytes' } as const
  return Object.fromEntries(lacks.map((lack) => [members[lack.kind], amount(lack)]))
}

/** What asks for less has more zones that could take it, and has to be even among all of them. */
function staysEven(
  { node, groupInZone }: Assessment,
  all: readonly Assessment[],
  lowered: Wish,
): boolean {
  if (lowered.spread.zone !== 'require') return true
  return groupInZone <= (emptiestOf(zonesFor(all, lowered), node.zone)?.holds ?? groupInZone)
}

/**
 * Under a quarter of what it asked for, an instance is another program: then lowering is no advice.
 */
const lowestShare = 0.25

function canBeLowered(lack: Lack): boolean {
  return loweredTo(lack) >= lack.wants * lowestShare && loweredTo(lack) > 0
}

/** What is free, cut to a figure that people write. */
function loweredTo({ kind, free }: Lack): number {
  if (kind === 'cpu') return Math.floor(free * 100 + cpuTolerance) / 100
  const unit = unitFor(free)
  return Math.floor(free / unit) * unit
}

/** What is missing, raised to a figure that people write, but never above what is in use. */
function missing({ kind, wants, free, of }: Lack): number {
  const lack = wants - free
  if (kind === 'cpu') return Math.min(Math.ceil(lack * 100 - cpuTolerance) / 100, of - free)
  const unit = unitFor(lack)
  return Math.min(Math.ceil(lack / unit) * unit, of - free)
}

function unitFor(bytes: number): number {
  return bytes >= 2 ** 20 ? 2 ** 20 : bytes >= 2 ** 10 ? 2 ** 10 : 1
}

/** A rule that alone keeps it from some node. */
function ruleRemedies(ready: readonly Assessment[]): Remedy[] {
  const rules = (['node', 'zone'] as const).filter((rule) =>
    ready.some(({ obstacles }) => obstacles.length === 1 && obstacles[0]?.kind === rule),
  )
  return rules.slice(0, 1).map((rule) => ({ type: 'relax', rule }))
}

function addNode(assessments: readonly Assessment[], wish: Wish): Remedy {
  const { resources, needsPort: port } = wish
  const zones = wish.spread.zone === 'require' ? zonesFor(assessments, wish) : []
  const driver = wish.driver ?? null
  return { type: 'add-node', zone: emptiestOf(zones)?.zone ?? null, resources, port, driver }
}
