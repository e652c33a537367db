import { useVirtualizer } from '@tanstack/react-virtual'
import { memo, useEffect, useRef } from 'react'
import type { EventView } from '../../../../src/wire/api.ts'
import { subjectOf } from '../overview/event-runs.ts'
import { asSentence } from '../../words/sentences.ts'
import { fullTime, timeOfDay } from '../../words/times.ts'
import styles from './events.module.css'

/** A line's height, as the style sheet has it. */
const rowHeight = 50

/** So many lines before the end the next page is asked for. */
const nearRows = 30

const dayName = new Intl.DateTimeFormat('en', { weekday: 'short', month: 'short', day: 'numeric' })

/** The log as a time line; only the lines in view are elements. */
export function EventList(props: {
  readonly events: readonly EventView[]
  readonly chosen: number | undefined
  readonly hasMore: boolean
  readonly onMore: () => void
  readonly onChoose: (revision: number) => void
}) {
  const { events, chosen, hasMore, onMore, onChoose } = props
  const frame = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: events.length,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => events[index]?.revision ?? index,
    overscan: 10,
  })
  const items = rows.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (hasMore && last > events.length - nearRows) onMore()
  }, [hasMore, last, events.length, onMore])
  const place = events.findIndex(({ revision }) => revision === chosen)
  useEffect(() => {
    if (place !== -1) rows.scrollToIndex(place, { align: 'auto' })
    // Once for each choice, not at each commit that comes.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [chosen, place === -1])
  return (
    <div ref={frame} className={styles.frame} role="group" aria-label="Events, newest first">
      <ol style={{ height: rows.getTotalSize() }}>
        {items.map(({ key, index, start }) => {
          const event = events[index]
          if (event === undefined) return null
          const before = events[index - 1]
          return (
            <li
              key={key}
              className={styles.row}
              style={{ transform: `translateY(${start}px)` }}
              aria-setsize={hasMore ? -1 : events.length}
              aria-posinset={index + 1}
            >
              <Row
                event={event}
                isChosen={event.revision === chosen}
                isNewDay={before === undefined || dayOf(before) !== dayOf(event)}
                onChoose={onChoose}
              />
            </li>
          )
        })}
      </ol>
    </div>
  )
}

const Row = memo(function Row(props: {
  readonly event: EventView
  readonly isChosen: boolean
  readonly isNewDay: boolean
  readonly onChoose: (revision: number) => void
}) {
  const { event, isChosen, isNewDay, onChoose } = props
  const subject = subjectOf(event)
  const [noun = ''] = event.what.split('.')
  return (
    <button
      type="button"
      className={styles.event}
      aria-pressed={isChosen}
      onClick={() => onChoose(event.revision)}
    >
      <time dateTime={new Date(event.at).toISOString()} title={fullTime(event.at)}>
        {timeOfDay(event.at)}
        {isNewDay && <small>{dayName.format(event.at)}</small>}
      </time>
      <span className={styles.dot} data-noun={noun} aria-hidden="true" />
      <span className={styles.why}>
        <span>{asSentence(event.why)}</span>
        <small>
          <b>{event.who}</b> <code>{event.what}</code>{' '}
          {subject !== undefined &&
            (subject.cell === undefined ? subject.name : `${subject.cell}/${subject.name}`)}
        </small>
      </span>
    </button>
  )
})

function dayOf({ at }: EventView): string {
  return new Date(at).toDateString()
}
