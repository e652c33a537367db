import { useState, type PointerEvent } from 'react'
import type { LogHistogram } from '../../../../src/wire/logs.ts'
import { count, plural } from '../../words/numbers.ts'
import { fullTime, timeOfDay } from '../../words/times.ts'
import styles from './logs.module.css'

/** Of the picture, in its own units; it is stretched to the page's width. */
const height = 56

interface Props {
  readonly histogram: LogHistogram | undefined
  readonly span: readonly [number, number]
  readonly onChoose: (since: number, until: number) => void
}

/** How many lines there are, by time; a stretch that is drawn over with the pointer is looked at. */
export function Histogram({ histogram, span, onChoose }: Props) {
  const [drawn, setDrawn] = useState<readonly [number, number]>()
  const items = histogram?.items ?? []
  const max = Math.max(1, ...items.map(({ lines }) => lines))
  const placeAt = (event: PointerEvent): number => {
    const { left, width } = event.currentTarget.getBoundingClientRect()
    return Math.min(1, Math.max(0, (event.clientX - left) / width)) * items.length
  }
  const choose = (): void => {
    setDrawn(undefined)
    if (drawn === undefined || histogram === undefined) return
    const [from, to] = drawn.toSorted((a, b) => a - b)
    const { since, bucketMs } = histogram
    onChoose(
      since + Math.floor(from ?? 0) * bucketMs,
      since + Math.max(Math.floor(from ?? 0) + 1, Math.ceil(to ?? 0)) * bucketMs,
    )
  }
  return (
    <figure className={styles.histogram}>
      <svg
        viewBox={`0 0 ${Math.max(1, items.length)} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={sentenceOf(histogram)}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId)
          const at = placeAt(event)
          setDrawn([at, at])
        }}
        onPointerMove={(event) => drawn !== undefined && setDrawn([drawn[0], placeAt(event)])}
        onPointerUp={choose}
        onPointerCancel={() => setDrawn(undefined)}
      >
        {items.map((item, index) => (
          <Bar key={item.at} item={item} index={index} max={max} />
        ))}
        {drawn !== undefined && (
          <rect
            className={styles.drawn}
            x={Math.min(...drawn)}
            width={Math.abs(drawn[1] - drawn[0])}
            y="0"
            height={height}
          />
        )}
      </svg>
      <figcaption>
        <span>{timeOfDay(span[0])}</span>
        <span>{histogram === undefined ? '\u00a0' : summaryOf(histogram)}</span>
        <span>{timeOfDay(span[1])}</span>
      </figcaption>
    </figure>
  )
}

function Bar(props: {
  readonly item: LogHistogram['items'][number]
  readonly index: number
  readonly max: number
}) {
  const { item, index, max } = props
  const scale = (lines: number): number => (lines === 0 ? 0 : Math.max(1.5, (lines / max) * height))
  const [all, warnings, errors] = [item.lines, item.warnings + item.errors, item.errors].map(scale)
  const rest = { x: index + 0.08, width: 0.84 }
  return (
    <g>
      <title>{titleOf(item)}</title>
      <rect className={styles.hit} x={index} width="1" y="0" height={height} />
      <rect className={styles.lines} {...rest} y={height - (all ?? 0)} height={all} />
      <rect className={styles.warnings} {...rest} y={height - (warnings ?? 0)} height={warnings} />
      <rect className={styles.errors} {...rest} y={height - (errors ?? 0)} height={errors} />
    </g>
  )
}

function titleOf({ at, lines, warnings, errors }: LogHistogram['items'][number]): string {
  return `${fullTime(at)}: ${plural(lines, 'line')}, ${plural(warnings, 'warning')}, ${plural(errors, 'error')}`
}

function sumsOf({ items }: LogHistogram) {
  const sum = (of: (item: LogHistogram['items'][number]) => number): number =>
    items.reduce((total, item) => total + of(item), 0)
  return {
    lines: sum(({ lines }) => lines),
    warnings: sum(({ warnings }) => warnings),
    errors: sum(({ errors }) => errors),
  }
}

function summaryOf(histogram: LogHistogram): string {
  const { lines, warnings, errors } = sumsOf(histogram)
  const { reachedAt } = histogram
  const parts = [plural(lines, 'line'), plural(warnings, 'warning'), plural(errors, 'error')]
  if (reachedAt !== undefined) parts.push(`counted back to ${timeOfDay(reachedAt)} only`)
  return parts.join(' · ')
}

function sentenceOf(histogram: LogHistogram | undefined): string {
  if (histogram === undefined) return 'Lines by time'
  const busiest = histogram.items.toSorted((a, b) => b.lines - a.lines)[0]
  const most =
    busiest === undefined || busiest.lines === 0
      ? ''
      : `; most of them, ${count(busiest.lines)}, at ${timeOfDay(busiest.at)}`
  return `Lines by time: ${summaryOf(histogram)}${most}`
}
