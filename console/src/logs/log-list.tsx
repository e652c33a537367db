import { useVirtualizer } from '@tanstack/react-virtual'
import { memo, useEffect, useLayoutEffect, useRef, type KeyboardEvent } from 'react'
import { levelOf } from '../../../src/wire/log-level.ts'
import type { LogLineView } from '../../../src/wire/logs.ts'
import { Icon } from '../marks/icon.tsx'
import { Empty } from '../marks/panel.tsx'
import { plural } from '../words/numbers.ts'
import { fullTime, timeOfDay } from '../words/times.ts'
import { spansOf } from './ansi.ts'
import type { LogState, LogWindow } from './log-window.ts'
import styles from './log-list.module.css'

/** A line's height, as the style sheet has it. */
const rowHeight = 22

/** So many lines from an end the next page is asked for. */
const nearRows = 150

/** Characters of a line in the list; the whole of it stands in its panel. */
const shownChars = 1_000

interface ListProps {
  readonly log: LogWindow
  readonly state: LogState
  readonly isLive: boolean
  /** All lines are of one instance. */
  readonly isOne: boolean
  readonly isPaused: boolean
  readonly onPause: (isPaused: boolean) => void
  readonly chosen: string | undefined
  readonly onChoose: (position: string) => void
}

/** The lines; only those in view are elements, however many there are. */
export function LogList(props: ListProps) {
  const { log, state, chosen, onChoose } = props
  const { lines } = state
  const frame = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => lines[index]?.position ?? index,
    overscan: 20,
  })
  const leaveEnd = useStillness(frame, state)
  // A line that the address names comes with neighbours on both sides.
  const isAround = !props.isLive
  const place = lines.findIndex(({ position }) => position === chosen)
  useEffect(() => {
    if (place === -1) return
    leaveEnd()
    rows.scrollToIndex(place, { align: isAround ? 'center' : 'auto' })
    // Once for each choice and search, not at each line that comes.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [chosen, log, place === -1, state.isLoading && isAround])
  const step = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    const next = by === 0 || place === -1 ? undefined : lines[place + by]
    if (next === undefined) return
    event.preventDefault()
    onChoose(next.position)
  }
  return (
    <section className={styles.list} aria-label="Lines" data-one={props.isOne}>
      <Bar {...props} />
      <div
        ref={frame}
        className={styles.frame}
        role="log"
        aria-live="off"
        aria-label="Lines"
        tabIndex={0}
        onScroll={({ currentTarget }) => followScroll(currentTarget, log, state)}
        onKeyDown={step}
      >
        {lines.length === 0 && !state.isLoading && state.error === undefined && (
          <Empty title="No line was printed that fits">
            Look at a longer time, at all levels, or for another text.
          </Empty>
        )}
        <div className={styles.rows} style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ key, index, start }) => {
            const line = lines[index]
            if (line === undefined) return null
            return (
              <div
                key={key}
                className={styles.row}
                style={{ transform: `translateY(${start}px)` }}
                data-level={levelOf(line.text)}
                data-chosen={line.position === chosen}
                onClick={() => onChoose(line.position)}
              >
                <Line line={line} />
              </div>
            )
          })}
        </div>
      </div>
    </section>
  )
}

function Bar({ log, state, isLive, isPaused, onPause }: ListProps) {
  const { lines, reachedAt, hasOlder, isLoading, waiting } = state
  return (
    <div className={styles.bar}>
      <span role="status">
        {isLoading && lines.length === 0 ? 'Looking …' : `${plural(lines.length, 'line')} here`}
        {hasOlder && lines.length > 0 && ', more above'}
      </span>
      {reachedAt !== undefined && !isLoading && (
        <button type="button" className={styles.small} onClick={() => void log.older()}>
          Looked back to {fullTime(reachedAt)}: look farther
        </button>
      )}
      {isLive && (
        <button
          type="button"
          className={styles.small}
          aria-pressed={isPaused}
          onClick={() => onPause(!isPaused)}
        >
          <Icon name={isPaused ? 'moving' : 'pause'} />
          {isPaused ? `Go on${waiting > 0 ? `: ${plural(waiting, 'new line')}` : ''}` : 'Pause'}
        </button>
      )}
    </div>
  )
}

const levelMarks = { error: 'E', warning: 'W', info: '', debug: 'd' } as const

const Line = memo(function Line({ line }: { readonly line: LogLineView }) {
  const { at, service, instanceId, cell, text } = line
  const level = levelOf(text)
  return (
    <>
      <time dateTime={new Date(at).toISOString()} title={fullTime(at)}>
        {timeOfDay(at)}
        <small>.{String(Math.floor(at) % 1_000).padStart(3, '0')}</small>
      </time>
      <b className={styles.level} title={level}>
        {levelMarks[level]}
      </b>
      <span
        className={styles.origin}
        title={`${cell.environment}/${cell.tenant}/${cell.app} ${instanceId}`}
      >
        {cell.app}/{service}
      </span>
      <Spans text={text} max={shownChars} />
    </>
  )
})

/** A text with its colours; what else a terminal would do with it is left out. */
export function Spans({ text, max }: { readonly text: string; readonly max: number }) {
  return (
    <span className={styles.words}>
      {spansOf(text, max).map(({ text: own, colour, isBold }, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- pieces of one text, in order
        <span key={index} className={colour && styles[colour]} data-bold={isBold || undefined}>
          {own}
        </span>
      ))}
    </span>
  )
}

/** Asks for more where an end comes near. */
function followScroll(own: HTMLElement, log: LogWindow, state: LogState): void {
  if (state.isLoading) return
  const near = nearRows * rowHeight
  if (own.scrollTop < near && state.hasOlder) void log.older()
  else if (own.scrollHeight - own.scrollTop - own.clientHeight < near && state.hasNewer) {
    void log.newer()
  }
}

/**
 * Nothing moves under the reader: lines that come in above push the view down by as much, and new
 * ones below pull it along only where it stood at the end.
 */
function useStillness(
  frame: React.RefObject<HTMLDivElement | null>,
  { lines, shift }: LogState,
): () => void {
  const before = useRef({ shift: 0, isAtEnd: true })
  useEffect(() => {
    const own = frame.current
    if (own === null) return
    const note = (): void => {
      before.current.isAtEnd = own.scrollHeight - own.scrollTop - own.clientHeight < rowHeight * 2
    }
    own.addEventListener('scroll', note, { passive: true })
    return () => own.removeEventListener('scroll', note)
  }, [frame])
  useLayoutEffect(() => {
    const own = frame.current
    if (own === null) return
    const moved = shift - before.current.shift
    before.current.shift = shift
    if (lines.length === 0) before.current.isAtEnd = true
    if (before.current.isAtEnd) own.scrollTop = own.scrollHeight
    else if (moved !== 0) own.scrollTop += moved * rowHeight
  }, [frame, lines, shift])
  return () => (before.current.isAtEnd = false)
}
