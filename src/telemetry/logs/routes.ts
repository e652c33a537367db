import { Readable } from 'node:stream'
import Type, { type Static } from 'typebox'
import type { Bounds } from '../../base/bounds.ts'
import type { Clock } from '../../base/clock.ts'
import { Admission } from '../../base/admission.ts'
import { Refusal } from '../../base/errors.ts'
import { instanceById } from '../../parts/instances/records.ts'
import { localCell, type AppCell } from '../../parts/tenants/model.ts'
import type { State } from '../../store/port.ts'
import { logLevels } from '../../wire/log-level.ts'
import { LogAnswer, logBucketsMax, LogHistogram } from '../../wire/logs.ts'
import { atQuery } from '../../wire/history.ts'
import { idParam } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import {
  positionOf,
  positionPattern,
  type LogFilter,
  type LogSpan,
  type LogStore,
  type StoredLine,
} from './port.ts'

export interface LogRoutesOptions {
  readonly logs: LogStore
  readonly state: State
  readonly clock: Clock
  /** Where it tells how many searches are under way. */
  readonly bounds?: Bounds | undefined
}

const people = { roles: ['operator', 'developer', 'viewer'] } as const
const tag = 'logs'

/** A name in a query: environments, tenants, apps, services. */
const name = Type.Optional(Type.String({ pattern: '^[a-z0-9~-]{1,64}$' }))
const filter = {
  environment: name,
  tenant: name,
  app: name,
  service: name,
  instance: Type.Optional(idParam),
  /** A part of the text; capitals and small letters are the same. */
  text: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  /** Lines at least this severe, by what they say of themselves. */
  level: Type.Optional(Type.Enum([...logLevels])),
}
/** From when until when, both included, in wall ms. */
const span = { since: atQuery, until: atQuery }
const position = Type.Optional(Type.String({ pattern: positionPattern, maxLength: 128 }))
const Filter = Type.Object(filter)
type Filter = Static<typeof Filter>

/** Lines in one answer at the most, and when the caller does not say. */
const limitMax = 5_000
const limitDefault = 200

/** A histogram of nothing said is of the last hour, in sixty bars. */
const histogramMs = 3_600_000
const bucketsDefault = 60

/** Searches at once: each may read 48 MiB of lines. */
const searchesMax = 8

/** Readers of new lines at once: each may hold a queue of lines in memory. */
const followersMax = 100

/** Silence after which a reader is told that nothing is wrong; proxies give up after 30 s or more. */
const beatEveryMs = 15_000

/** What instances printed, those that have died included. */
export function logRoutes(options: LogRoutesOptions): RouteDefinition[] {
  const searches = new Admission('log-searches', searchesMax)
  options.bounds?.addAll(searches)
  return [searchRoute(options, searches), followRoute(options), histogramRoute(options, searches)]
}

function searchRoute({ logs, state }: LogRoutesOptions, searches: Admission): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/logs',
    rule: people,
    summary:
      'The newest lines that match, of everything or of an app, a service or an instance, oldest ' +
      'of them first; with `after` the oldest of those after a line.',
    tag,
    query: Type.Object({
      ...filter,
      ...span,
      /** The `position` of a line. */
      before: position,
      after: position,
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limitMax })),
    }),
    answers: { 200: LogAnswer },
    async handle({ query, signal }) {
      const { before, after, limit = limitDefault } = query
      const page = await searches.run(() =>
        logs.search({
          ...filterOf(query, state),
          ...spanOf(query),
          before: before === undefined ? undefined : positionOf(before),
          after: after === undefined ? undefined : positionOf(after),
          limit,
          signal,
        }),
      )
      const { lines: items, reachedAt } = page
      return { body: reachedAt === undefined ? { items } : { items, reachedAt } }
    },
  })
}

function histogramRoute(
  { logs, state, clock }: LogRoutesOptions,
  searches: Admission,
): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/logs/histogram',
    rule: people,
    summary: 'How many lines match, by time; the newest are counted first, within a bound.',
    tag,
    query: Type.Object({
      ...filter,
      ...span,
      buckets: Type.Optional(Type.Integer({ minimum: 1, maximum: logBucketsMax })),
    }),
    answers: { 200: LogHistogram },
    async handle({ query, signal }) {
      const until = query.until ?? clock.now()
      const since = Math.min(query.since ?? until - histogramMs, until - 1)
      const bucketMs = Math.max(1, Math.ceil((until - since) / (query.buckets ?? bucketsDefault)))
      const search = { ...filterOf(query, state), since, until, bucketMs, signal }
      const { buckets, reachedAt } = await searches.run(() => logs.count(search))
      const items = buckets.map((bucket, index) => ({ at: since + index * bucketMs, ...bucket }))
      const body = { since, until, bucketMs, items }
      return { body: reachedAt === undefined ? body : { ...body, reachedAt } }
    },
  })
}

function followRoute({ logs, state, clock }: LogRoutesOptions): RouteDefinition {
  let followers = 0
  return route({
    method: 'GET',
    path: '/v1/logs/follow',
    rule: people,
    summary: 'Server-sent events of new lines, until the client goes away.',
    tag,
    query: Filter,
    answers: { 200: Type.String() },
    async handle({ query, signal }) {
      if (followers >= followersMax) throw tooMany()
      const lines = logs.follow(filterOf(query, state), signal)
      followers += 1
      const body = Readable.from(events(lines, clock, signal), { objectMode: false })
      body.once('close', () => (followers -= 1))
      return { headers: { 'content-type': 'text/event-stream; charset=utf-8' }, body }
    },
  })
}

/**
 * What a query asks for. An instance that is known says itself where it belongs; an app of which
 * no cell is said is the one of a platform without environments.
 */
function filterOf(query: Filter, state: State): LogFilter {
  const { environment, tenant, app, service, instance: instanceId, text, level } = query
  const known =
    instanceId === undefined ? undefined : instanceById(state.snapshot, instanceId)?.value
  const what = { instanceId, text, level }
  if (app === undefined && known !== undefined) {
    return { cell: known.at, service: known.service, ...what }
  }
  const isCellSaid = environment !== undefined || tenant !== undefined
  const fallback = app === undefined || isCellSaid ? {} : localCell
  return { cell: { ...fallback, ...given({ environment, tenant, app }) }, service, ...what }
}

function given(cell: { [Name in keyof AppCell]: string | undefined }): Partial<AppCell> {
  const { environment, tenant, app } = cell
  return {
    ...(environment === undefined ? {} : { environment }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(app === undefined ? {} : { app }),
  }
}

function spanOf({ since, until }: LogSpan): LogSpan {
  if (since === undefined || until === undefined || since <= until) return { since, until }
  throw new Refusal('input-invalid', 'the time ends before it begins', {
    path: '/query/until',
    hint: '`since` comes first',
  })
}

/** Lines as server-sent events; JSON, so no line can forge an event. */
async function* events(
  lines: AsyncIterable<StoredLine>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield 'retry: 1000\n\n'
  const iterator = lines[Symbol.asyncIterator]()
  let next = iterator.next()
  for (;;) {
    const result = await beforeBeat(next, clock)
    if (signal.aborted || (result !== undefined && result.done === true)) return
    if (result === undefined) yield ': still here\n\n'
    else {
      yield `event: line\ndata: ${JSON.stringify(result.value)}\n\n`
      next = iterator.next()
    }
  }
}

/** The next line; undefined when it is time to say that nothing is wrong. */
async function beforeBeat<T>(next: Promise<T>, clock: Clock): Promise<T | undefined> {
  const { promise: beat, resolve } = Promise.withResolvers<undefined>()
  const timer = clock.after(beatEveryMs, () => resolve(undefined))
  return Promise.race([next, beat]).finally(() => timer.cancel())
}

function tooMany(): Refusal {
  return new Refusal('too-many-followers', `${followersMax} readers follow logs already`, {
    status: 429,
    hint: 'end one of them, or read with GET /v1/logs',
  })
}
