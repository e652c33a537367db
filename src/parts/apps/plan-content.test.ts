import { describe, expect, test } from 'vitest'
import { aRelease, aSpec } from '../../../test/fixtures/records.ts'
import { contentDigest, fieldChanges } from './plan-content.ts'

const web = aSpec({ name: 'web' })
const api = aSpec({ name: 'api' })

describe('the contents of a release', () => {
  test('do not change with what it is called, or where it came from', () => {
    const first = aRelease({ services: [web, api] })
    const second = aRelease({
      services: [web, api],
      id: 'rel-9',
      number: 9,
      version: 'other',
      manifest: '# a comment',
      planHash: 'p1-x',
      createdBy: 'grace',
      createdAt: 9,
    })
    expect(contentDigest(second)).toBe(contentDigest(first))
  })

  test('do not change with the order of services', () => {
    const first = aRelease({ services: [web, api] })
    expect(contentDigest(aRelease({ services: [api, web] }))).toBe(contentDigest(first))
  })

  test('do not change with a member that is empty, as a newer program may add one', () => {
    const later = { ...aRelease(), alerts: [] }
    expect(contentDigest(later)).toBe(contentDigest(aRelease()))
  })

  test.each([
    ['a count', aRelease({ services: [aSpec({ instances: 3 })] })],
    ['a variable', aRelease({ services: [aSpec({ env: { A: '1' } })] })],
    [
      'an artifact',
      aRelease({ services: [aSpec({ artifact: { digest: 'sha256:b', sizeBytes: 1 } })] }),
    ],
    ['a step', aRelease({ steps: [{ kind: 'remaining', batch: 1, pauseMs: 0 }] })],
    ['the bound of failed requests', aRelease({ revertAboveFailed: 1 })],
    ['a member that this program does not know', { ...aRelease(), alerts: [{ name: 'slow' }] }],
  ])('change with %s', (_what, release) => {
    expect(contentDigest(release)).not.toBe(contentDigest(aRelease()))
  })
})

describe('the fields that differ', () => {
  test('are told one by one, with what was and what is', () => {
    const from = aSpec({ env: { A: '1', B: '2' }, resources: { ...web.resources, cpu: 1 } })
    const to = aSpec({ env: { A: '1', B: '3', C: '4' }, resources: { ...web.resources, cpu: 2 } })
    expect(fieldChanges(from, to)).toEqual([
      { path: 'resources.cpu', from: 1, to: 2 },
      { path: 'env.B', from: '2', to: '3' },
      { path: 'env.C', from: null, to: '4' },
    ])
  })

  test('name what is gone', () => {
    expect(fieldChanges(aSpec({ env: { A: '1' } }), aSpec())).toEqual([
      { path: 'env.A', from: '1', to: null },
    ])
  })

  test('of things with names are under their names, whatever their order', () => {
    const from = { jobs: [{ name: 'a', every: 1 }, { name: 'b' }] }
    const to = { jobs: [{ name: 'b' }, { name: 'a', every: 2 }] }
    expect(fieldChanges(from, to)).toEqual([{ path: 'jobs.a.every', from: 1, to: 2 }])
  })

  test('of an artifact, a probe or a secret are one', () => {
    const from = { env: { KEY: { secret: 'db/one' } }, artifact: { digest: 'a', sizeBytes: 1 } }
    const to = { env: { KEY: { secret: 'db/two' } }, artifact: { digest: 'b', sizeBytes: 2 } }
    expect(fieldChanges(from, to).map(({ path }) => path)).toEqual(['env.KEY', 'artifact'])
  })

  test('are none where an absent member meets an empty one', () => {
    expect(fieldChanges({ route: null, needs: [] }, { needs: [] })).toEqual([])
  })
})
