import { mkdtemp, readdir, readFile, rm, stat, writeFile, appendFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { VirtualClock } from '../../src/base/virtual-clock.ts'
import { openFileLogStore } from '../../src/telemetry/logs/file-log-store.ts'
import type { LogStore } from '../../src/telemetry/logs/port.ts'
import { canMountDisk, mountDisk } from '../fixtures/small-disk.ts'
import { batchOf, cell, describeLogStore, found } from './log-store.suite.ts'

const clock = new VirtualClock()
const log = silentLog

describeLogStore('file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'roadstead-logs-'))
  return {
    open: (options) => openFileLogStore({ directory, clock, log, ...options }),
    remove: () => rm(directory, { recursive: true }),
  }
})

function lineText(number: number): string {
  return `line ${number} ${'y'.repeat(100)}`
}

describe('logs as files', () => {
  let directory: string
  const open = (bytesMax?: number): Promise<LogStore> =>
    openFileLogStore({ directory, clock, log, ...(bytesMax === undefined ? {} : { bytesMax }) })

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'roadstead-logs-'))
  })
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true })
  })

  const folder = (): string => join(directory, 'local+default+shop+api')

  async function sizeOnDisk(): Promise<number> {
    const sizes = (await readdir(folder())).map((name) => stat(join(folder(), name)))
    return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0)
  }

  test('a process that is killed loses nothing that it acknowledged', async () => {
    const killed = await open()
    await killed.append(batchOf(['a', 'b']))
    // No close: the index was never written.
    const store = await open()
    expect(store.offset('i-1')).toBe(2)
    expect(await found(store)).toEqual(['a', 'b'])
  })

  test('a store whose index knows no times yet is searched as a whole', async () => {
    const before = await open()
    await before.append(batchOf(['a', 'b', 'c']))
    await before.close()
    const index = join(directory, 'index.json')
    const known = JSON.parse(await readFile(index, 'utf8'))
    for (const segment of Object.values<{ span?: unknown }>(known.segments)) {
      expect(segment.span).toEqual([1, 3])
      delete segment.span
    }
    await writeFile(index, JSON.stringify(known))
    const store = await open()
    await store.append(batchOf(['d'], { offset: 3 }))
    expect(await found(store, { since: 2, until: 4 })).toEqual(['b', 'c', 'd'])
    expect(await found(store, { until: 1 })).toEqual(['a'])
    await store.close()
  })

  test('a line that a kill cut in two is taken off, and comes again', async () => {
    const killed = await open()
    await killed.append(batchOf(['a', 'b']))
    await killed.close()
    const [segment] = await readdir(folder())
    await appendFile(join(folder(), segment!), '{"a":3,"i":"i-1","n":3,"t":"c')
    const store = await open()
    expect(store.offset('i-1')).toBe(2)
    await store.append(batchOf(['c'], { offset: 2 }))
    expect(await found(store)).toEqual(['a', 'b', 'c'])
  })

  test.each([
    ['torn', '{"version":1,"segme'],
    ['of another form', '{"version":1,"segments":{"a":3}}'],
    ['empty', ''],
  ])('an index that is %s is made anew by reading', async (_how, content) => {
    const first = await open()
    await first.append(batchOf(['a', 'b']))
    await first.close()
    await writeFile(join(directory, 'index.json'), content)
    const store = await open()
    expect(store.offset('i-1')).toBe(2)
    await store.append(batchOf(['b', 'c'], { offset: 1 }))
    expect(await found(store)).toEqual(['a', 'b', 'c'])
    await store.close()
    expect(await readFile(join(directory, 'index.json'), 'utf8')).toContain('"i-1":3')
  })

  test('an index that is older than the lines is brought up to date', async () => {
    const first = await open()
    await first.append(batchOf(['a']))
    await first.close()
    const killed = await open()
    await killed.append(batchOf(['b'], { offset: 1 }))
    await killed.append(batchOf(['x'], { instanceId: 'i-2' }))
    const store = await open()
    expect([store.offset('i-1'), store.offset('i-2')]).toEqual([2, 1])
  })

  test('the index is written while the store runs, for the next start', async () => {
    const store = await open()
    await store.append(batchOf(['a']))
    await clock.advance(10_000)
    await vi.waitFor(async () => expect(await readdir(directory)).toContain('index.json'))
  })

  test('old segments are compressed, and searched all the same', async () => {
    const store = await open(256 * 1024)
    for (let offset = 0; offset < 1_000; offset += 100) {
      const texts = Array.from({ length: 100 }, (_, index) => lineText(offset + index))
      await store.append(batchOf(texts, { offset }))
    }
    await store.close()
    const names = await readdir(folder())
    expect(names.filter((name) => name.endsWith('.jsonl.zst')).length).toBeGreaterThan(3)
    expect(await sizeOnDisk()).toBeLessThan(60_000)
    const again = await open(256 * 1024)
    const lines = await found(again, { limit: 1_000 })
    expect(lines).toEqual(Array.from({ length: 1_000 }, (_, index) => lineText(index)))
    expect(await found(again, { limit: 3, instanceId: 'i-1' })).toEqual(
      [997, 998, 999].map(lineText),
    )
  })

  test('a compressed segment that a broken disk has changed does not stop the search', async () => {
    const store = await open(64 * 1024)
    for (let offset = 0; offset < 300; offset += 100) {
      const texts = Array.from(
        { length: 100 },
        (_, index) => `${offset + index} ${'z'.repeat(100)}`,
      )
      await store.append(batchOf(texts, { offset }))
    }
    await store.close()
    const [oldest] = (await readdir(folder())).toSorted()
    await writeFile(join(folder(), oldest!), 'not zstd at all')
    const again = await open(64 * 1024)
    const lines = await found(again)
    expect(lines.length).toBeGreaterThan(50)
    expect(lines.length).toBeLessThan(300)
    expect(lines.at(-1)).toMatch(/^299 /)
  })

  test('the bound holds on disk, whatever the lines are', async () => {
    const store = await open(64 * 1024)
    for (let offset = 0; offset < 3_000; offset += 100) {
      const texts = Array.from({ length: 100 }, (_, index) =>
        `${(offset + index) * 7_919} `.repeat(20),
      )
      await store.append(batchOf(texts, { offset }))
    }
    await store.close()
    expect(await sizeOnDisk()).toBeLessThanOrEqual(64 * 1024 + 16 * 1024)
  })

  test('lines longer than a piece that is read at once are found whole', async () => {
    const store = await open()
    const long = '\u0001'.repeat(16_000)
    await store.append(batchOf([long, 'a', long, long, 'b']))
    expect(await found(store)).toEqual([long, 'a', long, long, 'b'])
    expect(await found(store, { limit: 2 })).toEqual([long, 'b'])
  })

  test('a search while lines come in and segments are compressed sees no hole', async () => {
    const store = await open(1024 * 1024)
    const progress = { isOver: false }
    const writing = (async () => {
      for (let offset = 0; offset < 3_000; offset += 50) {
        const texts = Array.from(
          { length: 50 },
          (_, index) => `${offset + index} ${'w'.repeat(150)}`,
        )
        await store.append(batchOf(texts, { offset }))
      }
      progress.isOver = true
    })()
    while (!progress.isOver) {
      await setImmediate()
      const { lines } = await store.search({ cell, limit: 500 })
      const numbers = lines.map(({ text }) => Number.parseInt(text, 10))
      expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index))
    }
    await writing
    await store.close()
  })

  test.skipIf(!canMountDisk())(
    'a full disk is a fault, and what was there stays whole',
    async () => {
      const disk = mountDisk('64k')
      try {
        const options = { directory: disk.directory, clock, log }
        const store = await openFileLogStore(options)
        await store.append(batchOf(['a']))
        const much = Array.from({ length: 100 }, (_, index) => `${index} ${'x'.repeat(1_000)}`)
        await expect(store.append(batchOf(much, { offset: 1 }))).rejects.toMatchObject({
          code: 'disk-full',
          retry: 'backoff',
        })
        expect(store.offset('i-1')).toBe(1)
        await store.append(batchOf(['b'], { offset: 1 }))
        expect(await found(await openFileLogStore(options))).toEqual(['a', 'b'])
        await store.close()
      } finally {
        disk.remove()
      }
    },
  )

  test('nothing is appended to a closed store', async () => {
    const store = await open()
    await store.close()
    await expect(store.append(batchOf(['a']))).rejects.toMatchObject({ code: 'log-store-closed' })
  })
})
