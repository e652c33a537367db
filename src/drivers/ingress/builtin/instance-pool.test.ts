import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../../base/virtual-clock.ts'
import { leftSeriesKeptMs } from '../../../parts/ingress/driver.ts'
import { CountBook } from './counts.ts'
import type { Held } from './hold-queue.ts'
import { InstanceLink } from './instance-link.ts'
import { InstancePool } from './instance-pool.ts'
import { limits, usualPatience } from './limits.ts'

function aPool(...ids: string[]) {
  const clock = new VirtualClock()
  const counts = new CountBook()
  const pool = new InstancePool('b', 'online', { counts, clock })
  const links = ids.map((id) => aLink(id))
  pool.replace(links)
  return { clock, counts, pool, links }
}

function aLink(instanceId: string, ready = true): InstanceLink {
  const endpoint = { instanceId, releaseId: 'r', address: '127.0.0.1', port: 9, ready }
  return new InstanceLink(endpoint, usualPatience)
}

/** A request that waits, and what became of it. */
function aHeld(holdUntil = 5_000): Held & { readonly fate: string[] } {
  const fate: string[] = []
  return {
    holdUntil,
    fate,
    release: (isProbe) => void fate.push(isProbe ? 'probe' : 'released'),
    expire: () => void fate.push('expired'),
  }
}

describe('instance pool', () => {
  test('takes turns among equals', () => {
    const { pool } = aPool('a', 'b', 'c')
    const chosen = Array.from({ length: 6 }, () => pool.choose([], false)?.instanceId)
    expect(chosen).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
  })

  test('prefers the one with the least under way', () => {
    const { pool, links } = aPool('a', 'b')
    links.forEach((link, index) => (link.underWay = 3 - index))
    expect(pool.choose([], false)?.instanceId).toBe('b')
  })

  test('passes over one that refused for a second, unless all did', async () => {
    const { pool, links, clock } = aPool('a', 'b')
    const [a, b] = links as [InstanceLink, InstanceLink]
    pool.noteRefused(a)
    expect(Array.from({ length: 3 }, () => pool.choose([], false))).toEqual([b, b, b])
    pool.noteRefused(b)
    expect(pool.choose([], false)).toBeDefined()
    await clock.advance(limits.avoidMs)
    expect(pool.isUsable()).toBe(true)
  })

  test('uses one that is not ready only when no other accepts connections', () => {
    const { pool, links } = aPool('a')
    const spare = aLink('spare', false)
    pool.replace([...links, spare])
    expect(pool.choose([], false)?.instanceId).toBe('a')
    expect(pool.choose(links, false)).toBe(spare)
    pool.noteRefused(links[0] as InstanceLink)
    expect(pool.choose([], false)).toBe(spare)
  })

  test('has none when all were tried', () => {
    const { pool, links } = aPool('a', 'b')
    expect(pool.choose(links, false)).toBeUndefined()
  })
})

describe('waiting for an instance', () => {
  test('ends when one comes into the pool', () => {
    const { pool } = aPool()
    const held = aHeld()
    expect(pool.hold(held)).toBe(true)
    pool.replace([aLink('a')])
    expect(held.fate).toEqual(['released'])
  })

  test('lets nobody wait for an empty maintenance pool', () => {
    const { counts, clock } = aPool()
    const pool = new InstancePool('b', 'maintenance', { counts, clock })
    expect(pool.hold(aHeld())).toBe(false)
  })

  test('ends when the time is up', async () => {
    const { pool, clock } = aPool()
    const held = aHeld(1_000)
    pool.hold(held)
    await clock.advance(900)
    expect(held.fate).toEqual([])
    await clock.advance(200)
    expect(held.fate).toEqual(['expired'])
    expect(pool.hold(held)).toBe(false)
  })

  test('sends one at a time to find out while all refuse, and lets all go when it gets through', async () => {
    const { pool, links, clock } = aPool('a')
    const link = links[0] as InstanceLink
    pool.noteRefused(link)
    const [first, second, third] = [aHeld(), aHeld(), aHeld()]
    for (const held of [first, second, third]) pool.hold(held)
    expect(pool.choose([], false)).toBeUndefined()
    await clock.advance(limits.probeEveryMs)
    expect([first.fate, second.fate, third.fate]).toEqual([['probe'], [], []])
    expect(pool.choose([], true)).toBe(link)
    pool.noteReached(link)
    expect([second.fate, third.fate]).toEqual([['released'], ['released']])
  })

  test('is bounded', () => {
    const { pool } = aPool()
    for (let count = 0; count < limits.heldMax; count++) expect(pool.hold(aHeld())).toBe(true)
    expect(pool.hold(aHeld())).toBe(false)
  })

  test('forgets a request whose client left', () => {
    const { pool } = aPool()
    const held = aHeld()
    pool.hold(held)
    pool.unhold(held)
    pool.replace([aLink('a')])
    expect(held.fate).toEqual([])
  })
})

describe('count book', () => {
  test('drops an instance a while after it left, and keeps the totals', () => {
    const { pool, counts, links } = aPool('a', 'b')
    for (const link of links) pool.tallyOf(link).begin()
    counts.leave('a', 1_000)
    counts.prune(1_000 + leftSeriesKeptMs - 1)
    expect(counts.series().length).toBe(3)
    counts.prune(1_000 + leftSeriesKeptMs)
    expect(counts.series().map(({ instanceId }) => instanceId)).toEqual([null, 'b'])
  })

  test('keeps an instance that came back', () => {
    const { pool, counts, links } = aPool('a')
    pool.tallyOf(links[0] as InstanceLink).begin()
    counts.leave('a', 0)
    counts.enter('a')
    counts.prune(leftSeriesKeptMs * 2)
    expect(counts.series().length).toBe(2)
  })
})
