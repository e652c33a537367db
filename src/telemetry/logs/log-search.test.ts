import { describe, expect, test } from 'vitest'
import { encodeLine } from './line-format.ts'
import { countLines, searchLines } from './log-search.ts'
import type { LogBlock, LogSegment, ServiceSegments } from './log-segment.ts'

/** Ten blocks of ten lines, one each ms, and which of them were read. */
function aHome() {
  const read: number[] = []
  const blocks = Array.from({ length: 10 }, (_none, index): LogBlock => ({
    from: index * 1_000,
    to: (index + 1) * 1_000,
    oldest: index * 10,
    newest: index * 10 + 9,
  }))
  const linesOf = async ({ from }: LogBlock): Promise<string[]> => {
    read.push(from / 1_000)
    return Array.from({ length: 10 }, (_none, line) => encoded((from / 1_000) * 10 + line))
  }
  const segment = { blocks, linesOf, instances: new Map([['i-1', 100]]) } as unknown as LogSegment
  const cell = { environment: 'local', tenant: 'default', app: 'shop' }
  const home: ServiceSegments = { folder: '', service: 'api', cell, segments: [segment] }
  return { home, read }
}

function encoded(number: number): string {
  const text = `line ${number}${number === 3 ? ' needle' : ''}`
  const own = { at: number, instanceId: 'i-1', service: 'api', releaseId: 'rel-1' }
  return encodeLine({ ...own, stream: 'stdout', text, count: number + 1 }).trimEnd()
}

describe('a search', () => {
  test('reads no more blocks than it needs, from either end', async () => {
    const { home, read } = aHome()
    const newest = await searchLines([home], { cell: {}, limit: 15 })
    expect(newest.lines.map(({ at }) => at)).toEqual(Array.from({ length: 15 }, (_, i) => 85 + i))
    expect(read.splice(0)).toEqual([9, 8])
    const after = { at: 34, instanceId: 'i-1', count: 35 }
    const next = await searchLines([home], { cell: {}, limit: 3, after })
    expect(next.lines.map(({ at }) => at)).toEqual([35, 36, 37])
    expect(read.splice(0)).toEqual([3])
    await searchLines([home], { cell: {}, limit: 3, since: 41, until: 43 })
    expect(read).toEqual([4])
  })

  test('that has read enough says how far it came, and goes on from there', async () => {
    const { home, read } = aHome()
    const search = { cell: {}, text: 'needle', limit: 5 }
    const first = await searchLines([home], search, 4_000)
    expect(first).toEqual({ lines: [], reachedAt: 59 })
    expect(read.splice(0)).toEqual([9, 8, 7, 6])
    const second = await searchLines([home], { ...search, until: 59 }, 4_000)
    expect(second).toEqual({ lines: [], reachedAt: 19 })
    const third = await searchLines([home], { ...search, until: 19 }, 4_000)
    expect(third.lines.map(({ text }) => text)).toEqual(['line 3 needle'])
    expect(third.reachedAt).toBeUndefined()
  })

  test('that nobody waits for any more ends', async () => {
    const { home, read } = aHome()
    await searchLines([home], { cell: {}, limit: 5, signal: AbortSignal.abort() })
    expect(read).toEqual([])
  })
})

test('counting ends at its bound, the newest counted first', async () => {
  const { home } = aHome()
  const counts = await countLines([home], { cell: {}, since: 0, until: 100, bucketMs: 50 }, 3_000)
  expect(counts.reachedAt).toBe(69)
  expect(counts.buckets.map(({ lines }) => lines)).toEqual([0, 30])
})
