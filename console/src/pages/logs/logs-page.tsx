import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useDeferredValue, useEffect, useMemo, useState } from 'react'
import { logSource } from '../../logs/log-source.ts'
import { LogView } from '../../logs/log-view.tsx'
import { LogWindow, type LogQuery } from '../../logs/log-window.ts'
import { Filters } from './filters.tsx'
import { Histogram } from './histogram.tsx'
import {
  commandOf,
  filterOf,
  histogramQuery,
  isOpenEnded,
  spanOf,
  type LogsSearch,
} from './log-queries.ts'
import styles from './logs.module.css'

const route = getRouteApi('/signed-in/logs')

/** How often the end of an open time is brought up to now for the histogram, in ms. */
const refreshMs = 30_000

/** What instances printed, those that have died included: searched, counted, followed. */
export function LogsPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const [chosen, setChosen] = useState<string>()
  const now = useCoarseNow()
  const span = useMemo(() => spanOf(search, now), [search, now])
  const deferred = useDeferredValue(search)
  const filter = useMemo(() => filterOf(deferred), [deferred])
  const change = (part: Partial<LogsSearch>, replace = false): void => {
    setChosen(undefined)
    void navigate({ search: (before) => ({ ...before, line: undefined, ...part }), replace })
  }
  const log = useLog(filter, deferred)
  const { data: histogram } = useQuery(histogramQuery(filter, span))
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
      <LogView
        log={log}
        around={deferred.line}
        isLive={isOpenEnded(deferred)}
        chosen={chosen ?? search.line}
        onChoose={(position) => {
          setChosen(position)
          if (position === undefined && search.line !== undefined) change({})
        }}
        onContext={({ instanceId, position }) =>
          void navigate({ search: { instance: instanceId, line: position } })
        }
      />
    </div>
  )
}

/** The lines of a search; another search begins anew. */
function useLog(filter: LogQuery, search: LogsSearch): LogWindow {
  const { last, since, until, line } = search
  return useMemo(() => {
    const isOpen = isOpenEnded({ since, until, line })
    const [from, to] = spanOf({ last, since, until }, Date.now())
    // Amid its neighbours a line is shown whenever they were printed.
    const time = line === undefined ? { since: String(Math.floor(from)) } : {}
    const end = isOpen || line !== undefined ? {} : { until: String(Math.ceil(to)) }
    return new LogWindow(logSource, { ...filter, ...time, ...end })
  }, [filter, last, since, until, line])
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
