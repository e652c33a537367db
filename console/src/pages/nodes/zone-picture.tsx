import {
  memo,
  useEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
} from 'react'
import type { NodeView } from '../../../../src/wire/api.ts'
import { fleet, type FleetInstance } from '../../api/fleet.ts'
import { bytes, cores, percent, plural } from '../../words/numbers.ts'
import { boxAt, isIn, namedFrom, nodeIndexAt, packedCells, zoneGrid } from './packing.ts'
import type { Measure, ZoneGrid } from './packing.ts'
import { ZoneCanvas } from './zone-canvas.tsx'
import styles from './nodes.module.css'

/** What lies under the pointer, and where (in the window). */
export interface Pointed {
  readonly node: NodeView
  readonly instance: FleetInstance | undefined
  readonly x: number
  readonly y: number
}

interface ZoneProps {
  readonly zone: string
  readonly nodes: readonly NodeView[]
  readonly nodesInAll: number
  readonly by: Measure
  readonly isSought: (instance: FleetInstance) => boolean
  readonly chosen: string | undefined
  readonly onChoose: (nodeId: string, instanceId?: string) => void
  readonly onPoint: (pointed: Pointed | undefined) => void
}

/** One zone: its nodes as boxes. A box is a link; arrow keys go from box to box. */
export const ZonePicture = memo(function ZonePicture(props: ZoneProps) {
  const { zone, nodes, nodesInAll, by, isSought, onChoose, onPoint } = props
  const place = useRef<HTMLDivElement>(null)
  const width = useWidth(place)
  const grid = useMemo(
    () => zoneGrid(nodes.length, nodesInAll, width),
    [nodes.length, nodesInAll, width],
  )
  const pointedAt = (event: MouseEvent): Omit<Pointed, 'x' | 'y'> | undefined => {
    const { left, top } = event.currentTarget.getBoundingClientRect()
    return whatIsAt(nodes, grid, by, event.clientX - left, event.clientY - top)
  }
  const onPointerMove = (event: PointerEvent): void => {
    const found = event.pointerType === 'touch' ? undefined : pointedAt(event)
    onPoint(found && { ...found, x: event.clientX, y: event.clientY })
  }
  const onClick = (event: MouseEvent): void => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    // By the keyboard there is no point, but the box that has the focus.
    const link = (event.target as Element).closest<HTMLElement>('[data-node]')
    const found = event.detail === 0 ? undefined : pointedAt(event)
    const nodeId = found?.node.id ?? link?.dataset['node']
    if (nodeId !== undefined) onChoose(nodeId, found?.instance?.id)
  }
  return (
    <section className={styles.zone} aria-label={`Zone ${zone}`}>
      <ZoneHead zone={zone} nodes={nodes} />
      <div
        ref={place}
        className={styles.boxes}
        style={{ height: grid.totalHeight }}
        onPointerMove={onPointerMove}
        onPointerLeave={() => onPoint(undefined)}
        onClick={onClick}
        onKeyDown={(event) => moveFocus(event, grid.columns)}
        role="list"
        aria-label={`Nodes of zone ${zone}`}
      >
        <ZoneCanvas nodes={nodes} grid={grid} width={width} by={by} isSought={isSought} />
        <Boxes nodes={nodes} grid={grid} chosen={props.chosen} />
      </div>
    </section>
  )
})

/** One element for each node, above what is drawn. */
const Boxes = memo(function Boxes(props: {
  readonly nodes: readonly NodeView[]
  readonly grid: ZoneGrid
  readonly chosen: string | undefined
}) {
  const { nodes, grid, chosen } = props
  const isNamed = grid.width >= namedFrom
  // One stop of the tab key for a zone; the arrows lead on from there.
  const stop = nodes.some(({ id }) => id === chosen) ? chosen : nodes[0]?.id
  return nodes.map((node, index) => {
    const { x, y, width, height } = boxAt(grid, index)
    return (
      <div key={node.id} role="listitem" className={styles.boxItem}>
        <a
          href={`?node=${encodeURIComponent(node.id)}`}
          className={styles.box}
          style={{ left: x, top: y, width, height }}
          data-node={node.id}
          aria-label={boxLabel(node)}
          aria-current={node.id === chosen}
          tabIndex={node.id === stop ? 0 : -1}
        >
          {isNamed && (
            <span className={styles.boxName} aria-hidden="true">
              {node.id}
            </span>
          )}
        </a>
      </div>
    )
  })
})

function ZoneHead({ zone, nodes }: { readonly zone: string; readonly nodes: readonly NodeView[] }) {
  const sum = (of: (node: NodeView) => number): number =>
    nodes.reduce((total, node) => total + of(node), 0)
  const cpu = sum(({ reserved }) => reserved.cpu) / sum(({ capacity }) => capacity.cpu)
  const memory =
    sum(({ reserved }) => reserved.memoryBytes) / sum(({ capacity }) => capacity.memoryBytes)
  const whole = (share: number): string => percent(Math.round((share || 0) * 100) / 100)
  return (
    <div className={styles.zoneHead}>
      <h2>Zone {zone}</h2>
      <p>
        {plural(nodes.length, 'node')} ·{' '}
        {plural(
          sum(({ reserved }) => reserved.instances),
          'instance',
        )}{' '}
        · cpu {whole(cpu)} · memory {whole(memory)} reserved
      </p>
    </div>
  )
}

const statusWords = { ready: 'ready', lost: 'lost', unknown: 'not heard of yet' } as const

function boxLabel({ id, status, reserved, capacity }: NodeView): string {
  const cpu = `${cores(reserved.cpu)} of ${plural(capacity.cpu, 'core')}`
  const memory = `${bytes(reserved.memoryBytes)} of ${bytes(capacity.memoryBytes)}`
  const held = plural(reserved.instances, 'instance')
  return `${id}, ${statusWords[status]}, ${held}, ${cpu}, ${memory} reserved`
}

function whatIsAt(
  nodes: readonly NodeView[],
  grid: ZoneGrid,
  by: Measure,
  x: number,
  y: number,
): Omit<Pointed, 'x' | 'y'> | undefined {
  const index = nodeIndexAt(grid, nodes.length, x, y)
  const node = index === undefined ? undefined : nodes[index]
  if (index === undefined || node === undefined) return undefined
  const box = boxAt(grid, index)
  const inner = { width: box.width - 2, height: box.height - 2 }
  const cells = packedCells(fleet.on(node.id).values(), node.capacity, by, inner)
  const cell = cells.find((one) => isIn(one, x - box.x - 1, y - box.y - 1))
  return { node, instance: cell?.instance }
}

/** Arrow keys, Home and End among the boxes of a zone. */
function moveFocus(event: KeyboardEvent<HTMLElement>, columns: number): void {
  const boxes = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-node]')]
  const at = boxes.indexOf(event.target as HTMLElement)
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: at + 1,
    ArrowLeft: at - 1,
    ArrowDown: at + columns,
    ArrowUp: at - columns,
    Home: 0,
    End: boxes.length - 1,
  }
  const to = steps[event.key]
  const target = to === undefined ? undefined : boxes[to]
  if (at === -1 || target === undefined) return
  event.preventDefault()
  target.focus()
}

/** The width of an element, followed as it changes. */
function useWidth(place: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0)
  useEffect(() => {
    const element = place.current
    if (element === null) return
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.floor(entry.contentRect.width))
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [place])
  return width
}
