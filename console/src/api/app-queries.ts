import { queryOptions } from '@tanstack/react-query'
import type { AppView, InstanceView, RolloutView } from '../../../src/wire/api.ts'
import type { ExplainedLineView, ExplanationView } from '../../../src/wire/explanation.ts'
import type { JobView, RunDetails, RunView } from '../../../src/wire/jobs.ts'
import type { ReleaseView } from '../../../src/wire/releases.ts'
import type { SchemaView } from '../../../src/wire/schema.ts'
import type { TestLinkView } from '../../../src/wire/test-links.ts'
import type { VolumeView } from '../../../src/wire/volumes.ts'
import { callApi } from './client.ts'
import type { AppPlace } from './queries.ts'

/** The reads of one app. Keys begin with the noun that the watch invalidates them by. */

/** What agents observe is told by the watch, but a node that falls silent says nothing. */
const appPollMs = 2_000
/** Jobs begin by the clock, without anybody's commit in between. */
const jobsPollMs = 5_000
/** While a run prints. */
const runPollMs = 1_000
/** Instances of one app that are read: twenty answers of the server. */
const instancesMax = 20_000
const pageLimit = 1_000

/** `/v1/cells/prod/cz/apps/shop`. */
function pathOf({ environment, tenant, app }: AppPlace): string {
  const [cell, name] = [[environment, tenant], app]
  return `/v1/cells/${cell.map(encodeURIComponent).join('/')}/apps/${encodeURIComponent(name)}`
}

function keyOf(noun: string, { environment, tenant, app }: AppPlace, ...rest: readonly string[]) {
  return [noun, environment, tenant, app, ...rest]
}

export function appQuery(at: AppPlace) {
  return queryOptions({
    queryKey: keyOf('apps', at),
    queryFn: ({ signal }) => callApi<AppView>(pathOf(at), { signal }),
    refetchInterval: ({ state }) => (state.error === null ? appPollMs : jobsPollMs),
  })
}

export function releasesQuery(at: AppPlace) {
  return queryOptions({
    queryKey: keyOf('releases', at),
    queryFn: ({ signal }) => itemsOf<ReleaseView>(`${pathOf(at)}/releases`, signal),
  })
}

/** Lines of a configuration that are read: twenty answers of the server. */
export const explanationLinesMax = 20_000

/** How a release reads in its cell, all pages put together; `next` is there where lines are left. */
export function explanationQuery(at: AppPlace, releaseNumber: number) {
  const path = `${pathOf(at)}/releases/${releaseNumber}/explanation`
  return queryOptions({
    queryKey: keyOf('releases', at, 'explanation', `${releaseNumber}`),
    queryFn: async ({ signal }) => {
      const items: ExplainedLineView[] = []
      const search = new URLSearchParams({ limit: `${pageLimit}` })
      for (;;) {
        const page = await callApi<ExplanationView>(`${path}?${search}`, { signal })
        items.push(...page.items)
        if (page.next === undefined || items.length >= explanationLinesMax)
          return { ...page, items }
        search.set('cursor', page.next)
      }
    },
    retry: false,
  })
}

export function appRolloutsQuery(at: AppPlace) {
  return queryOptions({
    queryKey: keyOf('rollouts', at),
    queryFn: ({ signal }) => itemsOf<RolloutView>(`${pathOf(at)}/rollouts?limit=50`, signal),
  })
}

export function jobsQuery(at: AppPlace) {
  return queryOptions({
    queryKey: keyOf('jobs', at),
    queryFn: ({ signal }) => itemsOf<JobView>(`${pathOf(at)}/jobs`, signal),
    refetchInterval: jobsPollMs,
  })
}

export function jobRunsQuery(at: AppPlace, job: string) {
  const path = `${pathOf(at)}/jobs/${encodeURIComponent(job)}/runs?limit=20`
  return queryOptions({
    queryKey: keyOf('jobs', at, job),
    queryFn: ({ signal }) => itemsOf<RunView>(path, signal),
    refetchInterval: jobsPollMs,
  })
}

/** What a run printed last comes a moment after its end is known: looked for this long, in ms. */
const lastWordsMs = 10_000

/** A run with the end of what it printed; asked for each second while it runs. */
export function runQuery(id: string) {
  return queryOptions({
    queryKey: ['runs', id],
    queryFn: ({ signal }) => callApi<RunDetails>(`/v1/runs/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: ({ state: { data } }) => {
      const endedAt = data?.run.endedAt ?? Infinity
      return Date.now() - endedAt < lastWordsMs ? runPollMs : false
    },
  })
}

/** The runs of one rollout's tests and migrations, newest first, among the newest of all runs. */
export function rolloutRunsQuery(rolloutId: string, isOver: boolean) {
  return queryOptions({
    queryKey: ['runs', 'of', rolloutId],
    queryFn: async ({ signal }) => {
      const runs = await itemsOf<RunView>('/v1/runs?limit=200', signal)
      return runs.filter((run) => run.rolloutId === rolloutId)
    },
    refetchInterval: isOver ? false : runPollMs,
  })
}

export function schemaQuery(at: AppPlace) {
  return queryOptions({
    queryKey: keyOf('releases', at, 'schema'),
    queryFn: ({ signal }) => itemsOf<SchemaView>(`${pathOf(at)}/schema`, signal),
  })
}

export function testLinksQuery(at: AppPlace) {
  return queryOptions({
    queryKey: keyOf('releases', at, 'test-links'),
    queryFn: ({ signal }) => itemsOf<TestLinkView>(`${pathOf(at)}/test-links`, signal),
  })
}

/** Volumes of every app, since the server has no other list; the first thousand. */
export const volumesQuery = queryOptions({
  queryKey: ['volumes'],
  queryFn: ({ signal }) => itemsOf<VolumeView>(`/v1/volumes?limit=${pageLimit}`, signal),
})

/** The instances of one app, page by page, newest first. */
export function appInstancesQuery(at: AppPlace, isWithEnded: boolean) {
  const { environment, tenant, app } = at
  const ended = isWithEnded ? { ended: 'true' } : {}
  const search = new URLSearchParams({ environment, tenant, app, limit: `${pageLimit}`, ...ended })
  return queryOptions({
    queryKey: keyOf('instances', at, isWithEnded ? 'all' : 'live'),
    queryFn: async ({ signal }) => {
      const found: InstanceView[] = []
      let cursor: string | undefined
      do {
        if (cursor !== undefined) search.set('cursor', cursor)
        const page = await callApi<Page<InstanceView>>(`/v1/instances?${search}`, { signal })
        found.push(...page.items)
        cursor = page.next
      } while (cursor !== undefined && found.length < instancesMax)
      return found.toReversed()
    },
    refetchInterval: appPollMs,
  })
}

interface Page<T> {
  readonly items: readonly T[]
  readonly next?: string
}

async function itemsOf<T>(path: string, signal: AbortSignal): Promise<readonly T[]> {
  return (await callApi<Page<T>>(path, { signal })).items
}
