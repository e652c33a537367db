import {
  BaseEdge,
  getBezierPath,
  Handle,
  MarkerType,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  type Edge,
  type EdgeProps,
  type Node,
  type NodeProps,
} from '@xyflow/react'
import '@xyflow/react/dist/base.css'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useMemo } from 'react'
import type { ServiceView } from '../../../../src/wire/api.ts'
import { Pips } from '../../marks/pips.tsx'
import { rate } from '../../words/numbers.ts'
import { edgesOf, labelPlaceOf, nodeHeightPx, nodeWidthPx, placesOf } from './graph.ts'
import styles from './graph.module.css'

/** The lazily loaded picture of who calls whom; the table beneath tells the same in words. */

/** Narrower than this the callers stand above what they call. */
const narrowPx = 640

type ServiceNode = Node<{ readonly service: ServiceView | null; readonly isNarrow: boolean }>

const nodeTypes = { service: ServiceBox }
const edgeTypes = { call: CallEdge }

export function ServiceGraph({ services }: { readonly services: readonly ServiceView[] }) {
  const { ref, width } = useElementSize()
  const isNarrow = width > 0 && width < narrowPx
  const shape = JSON.stringify(services.map(({ name, needs, url }) => ({ name, needs, url })))
  const placed = useMemo(
    () => placesOf(JSON.parse(shape) as ServiceView[], isNarrow),
    [shape, isNarrow],
  )
  const words = services.map(({ name, needs }) =>
    needs.length === 0 ? name : `${name} calls ${needs.join(' and ')}`,
  )
  return (
    <div
      ref={ref}
      className={styles.graph}
      // As high as the picture is, so that a small app has no empty water around it.
      style={{ height: heightOf(placed, width) }}
      role="img"
      aria-label={`Services: ${words.join('; ')}`}
    >
      {width > 0 && (
        <ReactFlowProvider>
          <Picture services={services} places={placed.places} width={width} isNarrow={isNarrow} />
        </ReactFlowProvider>
      )}
    </div>
  )
}

/** Room around the picture, in pixels. */
const marginPx = 14
const heightMaxPx = 460

function heightOf(
  { widthPx, heightPx }: { readonly widthPx: number; readonly heightPx: number },
  width: number,
): number {
  const scale = width === 0 ? 1 : Math.min(1, (width - 2 * marginPx) / Math.max(1, widthPx))
  return Math.min(heightMaxPx, heightPx * scale + 2 * marginPx)
}

function Picture(props: {
  readonly services: readonly ServiceView[]
  readonly places: readonly { readonly id: string; readonly x: number; readonly y: number }[]
  readonly width: number
  readonly isNarrow: boolean
}) {
  const { services, places, width, isNarrow } = props
  const { fitView } = useReactFlow()
  useEffect(() => {
    void fitView({ padding: `${marginPx}px`, maxZoom: 1 })
  }, [fitView, places, width])
  const nodes: ServiceNode[] = places.map(({ id, x, y }) => ({
    id,
    type: 'service',
    position: { x, y },
    width: nodeWidthPx,
    height: nodeHeightPx,
    data: { service: services.find(({ name }) => name === id) ?? null, isNarrow },
  }))
  return (
    <ReactFlow
      nodes={nodes}
      edges={drawnEdges(services)}
      nodeTypes={nodeTypes}
      edgeTypes={edgeTypes}
      fitView
      fitViewOptions={{ padding: `${marginPx}px`, maxZoom: 1 }}
      minZoom={0.1}
      // A picture, not an editor: the page scrolls over it.
      nodesDraggable={false}
      nodesConnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      elementsSelectable={false}
      panOnDrag={false}
      panOnScroll={false}
      zoomOnScroll={false}
      zoomOnPinch={false}
      zoomOnDoubleClick={false}
      preventScrolling={false}
      disableKeyboardA11y
      proOptions={{ hideAttribution: true }}
    />
  )
}

function drawnEdges(services: readonly ServiceView[]): Edge[] {
  const rates = new Map(services.map((one) => [one.name, one.traffic?.requestsPerSecond ?? 0]))
  const failing = new Set(
    services.filter(({ traffic }) => (traffic?.failedPerSecond ?? 0) > 0).map(({ name }) => name),
  )
  return edgesOf(services, (name) => rates.get(name) ?? 0).map(({ from, to, perSecond }) => ({
    id: `${from}>${to}`,
    source: from,
    target: to,
    type: 'call',
    className: failing.has(to) ? (styles.failing ?? '') : (styles.edge ?? ''),
    markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14 },
    animated: (rates.get(to) ?? 0) > 0,
    ...(perSecond === null ? {} : { label: `${rate(perSecond)}/s` }),
  }))
}

function CallEdge(props: EdgeProps) {
  const { sourceX, sourceY, targetX, targetY, targetPosition, markerEnd, label } = props
  const [path] = getBezierPath(props)
  const isNarrow = targetPosition === Position.Top
  const place = labelPlaceOf({ x: sourceX, y: sourceY }, { x: targetX, y: targetY }, isNarrow)
  const drawn = { path, label, labelX: place.x, labelY: place.y }
  return <BaseEdge {...drawn} {...(markerEnd === undefined ? {} : { markerEnd })} />
}

function ServiceBox({ data: { service, isNarrow } }: NodeProps<ServiceNode>) {
  return (
    <div className={styles.box} data-tone={toneOf(service)} data-outside={service === null}>
      <Handle type="target" position={isNarrow ? Position.Top : Position.Left} />
      {service === null ? (
        <b>Outside</b>
      ) : (
        <>
          <b title={service.name}>{service.name}</b>
          <span className={styles.boxLine}>
            <span>
              {service.ready}/{service.wanted}
            </span>
            <Pips service={service} />
            {!service.worker && (
              <span className={styles.boxRate}>
                {rate(service.traffic?.requestsPerSecond ?? 0)}/s
              </span>
            )}
          </span>
        </>
      )}
      <Handle type="source" position={isNarrow ? Position.Bottom : Position.Right} />
    </div>
  )
}

function toneOf(service: ServiceView | null): string {
  if (service === null || service.stopped) return 'quiet'
  if (service.ready === 0 && service.wanted > 0) return 'bad'
  return service.ready < service.wanted ? 'warning' : 'good'
}
