import { useEffect, useRef } from 'react'
import type { LogLineView } from '../../../src/wire/api.ts'
import { printable } from '../words/printed.ts'
import { timeOfDay } from '../words/times.ts'
import styles from './printed.module.css'

/** How far from its end a reader may have scrolled and still be taken along, in pixels. */
const endPx = 24

/** Lines that a program has printed, the newest in sight unless somebody has scrolled back. */
export function Printed(props: {
  readonly label: string
  readonly lines: readonly LogLineView[]
  /** What stands there while there is no line. */
  readonly nothing: string
  /** A few lines are all that is expected. */
  readonly isShort?: boolean
}) {
  const { label, lines, nothing, isShort = false } = props
  const frame = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  useEffect(() => {
    const own = frame.current
    if (own !== null && isAtEnd.current) own.scrollTop = own.scrollHeight
  }, [lines])
  return (
    <div
      ref={frame}
      className={styles.frame}
      data-short={isShort}
      role="log"
      aria-live="off"
      aria-label={label}
      tabIndex={0}
      onScroll={({ currentTarget: own }) => {
        isAtEnd.current = own.scrollHeight - own.scrollTop - own.clientHeight < endPx
      }}
    >
      {lines.length === 0 && <p className={styles.nothing}>{nothing}</p>}
      <ol>
        {lines.map((line) => (
          <li key={`${line.instanceId} ${line.position}`} data-stream={line.stream}>
            <time dateTime={new Date(line.at).toISOString()}>{timeOfDay(line.at)}</time>
            <span>{printable(line.text)}</span>
          </li>
        ))}
      </ol>
    </div>
  )
}
