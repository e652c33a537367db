import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useDeferredValue, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { FailureNotice } from '../../marks/panel.tsx'
import { Filters } from './filters.tsx'
import { Histogram } from './histogram.tsx'
import { LinePanel } from './line-panel.tsx'
import { LogList } from './log-list.tsx'
import {
  commandOf,
  filterOf,
  histogramQuery,
  isOpenEnded,
  logSource,
  spanOf,
  type LogsSearch,
} from './log-queries.ts'
import { LogWindow, type LogQuery } from './log-window.ts'
import styles from './logs.module.css'

const route = getRouteApi('/signed-in/logs')

/** How often the end of an open time is brought up to now for the histogram, in ms. */
const refreshMs = 30_000

/** What instances printed, those that have died included: searched, counted, followed. */
export function LogsPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const [chosen, setChosen] = useState<string>()
  const [isPaused, setPaused] = useState(false)
  const now = useCoarseNow()
  const span = useMemo(() => spanOf(search, now), [search, now])
  const deferred = useDeferredValue(search)
  const filter = useMemo(() => filterOf(deferred), [deferred])
  const change = (part: Partial<LogsSearch>, replace = false): void => {
    setChosen(undefined)
    void navigate({ search: (before) => ({ ...before, line: undefined, ...part }), replace })
  }
  const { log, state } = useLogWindow(filter, deferred, isPaused)
  const { data: histogram } = useQuery(histogramQuery(filter, span))
  const line = state.lines.find(({ position }) => position === (chosen ?? search.line))
  const isLive = isOpenEnded(search)
  return (
    <div className={styles.page}>
      <title>Logs · Roadstead</title>
      <div className={styles.head}>
        <h1>Logs</h1>
        <code className={styles.command} title="The same on the command line">
          {commandOf(search)}
        </code>
      </div>
      <Filters search={search} onChange={change} />
      <Histogram
        histogram={histogram}
        span={span}
        onChoose={(since, until) => change({ since, until, last: undefined })}
      />
      {state.error !== undefined && <FailureNotice error={state.error} />}
      <div className={styles.body} data-open={line !== undefined}>
        <LogList
          log={log}
          state={state}
          isLive={isLive}
          isPaused={isPaused}
          onPause={setPaused}
          chosen={chosen ?? search.line}
          onChoose={setChosen}
        />
        {line !== undefined && (
          <LinePanel
            key={line.position}
            line={line}
            onClose={() => {
              setChosen(undefined)
              if (search.line !== undefined) change({})
            }}
            onContext={() =>
              void navigate({ search: { instance: line.instanceId, line: line.position } })
            }
          />
        )}
      </div>
    </div>
  )
}

/** The lines of a search; another search begins anew. */
function useLogWindow(filter: LogQuery, search: LogsSearch, isPaused: boolean) {
  const { last, since, until, line } = search
  const log = useMemo(() => {
    const isOpen = isOpenEnded({ since, until, line })
    const [from, to] = spanOf({ last, since, until }, Date.now())
    // Amid its neighbours a line is shown whenever they were printed.
    const time = line === undefined ? { since: String(Math.floor(from)) } : {}
    const end = isOpen || line !== undefined ? {} : { until: String(Math.ceil(to)) }
    return new LogWindow(logSource, { ...filter, ...time, ...end })
  }, [filter, last, since, until, line])
  useEffect(() => {
    void log.start(line, isOpenEnded({ since, until, line }))
    return () => log.end()
  }, [log, line, since, until])
  useEffect(() => log.pause(isPaused), [log, isPaused])
  return { log, state: useSyncExternalStore(log.subscribe, log.state) }
}

/** The time, now and then: what depends on it is read from the server. */
function useCoarseNow(): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), refreshMs)
    return () => clearInterval(timer)
  }, [])
  return now
}
