import { useNavigate } from '@tanstack/react-router'
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual'
import {
  memo,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type MouseEvent,
} from 'react'
import type { AppView } from '../../../../src/wire/api.ts'
import { healthIcons } from '../../marks/state-mark.tsx'
import { Icon } from '../../marks/icon.tsx'
import { curveName } from '../../traffic/history.ts'
import { plural } from '../../words/numbers.ts'
import { healthWords, releaseWord } from '../../words/states.ts'
import { firstOf, placeOf, rowsOf, step, type Row } from './dense-rows.ts'
import styles from './dense-matrix.module.css'

/** A line's height in pixels, as dense-matrix.module.css has it. */
const linePx = 27

/**
 * The matrix where it is large: a row for each app in each environment, a column for each tenant,
 * in a cell the version, the health, and where it is not as its manifest says. Only rows in view
 * are elements, and a cell is drawn anew only when one of these facts changes. One stop of the tab
 * key; the arrows lead on from there.
 */
export function DenseMatrix(props: {
  readonly apps: readonly AppView[]
  readonly chosen: AppView | undefined
}) {
  const { apps, chosen } = props
  const navigate = useNavigate()
  const all = useMemo(() => rowsOf(apps), [apps])
  const chosenName = chosen === undefined ? undefined : curveName(chosen.at)
  const frame = useRef<HTMLDivElement>(null)
  const [reached, setReached] = useState<string>()
  const stop = [reached, chosenName].find((name) => placeOf(all, name) !== -1) ?? firstOf(all)
  const stopIndex = placeOf(all, stop)
  const place = placeOf(all, chosenName)
  const lines = useLines(frame, all.rows.length, { chosenName, place, stopIndex })
  const onKeyDown = useSteps(frame, (from, key, isWide) => {
    const next = step(all, from, key, isWide)
    if (next !== undefined) setReached(next)
    return next
  })
  const onClick = (event: MouseEvent): void => {
    const link = (event.target as Element).closest<HTMLElement>('a[data-at]')
    if (link === null || event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    const at = link.dataset['at']
    setReached(at)
    void navigate({ to: '/', search: (before) => ({ ...before, at }), resetScroll: false })
  }
  return (
    <div
      ref={frame}
      className={styles.frame}
      style={{ '--tenants': all.tenants.length, '--chars': all.versionChars }}
      role="table"
      aria-label="Apps and cells"
      aria-rowcount={all.rows.length + 1}
      onClick={onClick}
      onKeyDown={onKeyDown}
    >
      <div role="row" aria-rowindex={1} className={`${styles.line} ${styles.heads}`}>
        {['app', 'environment', ...all.tenants].map((name) => (
          <span key={name} role="columnheader" title={name}>
            {name}
          </span>
        ))}
      </div>
      <div role="rowgroup" className={styles.water} style={{ height: lines.getTotalSize() }}>
        {lines.getVirtualItems().map(({ index, start }) => {
          const row = all.rows[index]
          if (row === undefined) return null
          return (
            <Line
              key={`${row.app} ${row.environment}`}
              row={row}
              index={index}
              topPx={start}
              tenants={all.tenants}
              chosen={place === index ? chosenName : undefined}
              stop={stopIndex === index ? stop : undefined}
            />
          )
        })}
      </div>
    </div>
  )
}

/** The rows in view; a choice brings its row into view. */
function useLines(
  frame: React.RefObject<HTMLElement | null>,
  count: number,
  at: {
    readonly chosenName: string | undefined
    readonly place: number
    readonly stopIndex: number
  },
) {
  const { chosenName, place, stopIndex } = at
  const lines = useVirtualizer({
    count,
    getScrollElement: () => frame.current,
    estimateSize: () => linePx,
    overscan: 8,
    // What has the focus stays, however far one scrolls.
    rangeExtractor: (range) => {
      const indexes = defaultRangeExtractor(range)
      if (stopIndex === -1 || indexes.includes(stopIndex)) return indexes
      return [...indexes, stopIndex].toSorted((a, b) => a - b)
    },
  })
  useEffect(() => {
    if (place !== -1) lines.scrollToIndex(place, { align: 'auto' })
    // Once for each choice, not at each answer that comes.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [chosenName, place === -1])
  return lines
}

/** Keys move the focus from cell to cell; to one that is drawn only then, too. */
function useSteps(
  frame: React.RefObject<HTMLElement | null>,
  next: (from: string, key: string, isWide: boolean) => string | undefined,
): (event: KeyboardEvent) => void {
  const wanted = useRef<string>(undefined)
  useLayoutEffect(() => {
    const name = wanted.current
    if (name === undefined) return
    const link = frame.current?.querySelector<HTMLElement>(`a[data-at="${CSS.escape(name)}"]`)
    if (link === null || link === undefined) return
    wanted.current = undefined
    // Scrolls it into view, beside what is sticky.
    link.focus()
  })
  return (event) => {
    const from = (event.target as HTMLElement).dataset['at']
    if (from === undefined || event.altKey || event.shiftKey) return
    const to = next(from, event.key, event.ctrlKey || event.metaKey)
    if (to === undefined) return
    event.preventDefault()
    wanted.current = to
  }
}

function Line(props: {
  readonly row: Row
  readonly index: number
  readonly topPx: number
  readonly tenants: readonly string[]
  readonly chosen: string | undefined
  readonly stop: string | undefined
}) {
  const { row, index, topPx, tenants } = props
  const { app, environment } = row
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={styles.line}
      style={{ transform: `translateY(${topPx}px)` }}
      data-first={row.isFirst}
    >
      <span role="rowheader" title={app}>
        {app}
      </span>
      <span role="cell" className={styles.environment} title={environment}>
        {environment}
      </span>
      {tenants.map((tenant) => {
        const place = row.places.get(tenant)
        const name = `${environment}/${tenant}/${app}`
        return (
          <span role="cell" key={tenant}>
            {place !== undefined && (
              <Cell
                name={name}
                isChosen={name === props.chosen}
                isStop={name === props.stop}
                {...factsOf(place, row.version)}
              />
            )}
          </span>
        )
      })}
    </div>
  )
}

interface Facts {
  readonly version: string
  readonly isOdd: boolean
  readonly health: AppView['health']
  readonly ready: number
  readonly wanted: number
  readonly drift: number
}

const Cell = memo(function Cell(
  props: Facts & { readonly name: string; readonly isChosen: boolean; readonly isStop: boolean },
) {
  const { name, version, health, ready, wanted, drift } = props
  const { word, tone } = healthWords[health]
  const drifted = drift > 0 ? `, ${plural(drift, 'difference')} by hand` : ''
  const says = `${name}, ${version}: ${word}, ${ready} of ${wanted} ready${drifted}`
  return (
    <a
      href={`/?at=${encodeURIComponent(name)}`}
      className={styles.cell}
      data-at={name}
      data-tone={tone}
      data-odd={props.isOdd}
      aria-current={props.isChosen}
      aria-label={says}
      title={says}
      tabIndex={props.isStop ? 0 : -1}
    >
      <Icon name={healthIcons[health]} />
      <span>{version}</span>
      {ready < wanted && <small>−{wanted - ready}</small>}
      {drift > 0 && (
        <small data-tone="warning" aria-hidden="true">
          ±
        </small>
      )}
    </a>
  )
})

function factsOf(
  { version, releaseNumber, health, services, drift }: AppView,
  common: string,
): Facts {
  let ready = 0
  let wanted = 0
  for (const service of services) {
    ready += Math.min(service.ready, service.wanted)
    wanted += service.wanted
  }
  const word = releaseWord(version, releaseNumber)
  return { version: word, isOdd: word !== common, health, ready, wanted, drift: drift.length }
}
