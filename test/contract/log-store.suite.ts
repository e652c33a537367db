/** What every log store must do; run by each implementation (log-store-*.test.ts beside it). */
import { afterEach, describe, expect, test } from 'vitest'
import type { LogStore, StoredLine } from '../../src/telemetry/logs/port.ts'
import { logLineBytesMax, type LogBatch, type LogLine } from '../../src/wire/agent.ts'

/** A place for one store: opened again, it shows what was stored before. */
export interface LogPlace {
  open(options?: { bytesMax?: number; waitingMax?: number }): Promise<LogStore>
  remove(): Promise<void>
}

export const cell = { environment: 'local', tenant: 'default', app: 'shop' }

type Batch = LogBatch['batches'][number]

/** A batch of lines; a text stands for a line, read at the ms of its number. */
export function batchOf(texts: string[], members: Partial<Batch> = {}): LogBatch {
  const offset = members.offset ?? 0
  const lines = texts.map((text, index): LogLine => ({
    at: offset + index + 1,
    stream: 'stdout',
    text,
  }))
  const batch = {
    instanceId: 'i-1',
    at: cell,
    service: 'api',
    releaseId: 'rel-1',
    offset,
    lost: 0,
    lines,
    ...members,
  }
  return { batches: [batch] }
}

export function textsOf(lines: readonly StoredLine[]): string[] {
  return lines.map(({ text }) => text)
}

export async function found(
  store: LogStore,
  search: Partial<Parameters<LogStore['search']>[0]> = {},
): Promise<string[]> {
  return textsOf(await store.search({ cell, limit: 1_000, ...search }))
}

/** Reads the next `count` lines of a follower. */
async function take(lines: AsyncIterable<StoredLine>, count: number): Promise<string[]> {
  const taken: string[] = []
  for await (const line of lines) {
    taken.push(line.text)
    if (taken.length === count) break
  }
  return taken
}

export function describeLogStore(name: string, makePlace: () => Promise<LogPlace>): void {
  describe(`${name} log store`, () => {
    const ends: (() => Promise<void>)[] = []
    afterEach(async () => {
      for (const end of ends.splice(0).toReversed()) await end()
    })

    async function aPlace(): Promise<LogPlace> {
      const place = await makePlace()
      ends.push(() => place.remove())
      return place
    }

    async function aStore(options?: { bytesMax?: number; waitingMax?: number }): Promise<LogStore> {
      const store = await (await aPlace()).open(options)
      ends.push(() => store.close())
      return store
    }

    test('lines are found as they were printed, with all that is known of them', async () => {
      const store = await aStore()
      const lines: LogLine[] = [
        { at: 5, stream: 'stdout', text: 'one' },
        { at: 6, stream: 'stderr', text: 'two', cut: true },
      ]
      await store.append(batchOf([], { lines }))
      const same = { instanceId: 'i-1', service: 'api', releaseId: 'rel-1' }
      expect(await store.search({ cell, limit: 10 })).toEqual([
        { ...same, at: 5, stream: 'stdout', text: 'one' },
        { ...same, at: 6, stream: 'stderr', text: 'two', cut: true },
      ])
    })

    test('the newest lines are found first, and told oldest first', async () => {
      const store = await aStore()
      await store.append(batchOf(['a', 'b', 'c', 'd']))
      expect(await found(store, { limit: 2 })).toEqual(['c', 'd'])
    })

    test('a service, an instance, or all of an app can be asked for', async () => {
      const store = await aStore()
      await store.append(batchOf(['api 1'], { instanceId: 'i-1' }))
      await store.append(batchOf(['web 1'], { service: 'web', instanceId: 'i-2', offset: 1 }))
      await store.append(batchOf(['api 2'], { instanceId: 'i-3', offset: 2 }))
      const other = { ...cell, tenant: 'sk' }
      await store.append(batchOf(['other'], { at: other, instanceId: 'i-4' }))
      expect(await found(store)).toEqual(['api 1', 'web 1', 'api 2'])
      expect(await found(store, { service: 'api' })).toEqual(['api 1', 'api 2'])
      expect(await found(store, { instanceId: 'i-3' })).toEqual(['api 2'])
      expect(await found(store, { service: 'web', instanceId: 'i-3' })).toEqual([])
      expect(await found(store, { cell: other })).toEqual(['other'])
      expect(await found(store, { service: 'nobody' })).toEqual([])
    })

    test('an instance is not found by what another one printed', async () => {
      const store = await aStore()
      await store.append(batchOf(['"i":"i-2"', 'x'], { instanceId: 'i-1' }))
      await store.append(batchOf(['mine'], { instanceId: 'i-2' }))
      expect(await found(store, { instanceId: 'i-2' })).toEqual(['mine'])
    })

    test('a batch that comes again is stored once, a partly stored one is completed', async () => {
      const store = await aStore()
      await store.append(batchOf(['a', 'b']))
      await store.append(batchOf(['a', 'b']))
      await store.append(batchOf(['b', 'c'], { offset: 1 }))
      expect(await found(store)).toEqual(['a', 'b', 'c'])
      expect(store.offset('i-1')).toBe(3)
      expect(store.offset('i-2')).toBe(0)
    })

    test('batches that come at the same time are each stored once', async () => {
      const store = await aStore()
      await Promise.all(Array.from({ length: 5 }, () => store.append(batchOf(['a', 'b']))))
      expect(await found(store)).toEqual(['a', 'b'])
    })

    test('lines that were lost before they came are spoken of', async () => {
      const store = await aStore()
      await store.append(batchOf(['late'], { offset: 7, lost: 7 }))
      expect(await found(store)).toEqual(['[roadstead: 7 lines were lost before this one]', 'late'])
      expect(store.offset('i-1')).toBe(8)
    })

    test('the next process finds lines and goes on where the last one was', async () => {
      const place = await aPlace()
      const first = await place.open()
      await first.append(batchOf(['a', 'b']))
      await first.close()
      const second = await place.open()
      expect(second.offset('i-1')).toBe(2)
      await second.append(batchOf(['b', 'c'], { offset: 1 }))
      expect(await found(second)).toEqual(['a', 'b', 'c'])
      await second.close()
    })

    test('whatever an instance prints stays one line, and comes back as it was', async () => {
      const store = await aStore()
      const hostile = [
        'NUL \0 and bell \u0007',
        '\u001b[31mred\u001b[0m \u001b]0;title\u0007',
        'a forged\n{"a":9,"i":"i-9","n":9,"r":"rel-9","s":"o","t":"line"}',
        'half a character \uD83D, an odd one \uFFFF, separators \u2028\u2029',
        'quotes " and \\ and \r',
        '',
        '{"t":"looks like a line"}',
      ]
      await store.append(batchOf(hostile))
      const lines = await store.search({ cell, limit: 100 })
      expect(textsOf(lines)).toEqual(hostile)
      expect(new Set(lines.map(({ instanceId }) => instanceId))).toEqual(new Set(['i-1']))
    })

    test('a line that is longer than its agent may send is cut', async () => {
      const store = await aStore()
      await store.append(batchOf(['ž'.repeat(logLineBytesMax)]))
      const [line] = await store.search({ cell, limit: 1 })
      expect(line?.cut).toBe(true)
      expect(Buffer.byteLength(line!.text)).toBeLessThanOrEqual(logLineBytesMax)
      expect(line?.text).toMatch(/^ž+$/)
    })

    test('a place that is none is refused', async () => {
      const store = await aStore()
      for (const service of ['../evil', 'a/b', 'a+b', 'A', 'x'.repeat(65)]) {
        await expect(store.append(batchOf(['x'], { service }))).rejects.toMatchObject({
          code: 'log-place-invalid',
        })
      }
    })

    test('lines are followed as they come, and only those that were asked for', async () => {
      const store = await aStore()
      const stop = new AbortController()
      await store.append(batchOf(['before']))
      const all = store.follow({ cell }, stop.signal)
      const api = store.follow({ cell, service: 'api', instanceId: 'i-1' }, stop.signal)
      await store.append(batchOf(['w'], { service: 'web', instanceId: 'i-2' }))
      await store.append(batchOf(['before', 'after'], { offset: 0 }))
      expect(await take(all, 2)).toEqual(['w', 'after'])
      expect(await take(api, 1)).toEqual(['after'])
      stop.abort()
    })

    test('a reader ends when its signal aborts, and when the store is closed', async () => {
      const place = await aPlace()
      const store = await place.open()
      const stop = new AbortController()
      const one = take(store.follow({ cell }, stop.signal), 9)
      const two = take(store.follow({ cell }, new AbortController().signal), 9)
      stop.abort()
      expect(await one).toEqual([])
      await store.close()
      expect(await two).toEqual([])
      expect(await take(store.follow({ cell }, stop.signal), 9)).toEqual([])
    })

    test('a reader that is too slow is told how many lines it missed', async () => {
      const store = await aStore({ waitingMax: 3 })
      const stop = new AbortController()
      const lines = store.follow({ cell }, stop.signal)
      await store.append(batchOf(['1', '2', '3', '4', '5']))
      expect(await take(lines, 4)).toEqual([
        '[roadstead: 2 lines were left out: they came too fast]',
        '3',
        '4',
        '5',
      ])
      stop.abort()
    })

    test('the disk that lines take is bounded: the oldest go first', async () => {
      const place = await aPlace()
      const bytesMax = 64 * 1024
      const store = await place.open({ bytesMax })
      for (let offset = 0; offset < 3_000; offset += 100) {
        const texts = Array.from({ length: 100 }, (_, index) => noise(offset + index))
        await store.append(batchOf(texts, { offset }))
      }
      await store.close()
      const again = await place.open({ bytesMax })
      const kept = await found(again, { limit: 5_000 })
      expect(kept.at(-1)).toBe(noise(2_999))
      expect(kept.length).toBeLessThan(3_000)
      // What is kept has no gap: it is the newest.
      expect(kept[0]).toBe(noise(3_000 - kept.length))
      expect(again.offset('i-1')).toBe(3_000)
      await again.close()
    })

    test('a service that floods the store loses its own lines, not those of others', async () => {
      const store = await aStore({ bytesMax: 64 * 1024 })
      await store.append(batchOf(['precious'], { service: 'quiet', instanceId: 'i-2' }))
      for (let offset = 0; offset < 4_000; offset += 100) {
        // Text that no compression makes small.
        const texts = Array.from({ length: 100 }, (_, index) => noise(offset + index))
        await store.append(batchOf(texts, { offset }))
      }
      expect(await found(store, { service: 'quiet' })).toEqual(['precious'])
    })
  })
}

/** Repeatable letters without a pattern. */
function noise(seed: number): string {
  let state = seed + 1
  return Array.from({ length: 200 }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return String.fromCharCode(33 + ((state >>> 16) % 90))
  }).join('')
}
