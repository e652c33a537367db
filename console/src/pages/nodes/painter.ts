import type { NodeView } from '../../../../src/wire/api.ts'
import type { FleetInstance, NodeLoad } from '../../api/fleet.ts'
import { instanceWording } from '../../words/instances.ts'
import type { Tone } from '../../words/states.ts'
import { packedCells, type Measure, type Rectangle } from './packing.ts'

/** Draws the boxes of nodes and what lies in them: 20,000 cells are too many for elements. */

/** The colours of the scheme that is in force, taken from the style sheet. */
export interface Paint {
  readonly tones: Readonly<Record<Tone, string>>
  readonly ground: string
  readonly line: string
  readonly bad: string
  readonly badGround: string
}

export function paintOf(element: Element): Paint {
  const style = getComputedStyle(element)
  const colour = (name: string): string => style.getPropertyValue(name).trim()
  return {
    tones: {
      good: colour('--good-fill'),
      moving: colour('--moving-fill'),
      warning: colour('--warning-fill'),
      bad: colour('--bad-fill'),
      quiet: colour('--quiet-fill'),
    },
    ground: colour('--surface-2'),
    line: colour('--line-strong'),
    bad: colour('--bad-fill'),
    badGround: colour('--bad-soft'),
  }
}

/** What is drawn of a node, beside its place. */
export interface NodePicture {
  readonly node: NodeView
  readonly load: NodeLoad
  readonly by: Measure
  /** What the reader looks for; everything else is pale. */
  readonly isSought: (instance: FleetInstance) => boolean
}

/** Cells at least this large have a gap between them, and a mark where they are in trouble. */
const roomyFrom = 5

/** What is not looked for. */
const paleAlpha = 0.16

export function drawNode(
  context: CanvasRenderingContext2D,
  box: Rectangle,
  { node, load, by, isSought }: NodePicture,
  paint: Paint,
): void {
  const isLost = node.status === 'lost'
  context.clearRect(box.x - 2, box.y - 2, box.width + 4, box.height + 4)
  context.fillStyle = isLost ? paint.badGround : paint.ground
  context.fillRect(box.x, box.y, box.width, box.height)
  const inner = { width: box.width - 2, height: box.height - 2 }
  for (const cell of packedCells(load.values(), node.capacity, by, inner)) {
    const { instance } = cell
    const { tone } = instanceWording(instance.state, instance.pool)
    const isRoomy = cell.width >= roomyFrom && cell.height >= roomyFrom
    const gap = isRoomy ? 1 : 0.35
    context.globalAlpha = (isLost ? 0.45 : 1) * (isSought(instance) ? 1 : paleAlpha)
    context.fillStyle = paint.tones[tone]
    const [x, y] = [box.x + 1 + cell.x, box.y + 1 + cell.y]
    const [width, height] = [cell.width - gap, cell.height - gap]
    context.fillRect(x, y, Math.max(0.6, width), Math.max(0.6, height))
    if (isRoomy && tone === 'bad') notch(context, x, y, Math.min(width, height), paint)
  }
  context.globalAlpha = 1
  context.lineWidth = isLost ? 2 : 1
  context.strokeStyle = isLost ? paint.bad : paint.line
  context.setLineDash(node.status === 'unknown' ? [3, 3] : [])
  context.strokeRect(box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1)
  context.setLineDash([])
  if (isLost) cross(context, box, paint)
}

/** A corner is cut out of what is in trouble: colour alone would not tell everybody. */
function notch(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  side: number,
  paint: Paint,
): void {
  const size = side * 0.6
  context.fillStyle = paint.ground
  context.beginPath()
  context.moveTo(x, y)
  context.lineTo(x + size, y)
  context.lineTo(x, y + size)
  context.fill()
}

function cross(context: CanvasRenderingContext2D, box: Rectangle, paint: Paint): void {
  context.strokeStyle = paint.bad
  context.lineWidth = 1.5
  context.beginPath()
  context.moveTo(box.x, box.y)
  context.lineTo(box.x + box.width, box.y + box.height)
  context.moveTo(box.x + box.width, box.y)
  context.lineTo(box.x, box.y + box.height)
  context.stroke()
}
