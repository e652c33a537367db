import { queryOptions } from '@tanstack/react-query'
import type { InstanceView, LogLineView, WhyView } from '../../../src/wire/api.ts'
import { callApi } from './client.ts'

/** The reads of one instance. Keys begin with the noun that the watch invalidates them by. */

/** What its agent observes is told by the watch; this catches what is not. */
const pollMs = 2_000
/** Lines of an instance's page: its end, not its history. */
const linesShown = 500

export function instanceQuery(id: string) {
  return queryOptions({
    queryKey: ['instances', 'one', id],
    queryFn: ({ signal }) =>
      callApi<InstanceView>(`/v1/instances/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: ({ state }) => (state.data?.state === 'ended' ? false : pollMs),
  })
}

export function whyQuery(id: string) {
  return queryOptions({
    queryKey: ['instances', 'why', id],
    queryFn: ({ signal }) =>
      callApi<WhyView>(`/v1/instances/${encodeURIComponent(id)}/why`, { signal }),
  })
}

/** The newest lines that it printed, oldest of them first. */
export function instanceLogQuery(id: string, isOver: boolean) {
  const search = new URLSearchParams({ instance: id, limit: `${linesShown}` })
  return queryOptions({
    queryKey: ['logs', 'instance', id],
    queryFn: async ({ signal }) => {
      const { items } = await callApi<{ items: readonly LogLineView[] }>(`/v1/logs?${search}`, {
        signal,
      })
      return items
    },
    refetchInterval: isOver ? false : pollMs,
  })
}
