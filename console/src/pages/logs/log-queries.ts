import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import type { LogHistogram } from '../../../../src/wire/logs.ts'
import { callApi } from '../../api/client.ts'
import type { LogQuery } from '../../logs/log-window.ts'

/** What the address says of a search for lines. */
export interface LogsSearch {
  /** `environment/tenant/app`. */
  readonly app?: string | undefined
  readonly service?: string | undefined
  readonly instance?: string | undefined
  readonly level?: 'debug' | 'info' | 'warning' | 'error' | undefined
  readonly q?: string | undefined
  /** The last so many minutes; or else a time from when until when. */
  readonly last?: number | undefined
  readonly since?: number | undefined
  readonly until?: number | undefined
  /** The position of a line that is shown amid its neighbours. */
  readonly line?: string | undefined
}

/** Minutes that are looked at when nobody says. */
export const lastDefault = 60

/** The server's own bound. */
const textMax = 256

/** Whose lines and which, as the API's query has it; without the time. */
export function filterOf({ app, service, instance, level, q }: LogsSearch): LogQuery {
  const [environment, tenant, name] = app?.split('/') ?? []
  const all = {
    environment,
    tenant,
    app: name,
    service,
    instance,
    level,
    text: q?.slice(0, textMax),
  }
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => Boolean(entry[1])),
  )
}

/** The time that is looked at, in wall ms of the browser's clock. */
export function spanOf({ last, since, until }: LogsSearch, now: number): [number, number] {
  if (since !== undefined && until !== undefined && since < until) return [since, until]
  return [now - (last ?? lastDefault) * 60_000, now]
}

/** Whether the end of the time that is looked at is now. */
export function isOpenEnded({ since, until, line }: LogsSearch): boolean {
  return line === undefined && (since === undefined || until === undefined)
}

/** The `roadstead logs` that prints the same. */
export function commandOf({ app, service, instance, level, q, last }: LogsSearch): string {
  const name = [app?.split('/')[2], service].filter(Boolean).join('/')
  const parts = ['roadstead logs']
  if (name !== '') parts.push(name)
  if (instance !== undefined) parts.push(`--instance ${instance}`)
  if (q !== undefined) parts.push(`--grep ${JSON.stringify(q)}`)
  if (level !== undefined) parts.push(`--level ${level}`)
  parts.push(`--since "${last ?? lastDefault}m ago"`)
  return parts.join(' ')
}

/** Bars across the page: each wide enough to be pointed at. */
const buckets = 80

export function histogramQuery(filter: LogQuery, [since, until]: readonly [number, number]) {
  const span = { since: String(Math.floor(since)), until: String(Math.ceil(until)) }
  return queryOptions({
    queryKey: ['logs', 'histogram', filter, span],
    queryFn: ({ signal }) => {
      const search = new URLSearchParams({ ...filter, ...span, buckets: String(buckets) })
      return callApi<LogHistogram>(`/v1/logs/histogram?${search}`, { signal })
    },
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  })
}
