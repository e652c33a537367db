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
import type { LogSearch, LogStore, StoredLine } from './port.ts'
import { logRoutes } from './routes.ts'

const cell = { environment: 'local', tenant: 'default', app: 'shop' }

function aLine(text: string): StoredLine {
  return { at: 1, instanceId: 'i-1', service: 'api', releaseId: 'rel-1', stream: 'stdout', text }
}

let clock: VirtualClock
let state: OpenState
let asked: LogSearch[]
let followers: LogFollowers
let stop: AbortController

beforeEach(async () => {
  clock = new VirtualClock()
  state = (await aState([instanceKind] as unknown as Kind<never>[], clock)).state
  asked = []
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
      return [aLine('hello')]
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
    expect(asked).toEqual([{ cell, service: 'api', instanceId: undefined, limit: 200 }])
  })

  test('an instance that is kept says itself where it belongs', async () => {
    await write(state, create(instanceKind, anInstance('i-1')))
    await search({ instance: 'i-1', limit: 5 })
    expect(asked).toEqual([{ cell, service: 'api', instanceId: 'i-1', limit: 5 }])
  })

  test('a dead instance is found by its app, whether it is kept or not', async () => {
    await search({ app: 'shop', instance: 'i-gone', tenant: 'sk', environment: 'prod' })
    expect(asked[0]).toMatchObject({
      cell: { environment: 'prod', tenant: 'sk', app: 'shop' },
      instanceId: 'i-gone',
    })
  })

  test('a question without an app or a known instance is refused', async () => {
    await expect(search({ instance: 'i-gone' })).rejects.toMatchObject({ code: 'input-invalid' })
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
