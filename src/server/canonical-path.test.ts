import { describe, expect, test } from 'vitest'
import { checkCanonical } from './canonical-path.ts'

describe('the canonical path', () => {
  test.each([
    '/',
    '/v1/apps',
    '/v1/artifacts/sha256%3Aabc',
    '/v1/artifacts/sha256:abc',
    '/v1/events?key=app/../x&cursor=%2F%2e',
    '/assets/index-B1c2.js',
    '/.well-known/x',
  ])('%s is let through', (target) => {
    expect(() => checkCanonical(target)).not.toThrow()
  })

  test.each([
    '//evil/x',
    '/v1//apps',
    '/v1/../v1/apps',
    '/v1/./apps',
    '/v1/apps/..',
    '/v1/%2e%2e/apps',
    '/v1/%2E/apps',
    '/v1%2fapps',
    '/v1\\apps',
    '/v1/%5capps',
    '/v1/apps%00',
    '/v1/%252e%252e/apps',
    'http://evil.example/v1/apps',
    '*',
    '',
    '/v1/\u202eapps',
  ])('%s is refused', (target) => {
    expect(() => checkCanonical(target)).toThrow(/canonical/)
  })

  test('a URL over the limit is refused with 414', () => {
    expect(() => checkCanonical(`/${'a'.repeat(5_000)}`)).toThrow(
      expect.objectContaining({ code: 'url-too-long', status: 414 }),
    )
  })
})
