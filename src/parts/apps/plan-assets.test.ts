import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aRelease, aSpec } from '../../../test/fixtures/records.ts'
import { carriedMax, specDigest, type Release } from './model.ts'
import { planCarried, type CarriedView, type MetRelease } from './plan-assets.ts'
import { contentDigest } from './plan-content.ts'

const keepMs = 1_000
const assets = { directory: 'public/assets', keepMs }

const digestOf = (name: string): string => `sha256:${name}`

/** A release of one service whose archive has that name. */
function release(number: number, archive: string, parts: Partial<Release> = {}): Release {
  const artifact = { digest: digestOf(archive), sizeBytes: 1 }
  const services = [aSpec({ artifact, assets })]
  return aRelease({ id: `rel-${number}`, number, services, ...parts })
}

function view(
  next: Release,
  met: readonly MetRelease[],
  current: Release | null = met[0]?.release ?? null,
): CarriedView {
  return { release: next, met, current, has: () => true }
}

/** Names of the archives that go along, newest first. */
function archives(carried: Release['carried']): string[] {
  return (carried?.['web'] ?? []).map(({ artifact }) => artifact.digest.slice('sha256:'.length))
}

describe('what goes along with a release', () => {
  const v1 = release(1, 'a')

  test('nothing with the first', () => {
    expect(planCarried(view(v1, []), 0)).toBeUndefined()
  })

  test('what runs, until it was kept for its time', () => {
    const carried = planCarried(view(release(2, 'b'), [{ release: v1, seenAt: 500 }]), 500)
    const { artifact } = v1.services[0]!
    expect(carried).toEqual({ web: [{ artifact, directory: 'public/assets', until: 1_500 }] })
  })

  test('what that carries itself, as long as its time lasts', () => {
    const bare = release(2, 'b')
    const v2 = withCarried(bare, planCarried(view(bare, [{ release: v1, seenAt: 500 }]), 500))
    const met = (now: number): MetRelease[] => [{ release: v2, seenAt: now }]
    expect(archives(planCarried(view(release(3, 'c'), met(1_499)), 1_499))).toEqual(['b', 'a'])
    expect(archives(planCarried(view(release(3, 'c'), met(1_500)), 1_500))).toEqual(['b'])
  })

  test('what was taken back lately: browsers hold pages of it', () => {
    const taken = { release: release(2, 'b'), seenAt: 200 }
    const met = [taken, { release: v1, seenAt: 300 }]
    expect(archives(planCarried(view(release(3, 'c'), met, v1), 300))).toEqual(['b', 'a'])
    const later = [taken, { release: v1, seenAt: 1_200 }]
    expect(archives(planCarried(view(release(3, 'c'), later, v1), 1_200))).toEqual(['a'])
  })

  test('never its own archive, and none twice', () => {
    const met = [
      { release: release(3, 'a'), seenAt: 9 },
      { release: release(2, 'b'), seenAt: 8 },
      { release: v1, seenAt: 7 },
    ]
    expect(archives(planCarried(view(release(4, 'b'), met), 9))).toEqual(['a'])
  })

  test('from where each release had its assets', () => {
    const old = aSpec({ ...v1.services[0]!, assets: { directory: 'dist/static', keepMs } })
    const silent = { ...release(2, 'b').services[0]! }
    delete silent.assets
    const met = [
      { release: release(2, 'b', { services: [silent] }), seenAt: 2 },
      { release: release(1, 'a', { services: [old] }), seenAt: 1 },
    ]
    const carried = planCarried(view(release(3, 'c'), met), 2)
    const directories = carried?.['web']?.map(({ directory }) => directory)
    expect(directories).toEqual(['public/assets', 'dist/static'])
  })

  test('nothing for a service that names no assets, nor what is not there any more', () => {
    const met = [{ release: v1, seenAt: 1 }]
    const plain = aRelease({ services: [aSpec()] })
    expect(planCarried(view(plain, met), 1)).toBeUndefined()
    const gone = { ...view(release(2, 'b'), met), has: () => false }
    expect(planCarried(gone, 1)).toBeUndefined()
  })

  test('the newest few, and always what runs', () => {
    const queued = ['g', 'f', 'e', 'd', 'c', 'b'].map((name, index) => {
      return { release: release(9 - index, name), seenAt: 1 }
    })
    const met = [...queued, { release: v1, seenAt: 1 }]
    const carried = planCarried(view(release(10, 'h'), met, v1), 1)
    expect(archives(carried)).toEqual(['g', 'f', 'e', 'd', 'a'])
  })

  test('is no part of what a release is: time alone changes no plan, and rolls nothing', () => {
    const before = release(2, 'b')
    const carried = planCarried(view(before, [{ release: v1, seenAt: 5 }]), 5)
    const after = withCarried(before, carried)
    expect(after.carried).toBeDefined()
    expect(contentDigest(after)).toBe(contentDigest(before))
    const spec = before.services[0]!
    const longer = { ...spec, assets: { ...assets, keepMs: 2 } }
    expect(specDigest(longer)).toBe(specDigest(spec))
    const elsewhere = { ...spec, assets: { ...assets, directory: 'dist' } }
    expect(specDigest(elsewhere)).not.toBe(specDigest(spec))
  })
})

test('over any chain of releases, the five that were online last within their time go along', () => {
  const step = fc.record({
    archive: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
    waitMs: fc.integer({ min: 1, max: 400 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let now = 0
      let current: Release | null = null
      /** When each archive was online last. */
      const seen = new Map<string, number>()
      for (const [index, { archive, waitMs }] of steps.entries()) {
        now += waitMs
        if (current !== null) seen.set(nameOf(current), now)
        const met: MetRelease[] = current === null ? [] : [{ release: current, seenAt: now }]
        const next = release(index + 1, archive)
        const carried = planCarried(view(next, met), now)
        const living = [...seen].filter(([name, at]) => at + keepMs > now && name !== archive)
        const newestFirst = living.toSorted((x, y) => y[1] - x[1]).map(([name]) => name)
        expect(archives(carried)).toEqual(newestFirst.slice(0, carriedMax))
        current = withCarried(next, carried)
      }
    }),
  )
})

function withCarried(to: Release, carried: Release['carried']): Release {
  return carried === undefined ? to : { ...to, carried }
}

function nameOf({ services: [spec] }: Release): string {
  return spec?.artifact.digest.slice('sha256:'.length) ?? ''
}
