import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useEffect, useRef, type RefObject } from 'react'
import { rate } from '../words/numbers.ts'
import { timeOfDay } from '../words/times.ts'
import type { ChartProps } from './chart-props.ts'
import styles from './traffic.module.css'

/** The lazily loaded half of Chart: everything that knows uPlot. */

/** The time axis is never shorter than this, in seconds, however little has been seen. */
const spanMinSeconds = 30
/** A quiet service's curve must not look like a storm: the rate axis reaches at least this far. */
const rateAxisMin = 2

export function Plot(props: ChartProps) {
  const { curve, look, scheme } = props
  const place = useRef<HTMLDivElement>(null)
  const readout = useRef<HTMLOutputElement>(null)
  const plot = useRef<uPlot | null>(null)
  const latest = useRef(curve)
  latest.current = curve
  const mount = (): (() => void) | undefined => {
    if (place.current === null) return undefined
    const made = new uPlot(
      optionsFor(place.current, look, readout),
      dataOf(latest.current),
      place.current,
    )
    plot.current = made
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) made.setSize(sizeOf(entry.contentRect))
    })
    observer.observe(place.current)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = null
    }
  }
  // The colours are read when it is made: another scheme needs another plot.
  useEffect(mount, [look, scheme])
  useEffect(() => plot.current?.setData(dataOf(curve)), [curve])
  return (
    <div className={styles.plot}>
      <div ref={place} className={styles.canvas} />
      {look !== 'spark' && <output ref={readout} className={styles.readout} />}
    </div>
  )
}

function dataOf({ times, requests, failed }: ChartProps['curve']): uPlot.AlignedData {
  return [times as number[], requests as number[], failed.map(risen)]
}

/** Failures are drawn where there are some: a red line at zero would cry for nothing. */
function risen(
  value: number | null,
  index: number,
  all: readonly (number | null)[],
): number | null {
  const isQuiet = [all[index - 1], value, all[index + 1]].every((one) => (one ?? 0) === 0)
  return isQuiet ? null : value
}

function sizeOf({ width, height }: { width: number; height: number }): {
  width: number
  height: number
} {
  return { width: Math.max(1, Math.floor(width)), height: Math.max(1, Math.floor(height)) }
}

function optionsFor(
  place: HTMLElement,
  look: ChartProps['look'],
  readout: RefObject<HTMLOutputElement | null>,
): uPlot.Options {
  const colour = (name: string): string => getComputedStyle(place).getPropertyValue(name).trim()
  const isSpark = look === 'spark'
  const line = colour('--chart-line')
  return {
    ...sizeOf(place.getBoundingClientRect()),
    padding: isSpark ? [2, 1, 1, 1] : [8, 24, 0, 0],
    legend: { show: false },
    cursor: isSpark ? { show: false } : { y: false, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: (_plot, min, max) => [Math.min(min, max - spanMinSeconds), max] },
      y: { range: (_plot, _min, max) => [0, Math.max(rateAxisMin, max * 1.15)] },
    },
    axes: isSpark ? [{ show: false }, { show: false }] : axesOf(colour),
    series: [
      {},
      { stroke: line, fill: areaOf(line), width: isSpark ? 1.25 : 2, points: { show: false } },
      {
        stroke: colour('--chart-failed'),
        fill: colour('--chart-failed-area'),
        width: isSpark ? 1.25 : 2,
        points: { show: false },
      },
    ],
    hooks: isSpark ? {} : { setCursor: [(plot) => tell(plot, readout.current)] },
  }
}

/** Water under the line: thicker at the surface. */
function areaOf(line: string): uPlot.Series.Fill {
  return (plot) => {
    const area = plot.ctx.createLinearGradient(
      0,
      plot.bbox.top,
      0,
      plot.bbox.top + plot.bbox.height,
    )
    area.addColorStop(0, `${line}55`)
    area.addColorStop(1, `${line}08`)
    return area
  }
}

function axesOf(colour: (name: string) => string): uPlot.Axis[] {
  const stroke = colour('--chart-ink')
  const font = `11px ${getComputedStyle(document.body).fontFamily}`
  const quiet = { stroke, font, ticks: { show: false } }
  return [
    {
      ...quiet,
      grid: { show: false },
      size: 24,
      space: 90,
      values: (_plot, splits) => splits.map((seconds) => timeOfDay(seconds * 1_000)),
    },
    {
      ...quiet,
      size: 42,
      space: 34,
      grid: { stroke: colour('--chart-grid'), width: 1 },
      values: (_plot, splits) => splits.map((value) => rate(value)),
    },
  ]
}

/** Writes what lies under the pointer beside the chart. */
function tell(plot: uPlot, readout: HTMLOutputElement | null): void {
  if (readout === null) return
  const index = plot.cursor.idx
  const [times, requests, failed] = plot.data
  const time = index === null || index === undefined ? undefined : times[index]
  if (time === undefined || index === null || index === undefined) {
    readout.textContent = ''
    return
  }
  const at = timeOfDay(time * 1_000)
  readout.textContent = `${at}: ${rate(requests?.[index] ?? 0)} req/s, ${rate(failed?.[index] ?? 0)} failed/s`
}
