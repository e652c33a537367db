import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { PassIndex } from './pass-index.ts'

function aPass(token: string, releaseId: string, until: number) {
  return { digest: createHash('sha256').update(token).digest('hex'), releaseId, until }
}

describe('pass index', () => {
  test('leads a token to the release that each backend has for it', () => {
    const passes = new PassIndex()
    passes.set('web', [aPass('t', 'r-web', 100)])
    passes.set('api', [aPass('t', 'r-api', 200), aPass('u', 'r-old', 200)])
    const good = passes.find('t', 100)
    expect([good?.releaseOf('web'), good?.releaseOf('api')]).toEqual(['r-web', 'r-api'])
    expect([good?.releaseOf('other'), good?.until]).toEqual([undefined, 200])
    expect(passes.find('x', 0)).toBeUndefined()
  })

  test('knows none whose time is over', () => {
    const passes = new PassIndex()
    passes.set('web', [aPass('t', 'r-web', 100)])
    passes.set('api', [aPass('t', 'r-api', 200)])
    expect(passes.find('t', 101)?.releaseOf('web')).toBeUndefined()
    expect(passes.find('t', 201)).toBeUndefined()
  })

  test('forgets those that a backend has no more', () => {
    const passes = new PassIndex()
    passes.set('web', [aPass('t', 'r-web', 100)])
    passes.set('web', [aPass('u', 'r-web', 100)])
    expect([passes.find('t', 0), passes.find('u', 0) === undefined]).toEqual([undefined, false])
    passes.remove('web')
    expect(passes.find('u', 0)).toBeUndefined()
  })
})
