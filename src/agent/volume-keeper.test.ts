import { describe, expect, test } from 'vitest'
import { silentLog } from '../base/log.ts'
import type { AssignedVolume, Assignment } from '../wire/agent.ts'
import { volumesToldMax } from '../parts/volumes/model.ts'
import { VolumeKeeper } from './volume-keeper.ts'

/** A driver that has these volumes, some of them in use. */
class TestVolumes {
  readonly here: Set<string>
  readonly inUse = new Set<string>()

  constructor(...ids: string[]) {
    this.here = new Set(ids)
  }

  hasVolume(id: string): Promise<boolean> {
    return Promise.resolve(this.here.has(id))
  }

  removeVolume(id: string): Promise<void> {
    if (this.inUse.has(id)) return Promise.reject(new Error('in use'))
    this.here.delete(id)
    return Promise.resolve()
  }
}

function assignment(volumes: readonly AssignedVolume[], volumesToRemove: string[]): Assignment {
  const instances = [{ volumes }] as unknown as Assignment['instances']
  return { revision: 1, instances, volumesToRemove }
}

const volume = (id: string, begins: boolean): AssignedVolume => ({
  id,
  name: 'data',
  path: '/data',
  begins,
})

describe('the keeper of volumes', () => {
  test('tells that one which begins is made, until the server knows', async () => {
    const driver = new TestVolumes()
    const keeper = new VolumeKeeper(driver, silentLog)
    keeper.apply(assignment([volume('vol-a', true), volume('vol-b', false)], []))
    expect(await keeper.look()).toBe(false)
    expect(keeper.news).toBeUndefined()
    driver.here.add('vol-a').add('vol-b')
    expect(await keeper.look()).toBe(true)
    expect(keeper.news).toEqual({ made: ['vol-a'], gone: [] })
    expect(await keeper.look()).toBe(false)
    keeper.apply(assignment([volume('vol-a', false)], []))
    expect(keeper.news).toBeUndefined()
  })

  test('removes what it is told to by its id and nothing else, and tries again', async () => {
    const driver = new TestVolumes('vol-a', 'vol-b', 'vol-c')
    driver.inUse.add('vol-a')
    const keeper = new VolumeKeeper(driver, silentLog)
    keeper.apply(assignment([], ['vol-a', 'vol-b']))
    expect(await keeper.look()).toBe(true)
    expect(keeper.news).toEqual({ made: [], gone: ['vol-b'] })
    expect([...driver.here]).toEqual(['vol-a', 'vol-c'])
    driver.inUse.clear()
    expect(await keeper.look()).toBe(true)
    expect(keeper.news?.gone).toEqual(['vol-b', 'vol-a'])
    expect([...driver.here]).toEqual(['vol-c'])
  })

  test('tells no more at once than a report may hold', async () => {
    const ids = Array.from({ length: volumesToldMax + 1 }, (_, index) => `vol-${index}`)
    const keeper = new VolumeKeeper(new TestVolumes(...ids), silentLog)
    keeper.apply(assignment([], ids))
    await keeper.look()
    expect(keeper.news?.gone).toHaveLength(volumesToldMax)
    keeper.apply(assignment([], ids.slice(-1)))
    expect(keeper.news?.gone).toEqual(ids.slice(-1))
  })
})
