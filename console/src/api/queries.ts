import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import type {
  AppTrafficView,
  AppView,
  EventView,
  InstanceView,
  NodeView,
  RolloutView,
  SessionView,
} from '../../../src/wire/api.ts'
import type { NodeFinding } from '../../../src/wire/packing.ts'
import { trafficHistory } from '../traffic/history.ts'
import { isOver } from '../words/states.ts'
import { callApi } from './client.ts'

/** Every read of the console. Keys begin with the noun that the watch invalidates them by. */

interface Page<T> {
  readonly items: readonly T[]
  readonly next?: string
}

/** The identity of an app in a cell, as routes and searches carry it. */
export type AppPlace = AppView['at']

/** What agents observe is told by the watch, but a node that falls silent says nothing. */
const appsPollMs = 2_000
/** Beyond this many apps an answer is large enough to be asked for less often. */
const appsPolledOften = 50
const appsPollSlowMs = 10_000
/** Soon enough for curves without gaps. */
const trafficPollSlowMs = 4_000

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => callApi<SessionView>('/v1/session', { signal }),
  staleTime: Infinity,
})

export const appsQuery = queryOptions({
  queryKey: ['apps'],
  queryFn: ({ signal }) => itemsOf<AppView>('/v1/apps', signal),
  refetchInterval: (query) =>
    (query.state.data?.length ?? 0) > appsPolledOften ? appsPollSlowMs : appsPollMs,
})

/** Each answer is also written into the history that the charts draw. */
export const trafficQuery = queryOptions({
  queryKey: ['traffic'],
  queryFn: async ({ signal }) => {
    const items = await itemsOf<AppTrafficView>('/v1/traffic', signal)
    trafficHistory.record(Date.now(), items)
    return items
  },
  refetchInterval: (query) =>
    (query.state.data?.length ?? 0) > appsPolledOften ? trafficPollSlowMs : 1_000,
})

/** A node that falls silent says nothing; hundreds of them are asked less often. */
export const nodesQuery = queryOptions({
  queryKey: ['nodes'],
  queryFn: ({ signal }) => allItemsOf<NodeView>('/v1/nodes', signal),
  refetchInterval: (query) => ((query.state.data?.length ?? 0) > 100 ? 15_000 : 5_000),
})

/** What agents found that nobody had asked for, newest first; the server keeps 50 a node. */
export const findingsQuery = queryOptions({
  queryKey: ['findings'],
  queryFn: async ({ signal }) => {
    const items = await allItemsOf<NodeFinding>('/v1/findings', signal)
    return items.toSorted((a, b) => b.at - a.at)
  },
  refetchInterval: 15_000,
})

/** The newest `limit` commits, newest first whichever way the server lists them. */
export function eventsQuery(limit: number) {
  return queryOptions({
    queryKey: ['events', limit],
    queryFn: async ({ signal }) => {
      const items = await itemsOf<EventView>(`/v1/events?limit=${limit}`, signal)
      return items.toSorted((a, b) => b.revision - a.revision)
    },
    placeholderData: keepPreviousData,
  })
}

export function rolloutsQuery(limit: number) {
  return queryOptions({
    queryKey: ['rollouts', limit],
    queryFn: ({ signal }) => itemsOf<RolloutView>(`/v1/rollouts?limit=${limit}`, signal),
    refetchInterval: (query) =>
      query.state.data?.some((one) => !isOver(one.state)) ? 2_000 : false,
    placeholderData: keepPreviousData,
  })
}

/** One rollout; its counts move all the while it runs, so it is asked for twice a second. */
export function rolloutQuery(at: AppPlace, id: string) {
  const path = [at.environment, at.tenant, 'apps', at.app, 'rollouts', id]
  return queryOptions({
    queryKey: ['rollouts', 'one', ...path],
    queryFn: async ({ signal }) => {
      const url = `/v1/cells/${path.map(encodeURIComponent).join('/')}`
      return withAges(await callApi<RolloutView>(url, { signal }))
    },
    refetchInterval: ({ state }) => intervalOf(state.data),
  })
}

/**
 * While a rollout reverts, the server's successors are the old instances that come back. For people
 * new stays new: it is what runs the release that the rollout brought.
 */
function withAges(rollout: RolloutView): RolloutView {
  const pools = rollout.pools.map((ship) => ({
    ...ship,
    successor: ship.releaseId === rollout.releaseId,
  }))
  return { ...rollout, pools }
}

/** The window after a rollout is filled within ten seconds of its end; asked for a little longer. */
const afterWindowMs = 15_000

function intervalOf(rollout: RolloutView | undefined): number | false {
  if (rollout === undefined) return false
  if (!isOver(rollout.state)) return 500
  return Date.now() - (rollout.endedAt ?? 0) < afterWindowMs ? 1_000 : false
}

/** Which service each instance of an app was, those that have ended included. */
export function instanceServicesQuery(at: AppPlace) {
  const { environment, tenant, app } = at
  const search = new URLSearchParams({ environment, tenant, app, ended: 'true' })
  return queryOptions({
    queryKey: ['instances', environment, tenant, app],
    queryFn: async ({ signal }) => {
      const items = await itemsOf<InstanceView>(`/v1/instances?${search}`, signal)
      return Object.fromEntries(items.map(({ id, service }) => [id, service]))
    },
    staleTime: 60_000,
  })
}

/** Items in a page, and pages, at the most: what is beyond is not shown. */
const pageItems = 1_000
const pagesMax = 30

/** A whole list, page by page. */
async function allItemsOf<T>(path: string, signal: AbortSignal): Promise<readonly T[]> {
  const items: T[] = []
  let cursor = ''
  for (let page = 0; page < pagesMax; page++) {
    const search = new URLSearchParams({ limit: String(pageItems), ...(cursor && { cursor }) })
    const answer = await callApi<Page<T>>(`${path}?${search}`, { signal })
    items.push(...answer.items)
    if (answer.next === undefined) break
    cursor = answer.next
  }
  return items
}

async function itemsOf<T>(path: string, signal: AbortSignal): Promise<readonly T[]> {
  return (await callApi<Page<T>>(path, { signal })).items
}
