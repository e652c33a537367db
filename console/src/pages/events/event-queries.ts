import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import type { AppView, EventView } from '../../../../src/wire/api.ts'
import type { HistoryAnswer, HistoryEntry } from '../../../../src/wire/history.ts'
import { callApi } from '../../api/client.ts'

/** What the address says of the log of commits. */
export interface EventsSearch {
  readonly who?: string | undefined
  /** Verbs that begin so. */
  readonly what?: string | undefined
  readonly q?: string | undefined
  /** Commits that touched a record whose key begins so. */
  readonly key?: string | undefined
  /** What the program does for itself, too. */
  readonly all?: true | undefined
  /** The commit that is looked at. */
  readonly revision?: number | undefined
}

type EventFilter = Omit<EventsSearch, 'revision'>

const pageEvents = 200

/** The log from the newest back, a page at a time. */
export function timelineQuery(filter: EventFilter, from: number | undefined) {
  return infiniteQueryOptions({
    queryKey: ['timeline', filter, from],
    queryFn: ({ pageParam, signal }) => readEvents(filter, pageParam, pageEvents, signal),
    initialPageParam: from === undefined ? undefined : from + pageEvents / 4,
    getNextPageParam: (last) => (last.length < pageEvents ? undefined : last.at(-1)?.revision),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  })
}

/** The newest commits, read again whenever the watch tells of one. */
export function newestQuery(filter: EventFilter) {
  return queryOptions({
    queryKey: ['events', 'newest', filter],
    queryFn: ({ signal }) => readEvents(filter, undefined, 50, signal),
  })
}

/** Every app as it was then; only what records knew. */
export function stateAtQuery(at: number) {
  return queryOptions({
    queryKey: ['state-at', at],
    queryFn: async ({ signal }) => {
      const { items } = await callApi<{ items: AppView[] }>(`/v1/apps?at=${at}`, { signal })
      return items
    },
    staleTime: Infinity,
    retry: false,
  })
}

/** What a commit changed in one record. */
export function changeQuery(key: string, revision: number) {
  return queryOptions({
    queryKey: ['change', key, revision],
    queryFn: async ({ signal }): Promise<HistoryEntry | null> => {
      const search = new URLSearchParams({ key, before: String(revision + 1), limit: '1' })
      const { items } = await callApi<HistoryAnswer>(`/v1/history?${search}`, { signal })
      return items.find((entry) => entry.revision === revision) ?? null
    },
    staleTime: Infinity,
    retry: false,
  })
}

async function readEvents(
  { who, what, q, key, all }: EventFilter,
  before: number | undefined,
  limit: number,
  signal: AbortSignal,
): Promise<readonly EventView[]> {
  const search = new URLSearchParams({ limit: String(limit), housekeeping: String(all === true) })
  for (const [name, value] of Object.entries({ who, what, text: q, key })) {
    if (value !== undefined) search.set(name, value)
  }
  if (before !== undefined) search.set('before', String(before))
  const { items } = await callApi<{ items: EventView[] }>(`/v1/events?${search}`, { signal })
  return items.toSorted((a, b) => b.revision - a.revision)
}

/** Pages and what came since, newest first, each once; undefined where a gap lies between. */
export function joined(
  newest: readonly EventView[],
  pages: readonly (readonly EventView[])[],
): readonly EventView[] | undefined {
  const held = pages.flat()
  const first = held[0]?.revision ?? 0
  const fresh = newest.filter(({ revision }) => revision > first)
  const hasGap = held.length > 0 && fresh.length > 0 && fresh.length === newest.length
  return hasGap && newest.length >= 50 ? undefined : [...fresh, ...held]
}
