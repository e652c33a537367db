import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalHost, canonicalPath } from './canonical.ts'
import { RouteIndex } from './route-index.ts'

const route = (host: string, path: string, expose = 'public') => ({ host, path, expose })

function anIndex(routes: Record<string, [string, string]>, defaultHost?: string): RouteIndex {
  const index = new RouteIndex('public', defaultHost)
  for (const [id, [host, path]] of Object.entries(routes)) index.set(id, route(host, path))
  return index
}

function led(index: RouteIndex, host: string | undefined, path: string): string {
  const resolved = index.resolve(host, path)
  return resolved.to === 'backend' ? resolved.backendId : resolved.known
}

describe('canonical path', () => {
  test.each([
    ['/', '/'],
    ['', '/'],
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b/'],
    ['/a?b//c', '/a'],
    ['/a#b', '/a'],
    ['//a///b', '/a/b'],
    ['/a/./b/.', '/a/b/'],
    ['/a/../b', '/b'],
    ['/../../b', '/b'],
    ['/a/..', '/'],
    ['/%2e%2E/b', '/b'],
    ['/%61%2Db', '/a-b'],
    ['/a%2fb', '/a%2fb'],
    ['/a%252e', '/a%252e'],
    ['/a\\..\\b', '/b'],
    ['/a%5c..%5Cb', '/b'],
    ['/%', '/%'],
    ['/.well-known/x', '/.well-known/x'],
    ['/...', '/...'],
  ])('of %s is %s', (path, canonical) => {
    expect(canonicalPath(path)).toBe(canonical)
  })

  test('is its own canonical path', () => {
    const part = fc.constantFrom(
      'a',
      'api',
      '.',
      '..',
      '',
      '%2e',
      '%2E.',
      '%41',
      '%2f',
      '\\',
      '%25',
    )
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const once = canonicalPath(`/${parts.join('/')}`)
        expect(canonicalPath(once)).toBe(once)
        expect(once).not.toMatch(/\/\/|\/\.{1,2}(\/|$)|\\/)
      }),
    )
  })
})

test.each([
  ['Shop.Localhost', 'shop.localhost'],
  ['shop.localhost.:80', 'shop.localhost'],
  ['shop.localhost:8080', 'shop.localhost'],
  ['[::1]:8080', '[::1]'],
  [undefined, ''],
])('the canonical host of %s is %s', (host, canonical) => {
  // A trailing dot before the port is cut with it.
  expect(canonicalHost(host).replace(/\.$/, '')).toBe(canonical)
})

describe('route index', () => {
  test('finds the longest path that ends on a boundary of segments', () => {
    const index = anIndex({
      web: ['a.test', '/'],
      api: ['a.test', '/api'],
      deep: ['a.test', '/api/v1/'],
    })
    const paths = ['/', '/apis', '/api', '/api/', '/api/v1', '/api/v1/x', '/api/v12']
    expect(paths.map((path) => led(index, 'a.test', path))).toEqual([
      'web',
      'web',
      'api',
      'api',
      'deep',
      'deep',
      'api',
    ])
  })

  test('tells an unknown host from an unknown path', () => {
    const index = anIndex({ api: ['a.test', '/api'] })
    expect(led(index, 'b.test', '/api')).toBe('no host')
    expect(led(index, undefined, '/api')).toBe('no host')
    expect(led(index, 'a.test', '/')).toBe('host')
  })

  test('serves unknown hosts as the default host, but none in place of a known one', () => {
    const routes = { web: ['a.test', '/'], api: ['b.test', '/api'] } satisfies Record<
      string,
      [string, string]
    >
    const index = anIndex(routes, 'A.test')
    expect(led(index, 'c.test', '/x')).toBe('web')
    expect(led(index, 'b.test', '/x')).toBe('host')
  })

  test('follows a route that moves, and forgets one that goes', () => {
    const index = anIndex({ web: ['a.test', '/'] })
    index.set('web', route('b.test', '/'))
    expect([led(index, 'a.test', '/'), led(index, 'b.test', '/')]).toEqual(['no host', 'web'])
    index.set('web', null)
    expect(led(index, 'b.test', '/')).toBe('no host')
  })

  test('gives a place that two claim to the first, and to the other once that is gone', () => {
    const index = anIndex({ second: ['a.test', '/'], first: ['a.test', '/'] })
    expect(led(index, 'a.test', '/')).toBe('first')
    index.remove('first')
    expect(led(index, 'a.test', '/')).toBe('second')
  })

  test('leads nowhere by a route that is not public', () => {
    const index = new RouteIndex('public')
    index.set('web', route('a.test', '/', 'private'))
    expect(led(index, 'a.test', '/')).toBe('no host')
  })
})
