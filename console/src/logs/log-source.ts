import type { LogAnswer, LogLineView } from '../../../src/wire/logs.ts'
import { callApi } from '../api/client.ts'
import type { LogSource } from './log-window.ts'

/** The server's lines: pages of what was printed, and a stream of what is. */
export const logSource: LogSource = {
  page: (query, signal) => callApi<LogAnswer>(`/v1/logs?${new URLSearchParams(query)}`, { signal }),
  follow: (query, onLine, onGap) => {
    const { since: _since, until: _until, ...filter } = query
    const stream = new EventSource(`/v1/logs/follow?${new URLSearchParams(filter)}`)
    stream.addEventListener('line', ({ data }) => onLine(JSON.parse(data) as LogLineView))
    // The browser opens it again by itself, from then on.
    let isAgain = false
    stream.addEventListener('open', () => {
      if (isAgain) onGap()
      isAgain = true
    })
    return () => stream.close()
  },
}
