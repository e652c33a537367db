import type { NodeView } from '../../../../src/wire/api.ts'
import type { FleetInstance } from '../../api/fleet.ts'

/** Where things stand in the packing picture: pure geometry, in CSS pixels. */

/** What a node's box is filled by. */
export type Measure = 'cpu' | 'memory'

export interface Rectangle {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface PackedCell extends Rectangle {
  readonly instance: FleetInstance
}

/** A cell narrower than this could be neither seen nor pointed at: what reserves nothing at all. */
const shareMin = 0.002

/**
 * Lays instances into a node's box from the bottom up, in their order: an instance's part of the
 * area is its part of the node. What is left free stays free at the top.
 */
export function packedCells(
  instances: Iterable<FleetInstance>,
  capacity: NodeView['capacity'],
  by: Measure,
  { width, height }: Pick<Rectangle, 'width' | 'height'>,
): readonly PackedCell[] {
  const shares = [...instances].map((instance) => ({
    instance,
    share: Math.max(shareMin, shareOf(instance, capacity, by)),
  }))
  const sum = shares.reduce((total, { share }) => total + share, 0)
  // Reserved beyond what there is (its capacity was lowered): all of it is shown, smaller.
  const scale = sum > 1 ? 1 / sum : 1
  const used = sum * scale * height
  const count = Math.max(1, Math.round(Math.sqrt((shares.length * used) / width)))
  const cells: PackedCell[] = []
  let bottom = height
  for (const row of rowsOf(shares, sum / count)) {
    const rowShare = row.reduce((total, { share }) => total + share, 0)
    const rowHeight = rowShare * scale * height
    let x = 0
    for (const { instance, share } of row) {
      const cellWidth = (share / rowShare) * width
      cells.push({ instance, x, y: bottom - rowHeight, width: cellWidth, height: rowHeight })
      x += cellWidth
    }
    bottom -= rowHeight
  }
  return cells
}

/** A node's part that an instance has reserved, 0 to 1. */
export function shareOf(
  { cpu, memoryBytes }: Pick<FleetInstance, 'cpu' | 'memoryBytes'>,
  capacity: NodeView['capacity'],
  by: Measure,
): number {
  const [wanted, there] = by === 'cpu' ? [cpu, capacity.cpu] : [memoryBytes, capacity.memoryBytes]
  return there === 0 ? 0 : wanted / there
}

/** Cuts a list into rows of about the same sum, in order. */
function rowsOf<T extends { readonly share: number }>(all: readonly T[], rowSum: number): T[][] {
  const rows: T[][] = []
  let sum = 0
  for (const one of all) {
    const row = Math.floor((sum + one.share / 2) / rowSum)
    sum += one.share
    const last = rows.at(-1)
    if (last === undefined || row >= rows.length) rows.push([one])
    else last.push(one)
  }
  return rows
}

/** Where the boxes of a zone stand. */
export interface ZoneGrid {
  readonly columns: number
  /** Of one box. */
  readonly width: number
  readonly height: number
  readonly gap: number
  /** Of the whole zone. */
  readonly totalHeight: number
}

/** The side of a box, by how many nodes there are in all: few are drawn large. */
const sizes = [
  { nodesMax: 12, side: 168 },
  { nodesMax: 60, side: 104 },
  { nodesMax: 200, side: 64 },
  { nodesMax: Infinity, side: 42 },
] as const

/** A box of at least this width has its name written on it, in CSS pixels. */
export const namedFrom = 90

/** The grid of a zone of `nodes`, one of `nodesInAll`, across `width` pixels. */
export function zoneGrid(nodes: number, nodesInAll: number, width: number): ZoneGrid {
  const wanted = sizes.find(({ nodesMax }) => nodesInAll <= nodesMax)?.side ?? 42
  const gap = wanted > namedFrom ? 12 : 6
  // On a telephone two large boxes stand side by side.
  const side = Math.min(wanted, Math.max(1, Math.floor((width - gap) / 2)))
  const columns = Math.max(1, Math.floor((width + gap) / (side + gap)))
  const rows = Math.max(1, Math.ceil(nodes / columns))
  // Full rows reach to the edge.
  const own = rows === 1 ? side : Math.floor((width + gap) / columns) - gap
  return { columns, width: own, height: own, gap, totalHeight: rows * (own + gap) - gap }
}

/** The box of the zone's node number `index`. */
export function boxAt(grid: ZoneGrid, index: number): Rectangle {
  const { columns, width, height, gap } = grid
  const x = (index % columns) * (width + gap)
  const y = Math.floor(index / columns) * (height + gap)
  return { x, y, width, height }
}

/** The number of the node at a point; undefined between the boxes and beyond them. */
export function nodeIndexAt(
  grid: ZoneGrid,
  nodes: number,
  x: number,
  y: number,
): number | undefined {
  const column = Math.floor(x / (grid.width + grid.gap))
  const row = Math.floor(y / (grid.height + grid.gap))
  const index = row * grid.columns + column
  if (x < 0 || y < 0 || column >= grid.columns || index >= nodes) return undefined
  return isIn(boxAt(grid, index), x, y) ? index : undefined
}

export function isIn(box: Rectangle, x: number, y: number): boolean {
  return x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height
}

/** Nodes by zone, zones and nodes by name (`n-2` before `n-10`). */
export function zonesOf(nodes: readonly NodeView[]): readonly (readonly [string, NodeView[]])[] {
  const zones = new Map<string, NodeView[]>()
  for (const node of nodes) {
    const zone = zones.get(node.zone)
    if (zone === undefined) zones.set(node.zone, [node])
    else zone.push(node)
  }
  for (const zone of zones.values()) zone.sort((a, b) => byName.compare(a.id, b.id))
  return [...zones].toSorted(([a], [b]) => byName.compare(a, b))
}

const byName = new Intl.Collator('en', { numeric: true })
