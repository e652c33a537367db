import { describe, expect, test } from 'vitest'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { VirtualClock } from '../base/virtual-clock.ts'
import type { Stray } from '../parts/instances/driver.ts'
import { DriftWatch } from './drift-watch.ts'

function aWatch() {
  const clock = new VirtualClock()
  const ended: Stray[] = []
  const world = { strays: [] as Stray[], lost: [] as string[] }
  const watch = new DriftWatch({
    clock,
    random: seededRandom(1),
    log: silentLog,
    driver: {
      strays: () => Promise.resolve(world.strays),
      endStray: (stray) => {
        ended.push(stray)
        return Promise.resolve()
      },
    },
    known: () => new Set(),
    restoreRecords: () => Promise.resolve(world.lost),
    restoreArtifacts: () => Promise.resolve([]),
  })
  return { clock, watch, world, ended }
}

describe('the watch over what is done by hand', () => {
  test('ends a stray only when it is seen twice: what is just being made is gone by then', async () => {
    const { watch, world, ended } = aWatch()
    world.strays = [{ is: 'folder', name: 'i-a' }]
    await watch.look()
    expect(ended).toEqual([])
    world.strays = [{ is: 'folder', name: 'i-b' }]
    await watch.look()
    expect(ended).toEqual([])
    await watch.look()
    expect(ended).toEqual([{ is: 'folder', name: 'i-b' }])
    expect(watch.pending).toMatchObject([{ kind: 'stray-folder' }])
  })

  test('takes a pid that was given anew for another process', async () => {
    const { watch, world, ended } = aWatch()
    world.strays = [{ is: 'process', pid: 7, started: 1, command: 'x' }]
    await watch.look()
    world.strays = [{ is: 'process', pid: 7, started: 2, command: 'x' }]
    await watch.look()
    expect(ended).toEqual([])
  })

  test('tells the same once a minute, and until it is acknowledged', async () => {
    const { clock, watch, world } = aWatch()
    world.lost = ['i-a']
    await watch.look()
    await watch.look()
    expect(watch.pending).toHaveLength(1)
    watch.acknowledge(watch.pending.map(({ id }) => id))
    await clock.advance(59_000)
    await watch.look()
    expect(watch.pending).toEqual([])
    await clock.advance(2_000)
    await watch.look()
    expect(watch.pending).toMatchObject([{ kind: 'record-removed' }])
  })

  test('keeps the newest hundred for a server that is away, and counts the others', () => {
    const { watch } = aWatch()
    for (let index = 0; index < 120; index++) watch.note('killed', `i-${index}`, `i-${index} died`)
    expect(watch.pending).toHaveLength(100)
    expect(watch.dropped).toBe(20)
    expect(watch.pending[0]?.what).toBe('i-20 died')
  })
})
