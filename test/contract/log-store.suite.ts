/** What every log store must do; run by each implementation (log-store-*.test.ts beside it). */
import { afterEach, describe, expect, test } from 'vitest'
import { positionOf, type LogStore, type StoredLine } from '../../src/telemetry/logs/port.ts'
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
  return textsOf((await store.search({ cell, limit: 1_000, ...search })).lines)
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
      const same = { instanceId: 'i-1', service: 'api', releaseId: 'rel-1', cell }
      expect((await store.search({ cell, limit: 10 })).lines).toEqual([
        { ...same, at: 5, stream: 'stdout', text: 'one', position: '5.1.i-1' },
        { ...same, at: 6, stream: 'stderr', text: 'two', cut: true, position: '6.2.i-1' },
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

    test('what is not named may be any: all apps, all cells', async () => {
      const store = await aStore()
      await store.append(batchOf(['cz'], { at: { ...cell, tenant: 'cz' }, instanceId: 'i-1' }))
      await store.append(batchOf(['sk'], { at: { ...cell, tenant: 'sk' }, instanceId: 'i-2' }))
      await store.append(batchOf(['pay'], { at: { ...cell, app: 'pay' }, instanceId: 'i-3' }))
      expect(await found(store, { cell: {} })).toEqual(['cz', 'sk', 'pay'])
      expect(await found(store, { cell: { app: 'shop' } })).toEqual(['cz', 'sk'])
      expect(await found(store, { cell: { tenant: 'sk' } })).toEqual(['sk'])
      expect(await found(store, { cell: {}, instanceId: 'i-3' })).toEqual(['pay'])
    })

    test('lines are found by a part of their text, by severity and by time', async () => {
      const store = await aStore()
      const texts = ['GET /a "quoted"', 'ERROR: no route to /B', 'warn: slow', '{"level":"error"}']
      await store.append(batchOf(texts))
      expect(await found(store, { text: '/b' })).toEqual([texts[1]])
      expect(await found(store, { text: '"QUOTED"' })).toEqual([texts[0]])
      expect(await found(store, { text: 'nothing' })).toEqual([])
      expect(await found(store, { level: 'warning' })).toEqual(texts.slice(1))
      expect(await found(store, { level: 'error' })).toEqual([texts[1], texts[3]])
      expect(await found(store, { since: 2, until: 3 })).toEqual(texts.slice(1, 3))
    })

    test('pages go back and forth without a hole, also where lines come late', async () => {
      const store = await aStore()
      const all: LogLine[] = []
      // Three instances whose agents send at different times: arrival is not the order of time.
      for (let round = 0; round < 20; round++) {
        for (const [index, instanceId] of ['i-1', 'i-2', 'i-3'].entries()) {
          const lines = Array.from({ length: 7 }, (_none, line): LogLine => ({
            at: 1_000 + round * 10 - index * 300 + line,
            stream: 'stdout',
            text: `${instanceId} ${round * 7 + line}`,
          }))
          all.push(...lines)
          await store.append(batchOf([], { instanceId, offset: round * 7, lines }))
        }
      }
      const back: StoredLine[] = []
      for (;;) {
        const before = back[0] && positionOf(back[0].position)
        const { lines } = await store.search({ cell, limit: 11, before })
        if (lines.length === 0) break
        back.unshift(...lines)
      }
      expect(back.map(({ at }) => at)).toEqual(all.map(({ at }) => at).toSorted((a, b) => a - b))
      expect(new Set(textsOf(back)).size).toBe(all.length)
      const forth = [back[0]!]
      for (;;) {
        const after = positionOf(forth.at(-1)!.position)
        const { lines } = await store.search({ cell, limit: 13, after })
        if (lines.length === 0) break
        forth.push(...lines)
      }
      expect(forth).toEqual(back)
    })

    test('lines are counted by time and severity, as they are found', async () => {
      const store = await aStore()
      await store.append(batchOf(['a', 'error: b', 'warn: c', 'd']))
      const counts = await store.count({ cell: {}, since: 1, until: 5, bucketMs: 2 })
      expect(counts).toEqual({
        buckets: [
          { lines: 2, warnings: 0, errors: 1 },
          { lines: 2, warnings: 1, errors: 0 },
        ],
      })
      const some = await store.count({ cell: {}, text: 'B', since: 0, until: 10, bucketMs: 10 })
      expect(some.buckets).toEqual([{ lines: 1, warnings: 0, errors: 1 }])
    })

    test('who follows hears only what was asked for', async () => {
      const store = await aStore()
      const stop = new AbortController()
      const lines = store.follow({ cell: {}, text: 'two', level: 'error' }, stop.signal)
      await store.append(batchOf(['error: one', 'two', 'error: two']))
      expect(await take(lines, 1)).toEqual(['error: two'])
      stop.abort()
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
      const { lines } = await store.search({ cell, limit: 100 })
      expect(textsOf(lines)).toEqual(hostile)
      expect(new Set(lines.map(({ instanceId }) => instanceId))).toEqual(new Set(['i-1']))
    })

    test('a line that is longer than its agent may send is cut', async () => {
      const store = await aStore()
      await store.append(batchOf(['ž'.repeat(logLineBytesMax)]))
      const [line] = (await store.search({ cell, limit: 1 })).lines
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
