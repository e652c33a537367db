import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef } from 'react'
import type { AppView } from '../../../../src/wire/api.ts'
import type { ExplanationView } from '../../../../src/wire/explanation.ts'
import { Command } from '../../actions/command.tsx'
import { explanationLinesMax, explanationQuery } from '../../api/app-queries.ts'
import { Choice } from '../../marks/fields.tsx'
import { Moment } from '../../marks/moment.tsx'
import { FailureNotice, Notice, Panel } from '../../marks/panel.tsx'
import { layersOf, linesOf, partsOf, strengthOf, type ShownLine } from './explanation.ts'
import styles from './explanation.module.css'

const route = getRouteApi('/signed-in/apps/$environment/$tenant/$app')

/** A row that fits into one line of text, in pixels; longer ones are measured. */
const rowPx = 28

/** Which layer and which line each value of a release is from, and what it replaced. */
export function ExplanationPanel(props: {
  readonly at: AppView['at']
  readonly releaseNumber: number
}) {
  const { at, releaseNumber } = props
  const { data, error } = useQuery(explanationQuery(at, releaseNumber))
  const cell = `${at.environment}/${at.tenant}`
  return (
    <Panel title="Where it comes from" note="each value with its layer; a later layer is stronger">
      <Command
        text={`roadstead render ${cell} --explain --release ${releaseNumber} --app ${at.app}`}
      />
      {data === undefined && error !== null && <FailureNotice error={error} />}
      {data === undefined && error === null && <Skeleton height={320} />}
      {data !== undefined && <Explained explanation={data} />}
    </Panel>
  )
}

function Explained({ explanation }: { readonly explanation: ExplanationView }) {
  const { items, platform, next } = explanation
  const { layer } = route.useSearch()
  const navigate = route.useNavigate()
  const layers = useMemo(() => layersOf(items), [items])
  const lines = useMemo(() => linesOf(items, layer), [items, layer])
  const options = layers.map((name) => [name, `Only ${name}`] as const)
  return (
    <>
      {platform?.isNewer === true && (
        <div className={styles.notice}>
          <Notice tone="moving">
            Read with the platform.yaml that {platform.appliedBy} applied{' '}
            <Moment at={platform.appliedAt} />, after this release was made: it may have read
            otherwise then. What runs stays as it was made.
          </Notice>
        </div>
      )}
      <div className={styles.choose}>
        <Choice
          label="Layer"
          value={layer ?? ''}
          all="All layers"
          options={layer === undefined || layers.includes(layer) ? options : [[layer, layer]]}
          onChange={(value) =>
            void navigate({
              search: (before) => ({ ...before, layer: value }),
              replace: true,
              resetScroll: false,
            })
          }
        />
        <span className={styles.quiet} role="status">
          {lines.length.toLocaleString('en')} {lines.length === 1 ? 'line' : 'lines'}
          {next !== undefined && `, of the first ${explanationLinesMax.toLocaleString('en')}`}
        </span>
      </div>
      <Lines lines={lines} />
    </>
  )
}

/** Only those in view are elements, however many there are. */
function Lines({ lines }: { readonly lines: readonly ShownLine[] }) {
  const frame = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => frame.current,
    estimateSize: () => rowPx,
    overscan: 20,
  })
  return (
    <div
      ref={frame}
      className={styles.frame}
      role="region"
      aria-label="Configuration, line by line"
      tabIndex={0}
    >
      <div className={styles.rows} role="list" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ key, index, start }) => {
          const line = lines[index]
          if (line === undefined) return null
          return (
            <div
              key={key}
              ref={rows.measureElement}
              data-index={index}
              className={styles.row}
              role="listitem"
              aria-setsize={lines.length}
              aria-posinset={index + 1}
              style={{ transform: `translateY(${start}px)`, '--indent': `${line.indent}ch` }}
            >
              <Line line={line} />
            </div>
          )
        })}
      </div>
    </div>
  )
}

function Line({ line: { text, from, over = [] } }: { readonly line: ShownLine }) {
  const [key, value] = partsOf(text.trimStart())
  return (
    <>
      <code className={styles.words}>
        <span className={styles.key}>{key}</span>
        {value}
      </code>
      {from !== undefined && (
        <span className={styles.from}>
          <span className={styles.layer} data-strength={strengthOf(from.layer)}>
            {from.layer}
          </span>
          <LineLink line={from.line} />
        </span>
      )}
      {over.length > 0 && (
        <ul className={styles.over}>
          {over.map((below, index) => (
            // oxlint-disable-next-line react/no-array-index-key -- one line may have said it twice
            <li key={index}>
              was <code>{below.text}</code> in {below.layer} <LineLink line={below.line} />
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

/** To the line of the manifest; a default stands in none. */
function LineLink({ line }: { readonly line: number }) {
  const at = route.useParams()
  if (line === 0) return null
  return (
    <Link
      to="/apps/$environment/$tenant/$app"
      params={at}
      search={(before) => ({ ...before, line })}
      replace
      resetScroll={false}
      className={styles.line}
    >
      line {line}
    </Link>
  )
}
