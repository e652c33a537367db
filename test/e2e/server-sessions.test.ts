import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sessionKind, tokenKind } from '../../src/parts/access/records.ts'
import { remove } from '../../src/store/port.ts'
import { aRunningServer, errorOf, type TestServer } from '../fixtures/running-server.ts'

let server: TestServer

beforeEach(async () => {
  server = await aRunningServer()
})
afterEach(() => server.stop())

async function logIn(token = server.tokens.operator): Promise<string> {
  const response = await server.call(null, '/v1/session', {
    method: 'POST',
    body: JSON.stringify({ token }),
  })
  expect(response.status).toBe(200)
  return response.headers.get('set-cookie') ?? ''
}

function cookieOf(setCookie: string): string {
  return setCookie.split(';', 1)[0] ?? ''
}

function withCookie(
  path: string,
  cookie: string,
  init: RequestInit & { headers?: Record<string, string> } = {},
): Promise<Response> {
  return server.call(null, path, { ...init, headers: { cookie, ...init.headers } })
}

describe('sessions of the console', () => {
  test('a token opens one, and its cookie says who it is', async () => {
    const setCookie = await logIn()
    expect(setCookie).toMatch(/^roadstead_session=[\w-]{43}; .*HttpOnly; SameSite=Strict$/)
    const who = await withCookie('/v1/session', cookieOf(setCookie))
    expect(await who.json()).toEqual({ name: 'operator', role: 'operator' })
  })

  test('the store never holds the cookie itself', async () => {
    const cookie = cookieOf(await logIn()).split('=')[1] ?? ''
    const stored = JSON.stringify([...server.state.snapshot.list(sessionKind)])
    expect(stored).toContain('tokenId')
    expect(stored).not.toContain(cookie)
  })

  test('a wrong token opens none', async () => {
    const response = await server.call(null, '/v1/session', {
      method: 'POST',
      body: JSON.stringify({ token: `rst_${'x'.repeat(43)}` }),
    })
    expect(response.status).toBe(401)
    expect(await errorOf(response)).toMatchObject({ code: 'token-invalid', path: '/body/token' })
    expect(response.headers.get('set-cookie')).toBeNull()
  })

  test('a write with the cookie needs our own origin, and a read refuses another', async () => {
    const cookie = cookieOf(await logIn())
    const write = (headers: Record<string, string>): Promise<Response> =>
      withCookie('/v1/session', cookie, { method: 'DELETE', headers })
    expect((await write({ origin: 'http://evil.example' })).status).toBe(403)
    expect(await errorOf(await write({}))).toMatchObject({ code: 'origin-refused' })
    const foreign = await withCookie('/v1/watch', cookie, {
      headers: { origin: 'http://evil.example' },
    })
    expect(foreign.status).toBe(403)
    expect((await write({ origin: server.url })).status).toBe(204)
  })

  test('after logging out the cookie is worth nothing', async () => {
    const cookie = cookieOf(await logIn())
    const out = await withCookie('/v1/session', cookie, {
      method: 'DELETE',
      headers: { origin: server.url },
    })
    expect(out.headers.get('set-cookie')).toMatch(/^roadstead_session=; .*Max-Age=0/)
    const after = await withCookie('/v1/apps', cookie)
    expect(after.status).toBe(401)
    expect(await errorOf(after)).toMatchObject({ code: 'session-over' })
  })

  test('a revoked token takes its sessions and event streams with it within five seconds', async () => {
    const cookie = cookieOf(await logIn())
    const stream = await withCookie('/v1/watch', cookie)
    const reader = stream.body?.getReader()
    expect((await reader?.read())?.done).toBe(false)
    const token = [...server.state.snapshot.list(tokenKind)].find(
      ({ value }) => value.role === 'operator',
    )
    if (token === undefined) throw new Error('no token')
    await server.state.commit({
      writes: [remove(token)],
      attribution: { who: 'test', what: 'token.revoke', why: 'a test' },
    })
    expect((await withCookie('/v1/apps', cookie)).status).toBe(401)
    const revokedAt = performance.now()
    await expect(drain(reader)).rejects.toThrow('terminated')
    expect(performance.now() - revokedAt).toBeLessThan(5_000)
  })

  test('thirty wrong tokens in a minute are enough; the right one still opens the door', async () => {
    const statuses: number[] = []
    let retryAfter: string | null = null
    for (let attempt = 0; attempt < 32; attempt++) {
      const headers = { authorization: 'Bearer guess' }
      const response = await server.call(null, '/v1/apps', { headers })
      statuses.push(response.status)
      retryAfter = response.headers.get('retry-after')
    }
    expect(statuses.slice(28)).toEqual([401, 401, 429, 429])
    expect(Number(retryAfter)).toBeGreaterThan(0)
    expect((await server.call('operator', '/v1/apps')).status).toBe(200)
  })
})

async function drain(reader: ReadableStreamDefaultReader | undefined): Promise<void> {
  for (;;) if ((await reader?.read())?.done !== false) return
}
