import { queryOptions } from '@tanstack/react-query'
import type { InstanceView, WhyView } from '../../../src/wire/api.ts'
import { callApi } from './client.ts'

/** The reads of one instance. Keys begin with the noun that the watch invalidates them by. */

/** What its agent observes is told by the watch; this catches what is not. */
const pollMs = 2_000

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
