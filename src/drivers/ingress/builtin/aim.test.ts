import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../../base/virtual-clock.ts'
import { aimAt, aimBehindTheScenes } from './aim.ts'
import { CountBook } from './counts.ts'
import type { Held } from './hold-queue.ts'
import { InstanceLink } from './instance-link.ts'
import { InstancePool } from './instance-pool.ts'
import { usualPatience } from './limits.ts'

function aLink(instanceId: string, releaseId: string): InstanceLink {
  const endpoint = { instanceId, releaseId, address: '127.0.0.1', port: 9, ready: true }
  return new InstanceLink(endpoint, usualPatience)
}

function pools() {
  const options = { counts: new CountBook(), clock: new VirtualClock() }
  const online = new InstancePool('b', 'online', options)
  const maintenance = new InstancePool('b', 'maintenance', options)
  const put = (pool: InstancePool, ...links: InstanceLink[]): void => {
    for (const link of links) link.pool = pool
    pool.replace(links)
  }
  return { online, maintenance, put }
}

describe('aim', () => {
  test('meets what it wishes for, and others only when that is not as fit', () => {
    const { online, put } = pools()
    const [old, fresh] = [aLink('old', 'r1'), aLink('fresh', 'r2')]
    put(online, old, fresh)
    const aim = aimAt(online, (link) => link.releaseId === 'r2')
    expect(aim.choose([], false)).toBe(fresh)
    expect(aim.choose([fresh], false)).toBe(old)
    fresh.isReady = false
    expect(aim.choose([], false)).toBe(old)
    old.isReady = false
    expect(aim.choose([], false)).toBe(fresh)
  })

  test('behind the scenes meets its release only, for as long as that is there', () => {
    const { online, maintenance, put } = pools()
    const [old, other, fresh] = [aLink('old', 'r1'), aLink('other', 'r0'), aLink('fresh', 'r2')]
    put(online, old)
    put(maintenance, other, fresh)
    const aim = aimBehindTheScenes(maintenance, online, 'r2')
    expect(aim.choose([], false)).toBe(fresh)
    expect(aim.choose([fresh], false)).toBeUndefined()
    expect([aim.accepts(fresh), aim.accepts(other)]).toEqual([true, false])
    put(maintenance, other)
    expect(aim.choose([], false)).toBe(old)
    put(online, old, fresh)
    expect(aim.choose([], false)).toBe(fresh)
    expect([aim.accepts(fresh), aim.pool]).toEqual([true, maintenance])
  })

  test('behind the scenes waits no longer in a pool that its release has left', () => {
    const { online, maintenance, put } = pools()
    const fresh = aLink('fresh', 'r2')
    put(maintenance, fresh)
    const aim = aimBehindTheScenes(maintenance, online, 'r2')
    const fate: string[] = []
    const held: Held = {
      holdUntil: 5_000,
      release: () => void fate.push('released'),
      expire: () => void fate.push('expired'),
    }
    expect(aim.hold(held)).toBe(true)
    put(online, fresh)
    put(maintenance)
    expect(fate).toEqual(['released'])
  })
})
