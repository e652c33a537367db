import { scheduler } from 'node:timers/promises'
import { isAtLeast, levelOf } from '../../wire/log-level.ts'
import { decodeLine, markOf, stored, type NumberedLine } from './line-format.ts'
import type { LogBlock, LogSegment, ServiceSegments } from './log-segment.ts'
import {
  comparePositions,
  type LogCounts,
  type LogCountSearch,
  type LogFilter,
  type LogPage,
  type LogScope,
  type LogSearch,
  type LogSpan,
} from './port.ts'

/**
 * Looks for lines in blocks, those first that may hold what is asked for. A block tells the times
 * of its lines, so whole blocks are left out, and a page is right although lines of several
 * instances are not quite in order. One search reads so much and no more; it says how far it came.
 */

/** Bytes of lines that one search reads: a second of one core at the most. */
export const scannedBytesMax = 48 * 1024 * 1024

/** Lines looked at before everybody else has a turn. */
const linesPerTurn = 2_000

interface Candidate extends LogBlock {
  readonly home: ServiceSegments
  readonly segment: LogSegment
}

/** One page of lines, the oldest first. */
export async function searchLines(
  homes: Iterable<ServiceSegments>,
  search: LogSearch,
  bytesMax = scannedBytesMax,
): Promise<LogPage> {
  const { before, after, limit, signal } = search
  const isForward = after !== undefined
  const span = {
    since: Math.max(search.since ?? -Infinity, after?.at ?? -Infinity),
    until: Math.min(search.until ?? Infinity, before?.at ?? Infinity),
  }
  const sign = isForward ? 1 : -1
  // Towards the end that is asked for: a block can hold nothing better than its own end.
  const blocks = candidates(homes, search, span).toSorted((a, b) =>
    isForward ? a.oldest - b.oldest : b.newest - a.newest,
  )
  const best = new BestLines(limit, sign)
  const isWanted = matcher(search)
  let read = 0
  for (const block of blocks) {
    const end = isForward ? block.oldest : block.newest
    if (best.isBetterThan(end) || signal?.aborted === true) break
    if (read >= bytesMax) return best.page(end)
    read += block.to - block.from
    await eachLine(block, search, (line) => {
      if (line.at < span.since || line.at > span.until || !isWanted(line)) return
      if (before !== undefined && comparePositions(line, before) >= 0) return
      if (after !== undefined && comparePositions(line, after) <= 0) return
      best.add(line, block.home)
    })
  }
  return best.page()
}

/** How many lines match, by time; the newest are counted first. */
export async function countLines(
  homes: Iterable<ServiceSegments>,
  search: LogCountSearch,
  bytesMax = scannedBytesMax,
): Promise<LogCounts> {
  const { since, until, bucketMs, signal } = search
  const length = Math.max(1, Math.ceil((until - since) / bucketMs))
  const buckets = Array.from({ length }, () => ({ lines: 0, warnings: 0, errors: 0 }))
  const blocks = candidates(homes, search, search).toSorted((a, b) => b.newest - a.newest)
  const isWanted = matcher(search)
  let read = 0
  for (const block of blocks) {
    if (signal?.aborted === true) break
    if (read >= bytesMax) return { buckets, reachedAt: Math.min(until, block.newest) }
    read += block.to - block.from
    await eachLine(block, search, (line) => {
      if (line.at < since || line.at >= until || !isWanted(line)) return
      const bucket = buckets[Math.floor((line.at - since) / bucketMs)]
      if (bucket === undefined) return
      const level = levelOf(line.text)
      bucket.lines++
      if (level === 'warning') bucket.warnings++
      if (level === 'error') bucket.errors++
    })
  }
  return { buckets }
}

/** Whether a service in a cell is among those that are asked for. */
export function isInScope(
  { cell: wanted, service }: LogScope,
  of: Pick<ServiceSegments, 'cell' | 'service'>,
): boolean {
  return (
    (wanted.environment ?? of.cell.environment) === of.cell.environment &&
    (wanted.tenant ?? of.cell.tenant) === of.cell.tenant &&
    (wanted.app ?? of.cell.app) === of.cell.app &&
    (service ?? of.service) === of.service
  )
}

/** Tells whether a line of the right service is asked for. */
export function matcher({
  instanceId,
  text,
  level,
}: LogFilter): (line: { readonly instanceId: string; readonly text: string }) => boolean {
  const needle = text?.toLowerCase()
  return (line) =>
    (instanceId === undefined || line.instanceId === instanceId) &&
    (needle === undefined || line.text.toLowerCase().includes(needle)) &&
    (level === undefined || isAtLeast(levelOf(line.text), level))
}

function candidates(
  homes: Iterable<ServiceSegments>,
  scope: LogScope,
  { since = -Infinity, until = Infinity }: LogSpan,
): Candidate[] {
  const found: Candidate[] = []
  for (const home of homes) {
    if (!isInScope(scope, home)) continue
    for (const segment of home.segments) {
      if (scope.instanceId !== undefined && !segment.instances.has(scope.instanceId)) continue
      for (const block of segment.blocks) {
        if (block.newest < since || block.oldest > until) continue
        found.push({ ...block, home, segment })
      }
    }
  }
  return found
}

/** Takes a block's lines apart; what cannot match is passed by as text. */
async function eachLine(
  { segment, home, ...block }: Candidate,
  { instanceId, text }: LogFilter,
  take: (line: NumberedLine) => void,
): Promise<void> {
  const mark = instanceId === undefined ? '' : markOf(instanceId)
  const needle = text === undefined ? '' : JSON.stringify(text).slice(1, -1).toLowerCase()
  let looked = 0
  for (const raw of await segment.linesOf(block)) {
    if (++looked % linesPerTurn === 0) await scheduler.yield()
    if (!raw.includes(mark)) continue
    if (needle !== '' && !raw.toLowerCase().includes(needle)) continue
    const line = decodeLine(raw, home.service)
    if (line !== undefined) take(line)
  }
}

/** The best `limit` lines so far: the newest with sign -1, the oldest with sign 1. */
class BestLines {
  readonly #limit: number
  readonly #sign: 1 | -1
  #lines: { readonly line: NumberedLine; readonly home: ServiceSegments }[] = []

  constructor(limit: number, sign: 1 | -1) {
    this.#limit = limit
    this.#sign = sign
  }

  add(line: NumberedLine, home: ServiceSegments): void {
    this.#lines.push({ line, home })
    if (this.#lines.length >= 4 * this.#limit + linesPerTurn) this.#cut()
  }

  /** Whether nothing at this time, or farther away, can be among the best any more. */
  isBetterThan(time: number): boolean {
    if (this.#lines.length < this.#limit) return false
    this.#cut()
    const worst = this.#lines.at(-1)?.line.at ?? time
    return (time - worst) * this.#sign > 0
  }

  /** Oldest first; only what is certain, where the search came to `reachedAt` and no farther. */
  page(reachedAt?: number): LogPage {
    this.#cut()
    const certain = this.#lines.filter(
      ({ line }) => reachedAt === undefined || (reachedAt - line.at) * this.#sign > 0,
    )
    const lines = certain.map(({ line, home }) => stored(line, home.cell))
    if (this.#sign < 0) lines.reverse()
    return reachedAt === undefined ? { lines } : { lines, reachedAt }
  }

  #cut(): void {
    this.#lines.sort((a, b) => comparePositions(a.line, b.line) * this.#sign)
    this.#lines.length = Math.min(this.#lines.length, this.#limit)
  }
}
