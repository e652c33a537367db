import { useComputedColorScheme } from '@mantine/core'
import { useEffect, useRef, type RefObject } from 'react'
import type { NodeView } from '../../../../src/wire/api.ts'
import { fleet, type FleetInstance } from '../../api/fleet.ts'
import { drawNode, paintOf, type Paint } from './painter.ts'
import { boxAt, type Measure, type ZoneGrid } from './packing.ts'
import styles from './nodes.module.css'

interface CanvasProps {
  readonly nodes: readonly NodeView[]
  readonly grid: ZoneGrid
  readonly width: number
  readonly by: Measure
  readonly isSought: (instance: FleetInstance) => boolean
}

/** The drawn part of a zone; a change draws the one node anew that it concerns, outside of React. */
export function ZoneCanvas(props: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const scheme = useComputedColorScheme('light')
  useDrawing(canvas, props, scheme)
  return <canvas ref={canvas} className={styles.canvas} aria-hidden="true" />
}

function useDrawing(
  place: RefObject<HTMLCanvasElement | null>,
  { nodes, grid, width, by, isSought }: CanvasProps,
  scheme: string,
): void {
  useEffect(() => {
    const canvas = place.current
    const context = canvas?.getContext('2d')
    if (canvas === null || !context || width === 0) return
    const ratio = window.devicePixelRatio
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(Math.max(1, grid.totalHeight) * ratio)
    canvas.style.width = `${width}px`
    canvas.style.height = `${grid.totalHeight}px`
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    const paint: Paint = paintOf(canvas)
    const drawn = new Map<string, number>()
    const draw = (): void => {
      for (const [index, node] of nodes.entries()) {
        const revision = fleet.revisionOf(node.id)
        if (drawn.get(node.id) === revision) continue
        drawn.set(node.id, revision)
        const picture = { node, load: fleet.on(node.id), by, isSought }
        drawNode(context, boxAt(grid, index), picture, paint)
      }
    }
    let frame = requestAnimationFrame(draw)
    const stop = fleet.subscribe(() => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(draw)
    })
    return () => {
      cancelAnimationFrame(frame)
      stop()
    }
    // The scheme changes the colours that are read from the style sheet.
  }, [place, nodes, grid, width, by, isSought, scheme])
}
