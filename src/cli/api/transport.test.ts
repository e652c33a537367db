import { describe, expect, test } from 'vitest'
import { Fault, Refusal } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { SecretRef } from '../../base/secret-ref.ts'
import { Transport, unreachableCode } from './transport.ts'

interface Asked {
  readonly url: string
  readonly method: string
  readonly headers: Headers
}

/** A server that gives these answers in turn; an Error is a connection that fails. */
function aServer(answers: (Response | Error)[]) {
  const asked: Asked[] = []
  const clock = new VirtualClock()
  const fakeFetch = async (url: URL, init: RequestInit): Promise<Response> => {
    asked.push({ url: String(url), method: init.method ?? '', headers: new Headers(init.headers) })
    const answer = answers.shift()
    if (answer === undefined || answer instanceof Error) throw answer ?? new TypeError('gone')
    return answer
  }
  const transport = new Transport({
    server: 'http://127.0.0.1:7070',
    token: new SecretRef('token', 'secret'),
    clock,
    random: seededRandom(1),
    patienceMs: 2_000,
    fetch: fakeFetch as typeof fetch,
  })
  return { asked, clock, transport }
}

async function settled<T>(clock: VirtualClock, work: Promise<T>): Promise<T | Error> {
  const outcome = work.catch((error: unknown) => error as Error)
  for (let step = 0; step < 40; step++) await clock.advance(100)
  return outcome
}

const away = new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })

describe('a call', () => {
  test('carries the token and leaves undefined parts of a query out', async () => {
    const { asked, transport } = aServer([Response.json({ items: [] })])
    await transport.json({
      method: 'GET',
      path: '/v1/apps',
      query: { limit: 2, cursor: undefined },
    })
    expect(asked[0]?.url).toBe('http://127.0.0.1:7070/v1/apps?limit=2')
    expect(asked[0]?.headers.get('authorization')).toBe('Bearer secret')
  })

  test('is made again while the server is away', async () => {
    const { asked, clock, transport } = aServer([away, away, Response.json({ ok: true })])
    const answer = await settled(clock, transport.json({ method: 'GET', path: '/v1/apps' }))
    expect(answer).toEqual({ ok: true })
    expect(asked).toHaveLength(3)
  })

  test('fails with the address once patience has ended', async () => {
    const { clock, transport } = aServer([])
    const error = await settled(clock, transport.json({ method: 'GET', path: '/v1/apps' }))
    expect(error).toBeInstanceOf(Fault)
    expect(error).toMatchObject({ code: unreachableCode })
    expect((error as Fault).message).toContain('http://127.0.0.1:7070')
  })

  test('that is refused is not made again', async () => {
    const body = { error: { code: 'app-unknown', message: 'no app', hint: 'look', requestId: 'r' } }
    const { asked, clock, transport } = aServer([Response.json(body, { status: 404 })])
    const error = await settled(clock, transport.json({ method: 'GET', path: '/v1/x' }))
    expect(error).toBeInstanceOf(Refusal)
    expect(error).toMatchObject({ code: 'app-unknown', status: 404, hint: 'look' })
    expect(asked).toHaveLength(1)
  })

  test('that meets an answer which is no JSON still fails in words', async () => {
    const { clock, transport } = aServer([new Response('<html>', { status: 500 })])
    const error = await settled(clock, transport.json({ method: 'GET', path: '/v1/x' }))
    expect(error).toMatchObject({ code: 'http-500', message: 'the server answered 500' })
  })
})

describe('a write', () => {
  test('keeps its idempotency key when it is made again', async () => {
    const busy = Response.json(
      { error: { code: 'store-busy', message: 'busy', requestId: 'r' } },
      { status: 503 },
    )
    const { asked, clock, transport } = aServer([away, busy, Response.json({ revision: 9 })])
    await settled(clock, transport.json({ method: 'POST', path: '/v1/x', body: {} }))
    const keys = new Set(asked.map(({ headers }) => headers.get('idempotency-key')))
    expect(asked).toHaveLength(3)
    expect(keys.size).toBe(1)
    expect([...keys][0]).toMatch(/^[0-9a-f]{32}$/)
  })

  test('has a key of its own', async () => {
    const { asked, transport } = aServer([Response.json({}), Response.json({})])
    await transport.json({ method: 'POST', path: '/v1/x', body: {} })
    await transport.json({ method: 'POST', path: '/v1/x', body: {} })
    const keys = asked.map(({ headers }) => headers.get('idempotency-key'))
    expect(keys[0]).not.toBe(keys[1])
  })

  test('is seen by the reads after it', async () => {
    const written = Response.json({}, { headers: { 'roadstead-revision': '41' } })
    const { asked, transport } = aServer([written, Response.json({})])
    await transport.json({ method: 'POST', path: '/v1/x', body: {} })
    await transport.json({ method: 'GET', path: '/v1/x' })
    expect(asked[1]?.headers.get('roadstead-revision')).toBe('41')
  })
})

describe('a stream of events', () => {
  const stream = (text: string): Response => new Response(text)

  test('resumes after its last id when it breaks', async () => {
    const { asked, clock, transport } = aServer([
      stream('id: 1\ndata: a\n\n'),
      away,
      stream('id: 2\ndata: b\n\n'),
    ])
    const seen: string[] = []
    const ended = new AbortController()
    const reading = (async () => {
      for await (const event of transport.events('/v1/watch', {}, ended.signal)) {
        seen.push(event.data)
        if (seen.length === 2) ended.abort()
      }
    })()
    await settled(clock, reading)
    expect(seen).toEqual(['a', 'b'])
    expect(asked.map(({ headers }) => headers.get('last-event-id'))).toEqual([null, '1', '1'])
  })
})
