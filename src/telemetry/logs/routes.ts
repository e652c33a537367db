import { Readable } from 'node:stream'
import Type, { type Static } from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { instanceById } from '../../parts/instances/records.ts'
import { localCell } from '../../parts/tenants/model.ts'
import type { State } from '../../store/port.ts'
import { LogLineView } from '../../wire/api.ts'
import { idParam } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import type { LogSearch, LogStore, StoredLine } from './port.ts'

export interface LogRoutesOptions {
  readonly logs: LogStore
  readonly state: State
  readonly clock: Clock
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
}
const Filter = Type.Object(filter)
type Filter = Static<typeof Filter>

/** Lines in one answer at the most, and when the caller does not say. */
const limitMax = 5_000
const limitDefault = 200

/** Readers of new lines at once: each may hold a queue of lines in memory. */
const followersMax = 100

/** Silence after which a reader is told that nothing is wrong; proxies give up after 30 s or more. */
const beatEveryMs = 15_000

/** What instances printed, those that have died included. */
export function logRoutes(options: LogRoutesOptions): RouteDefinition[] {
  return [searchRoute(options), followRoute(options)]
}

function searchRoute({ logs, state }: LogRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/logs',
    rule: people,
    summary: 'The newest lines of an app, a service or an instance, oldest of them first.',
    tag,
    query: Type.Object({
      ...filter,
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limitMax })),
    }),
    answers: { 200: Type.Object({ items: Type.Array(LogLineView) }) },
    async handle({ query }) {
      const search = { ...searchOf(query, state), limit: query.limit ?? limitDefault }
      return { body: { items: await logs.search(search) } }
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
      const lines = logs.follow(searchOf(query, state), signal)
      followers += 1
      const body = Readable.from(events(lines, clock, signal), { objectMode: false })
      body.once('close', () => (followers -= 1))
      return { headers: { 'content-type': 'text/event-stream; charset=utf-8' }, body }
    },
  })
}

/** What a query asks for; an instance that is known says itself where it belongs. */
function searchOf(query: Filter, state: State): Omit<LogSearch, 'limit'> {
  const { environment, tenant, app, service, instance: instanceId } = query
  const known =
    instanceId === undefined ? undefined : instanceById(state.snapshot, instanceId)?.value
  if (app === undefined && known !== undefined) {
    return { cell: known.at, service: known.service, instanceId }
  }
  if (app === undefined) {
    throw new Refusal('input-invalid', 'it is not said whose lines are asked for', {
      path: '/query/app',
      hint: 'name an app, or an instance that is kept',
    })
  }
  const cell = {
    environment: environment ?? localCell.environment,
    tenant: tenant ?? localCell.tenant,
    app,
  }
  return { cell, service, instanceId }
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
