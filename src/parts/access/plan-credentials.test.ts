import { describe, expect, test } from 'vitest'
import { checkOrigin, cookieIn, credentialOf, sessionCookieHeader } from './plan-credentials.ts'

describe('credentials', () => {
  test.each([
    [{}, { kind: 'none' }],
    [{ authorization: 'Bearer abc' }, { kind: 'bearer', token: 'abc' }],
    [{ authorization: 'bearer abc' }, { kind: 'bearer', token: 'abc' }],
    [{ authorization: 'Basic YTpi' }, { kind: 'bearer', token: '' }],
    [{ authorization: `Bearer ${'a'.repeat(300)}` }, { kind: 'bearer', token: '' }],
    [{ cookie: 'a=1; roadstead_session=xyz' }, { kind: 'session', cookie: 'xyz' }],
    [{ cookie: 'a=1' }, { kind: 'none' }],
    [
      { authorization: 'Bearer abc', cookie: 'roadstead_session=xyz' },
      { kind: 'bearer', token: 'abc' },
    ],
  ])('of %j are read', (headers, credential) => {
    expect(credentialOf(headers)).toEqual(credential)
  })

  test('a cookie whose name only ends like ours is another', () => {
    expect(cookieIn('not_roadstead_session=1', 'roadstead_session')).toBeUndefined()
  })

  test('the cookie is out of reach for scripts and other sites', () => {
    const header = sessionCookieHeader('abc', 60_000, true)
    expect(header).toBe(
      'roadstead_session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure',
    )
    expect(sessionCookieHeader('abc', 60_000, false)).not.toContain('Secure')
  })
})

describe('the origin of a request with a cookie', () => {
  const host = 'roadstead.example:7070'
  const own = `http://${host}`
  test.each([
    ['a write from our page', { host, origin: own }, true],
    ['a read without an origin', { host }, false],
    ['a read from our page', { host, 'sec-fetch-site': 'same-origin' }, false],
    ['a read typed into the address bar', { host, 'sec-fetch-site': 'none' }, false],
  ])('%s passes', (_name, headers, isWrite) => {
    expect(() => checkOrigin(headers, 'http', isWrite)).not.toThrow()
  })

  test.each([
    ['a write from elsewhere', { host, origin: 'http://evil.example' }, true],
    ['a write without an origin', { host }, true],
    ['a write over another scheme', { host, origin: `https://${host}` }, true],
    ['a write from a sandbox', { host, origin: 'null' }, true],
    ['a read from elsewhere', { host, origin: 'http://evil.example' }, false],
    ['a cross-site read without an origin', { host, 'sec-fetch-site': 'cross-site' }, false],
  ])('%s is refused', (_name, headers, isWrite) => {
    expect(() => checkOrigin(headers, 'http', isWrite)).toThrow(
      expect.objectContaining({ code: 'origin-refused', status: 403 }),
    )
  })
})
