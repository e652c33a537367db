import type { Readable } from 'node:stream'
import { beforeEach, describe, expect, test } from 'vitest'
import { aState, write } from '../../../test/fixtures/state.ts'
import { anInstance } from '../../../test/fixtures/instances.ts'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { instanceKind } from '../../parts/instances/records.ts'
import { create, type Kind } from '../../store/port.ts'
import type { OpenState } from '../../store/state.ts'
import type { RouteReply, RouteRequest } from '../../wire/route.ts'
import { LogFollowers } from './log-followers.ts'
import type { LogCountSearch, LogSearch, LogStore, StoredLine } from './port.ts'
import { logRoutes } from './routes.ts'

const cell = { environment: 'local', tenant: 'default', app: 'shop' }

function aLine(text: string): StoredLine {
  const own = { at: 1, instanceId: 'i-1', service: 'api', releaseId: 'rel-1', cell }
  return { ...own, stream: 'stdout', text, position: '1.1.i-1' }
}

let clock: VirtualClock
let state: OpenState
let asked: LogSearch[]
let counted: LogCountSearch[]
let followers: LogFollowers
let stop: AbortController

beforeEach(async () => {
  clock = new VirtualClock()
  state = (await aState([instanceKind] as unknown as Kind<never>[], clock)).state
  asked = []
  counted = []
  followers = new LogFollowers()
  stop = new AbortController()
})

const search = (query: object): Promise<RouteReply> => call(0, query)
const follow = (query: object): Promise<RouteReply> => call(1, query)

function call(index: number, query: object): Promise<RouteReply> {
  const logs: LogStore = {
    append: async () => {},
    search: async (one) => {
      asked.push(one)
      return { lines: [aLine('hello')] }
    },
    count: async (one) => {
      counted.push(one)
      return { buckets: [{ lines: 2, warnings: 0, errors: 1 }], reachedAt: 5 }
    },
    follow: (filter, signal) => followers.follow(filter, signal),
    offset: () => 0,
    close: async () => {},
  }
  const request = { query, signal: stop.signal } as unknown as RouteRequest
  return logRoutes({ logs, state, clock })[index]!.handle(request)
}

/** The next piece of a stream, and nothing of it lost when there is none yet. */
async function pieces(stream: Readable, count: number): Promise<string[]> {
  const taken: string[] = []
  const iterator = stream.iterator({ destroyOnReturn: false })
  for (let piece = 0; piece < count; piece++) taken.push(String((await iterator.next()).value))
  return taken
}

describe('reading logs', () => {
  test('an app is found in the only cell of a platform without environments', async () => {
    expect(await search({ app: 'shop', service: 'api' })).toEqual({
      body: { items: [aLine('hello')] },
    })
    expect(asked).toMatchObject([{ cell, service: 'api', limit: 200 }])
  })

  test('an instance that is kept says itself where it belongs', async () => {
    await write(state, create(instanceKind, anInstance('i-1')))
    await search({ instance: 'i-1', limit: 5 })
    expect(asked).toMatchObject([{ cell, service: 'api', instanceId: 'i-1', limit: 5 }])
  })

  test('a dead instance is found by its app, whether it is kept or not', async () => {
    await search({ app: 'shop', instance: 'i-gone', tenant: 'sk', environment: 'prod' })
    expect(asked[0]).toMatchObject({
      cell: { environment: 'prod', tenant: 'sk', app: 'shop' },
      instanceId: 'i-gone',
    })
  })

  test('without an app all of them are asked; a cell narrows it down', async () => {
    await search({ instance: 'i-gone' })
    await search({ tenant: 'sk', text: 'Timeout', level: 'warning' })
    await search({ app: 'shop', tenant: 'sk' })
    expect(asked).toMatchObject([
      { cell: {}, instanceId: 'i-gone' },
      { cell: { tenant: 'sk' }, text: 'Timeout', level: 'warning' },
      { cell: { tenant: 'sk', app: 'shop' } },
    ])
    expect(asked[2]?.cell).not.toHaveProperty('environment')
  })

  test('a page begins before a line or after one', async () => {
    await search({ before: '1763.25.7.i-1', after: '17.3.i-2' })
    expect(asked[0]).toMatchObject({
      before: { at: 1763.25, count: 7, instanceId: 'i-1' },
      after: { at: 17, count: 3, instanceId: 'i-2' },
    })
  })

  test('a time that ends before it begins is refused', async () => {
    await expect(search({ since: 2, until: 1 })).rejects.toMatchObject({ code: 'input-invalid' })
  })

  test('a histogram is of the last hour, or of the time that is said', async () => {
    const { body } = await call(2, {})
    expect(counted[0]).toMatchObject({ until: clock.now(), bucketMs: 60_000 })
    expect(body).toMatchObject({
      since: clock.now() - 3_600_000,
      reachedAt: 5,
      items: [{ at: clock.now() - 3_600_000, lines: 2, errors: 1 }],
    })
    await call(2, { since: 1_000, until: 2_000, buckets: 10, text: 'x' })
    expect(counted[1]).toMatchObject({ since: 1_000, until: 2_000, bucketMs: 100, text: 'x' })
  })
})

describe('following logs', () => {
  test('each line is an event, and no line can forge another', async () => {
    const { headers, body } = await follow({ app: 'shop' })
    expect(headers?.['content-type']).toMatch(/^text\/event-stream/)
    followers.tell(cell, 'api', [aLine('a\n\nevent: line\ndata: {}'), aLine('b')])
    const [retry, first, second] = await pieces(body as Readable, 3)
    expect(retry).toBe('retry: 1000\n\n')
    expect(first?.split('\n')).toHaveLength(4)
    expect(JSON.parse(first!.split('\n')[1]!.slice('data: '.length))).toEqual(
      aLine('a\n\nevent: line\ndata: {}'),
    )
    expect(second).toContain('"text":"b"')
    stop.abort()
  })

  test('in silence the reader hears that nothing is wrong', async () => {
    const { body } = await follow({ app: 'shop' })
    await pieces(body as Readable, 1)
    const beat = pieces(body as Readable, 1)
    await clock.advance(15_000)
    expect(await beat).toEqual([': still here\n\n'])
    stop.abort()
  })

  test('the stream ends when the client goes away', async () => {
    const { body } = await follow({ app: 'shop' })
    await pieces(body as Readable, 1)
    const rest = (body as Readable).toArray()
    stop.abort()
    expect(await rest).toEqual([])
  })

  test('more readers than the limit are refused until one goes', async () => {
    const routes: RouteReply[] = []
    const request = { query: { app: 'shop' }, signal: stop.signal } as unknown as RouteRequest
    const logs = { follow: () => followers.follow({ cell }, stop.signal) } as unknown as LogStore
    const [, route] = logRoutes({ logs, state, clock })
    for (let reader = 0; reader < 100; reader++) routes.push(await route!.handle(request))
    await expect(route!.handle(request)).rejects.toMatchObject({ status: 429 })
    const first = routes[0]!.body as Readable
    const closed = new Promise((resolve) => first.once('close', resolve))
    first.destroy()
    await closed
    const another = await route!.handle(request)
    expect(another.body).toBeDefined()
    stop.abort()
  })
})
