import {
  outputStart,
  type InstanceDriver,
  type OutputChunk,
  type OutputPosition,
  type OutputStream,
} from '../parts/instances/driver.ts'
import { cutLines, type CutLine } from './log-lines.ts'

/** How far a stream has been cut into lines. */
export interface StreamPlace {
  readonly position: OutputPosition
  /** The next bytes belong to a line that was cut. */
  readonly skipping: boolean
}

export const streamStart: StreamPlace = { position: outputStart, skipping: false }

/** Bytes of one stream that are looked at in one go: four of the longest lines. */
export const readBytesMax = 65_536
/** Lines of one stream in one go, so that a batch of empty lines stays small too. */
const readLinesMax = 1_000

export interface ReadLines {
  readonly lines: readonly CutLine[]
  /** Where to go on. */
  readonly place: StreamPlace
  /** How far was read: behind it there was nothing yet. */
  readonly seen: OutputPosition
  /** Lines that were dropped before these. */
  readonly lost: number
}

export interface ReadLinesOptions {
  readonly from: StreamPlace
  /** Nothing more will come: what follows the last newline is a line too. */
  readonly isFinal: boolean
  /** Read no further than this. */
  readonly until?: OutputPosition
}

/** Reads the next lines of a stream; the same bytes and options give the same lines. */
export async function readLines(
  driver: Pick<InstanceDriver, 'readOutput'>,
  instanceId: string,
  stream: OutputStream,
  options: ReadLinesOptions,
): Promise<ReadLines> {
  const { from, until } = options
  const filled = await fill(
    (at, bytesMax) => driver.readOutput(instanceId, stream, at, bytesMax),
    from.position,
    until,
  )
  const bytes = Buffer.concat(filled.chunks.map((chunk) => chunk.bytes))
  const isFinal = options.isFinal || filled.isCutOff
  const skipping = from.skipping && filled.lost === 0
  const cut = cutLines(bytes, skipping, readLinesMax, isFinal)
  const position = positionAfter(filled.chunks, cut.consumed) ?? from.position
  return {
    lines: cut.lines,
    place: { position, skipping: cut.skipping },
    seen: cut.lines.length === readLinesMax ? position : filled.seen,
    lost: filled.lost,
  }
}

interface Filled {
  readonly chunks: readonly OutputChunk[]
  readonly seen: OutputPosition
  readonly lost: number
  /** Lines were lost behind these chunks: their last line has no rest. */
  readonly isCutOff: boolean
}

async function fill(
  read: (at: OutputPosition, bytesMax: number) => Promise<OutputChunk | undefined>,
  from: OutputPosition,
  until: OutputPosition | undefined,
): Promise<Filled> {
  const chunks: OutputChunk[] = []
  let at = from
  let lost = 0
  let room = readBytesMax
  while (room > 0 && !isSame(at, until)) {
    const most = until?.segment === at.segment ? Math.min(room, until.byte - at.byte) : room
    const chunk = await read(at, most)
    if (chunk === undefined) break
    const missing = chunk.at.newlines - at.newlines
    if (missing > 0 && chunks.length > 0) return { chunks, seen: at, lost, isCutOff: true }
    lost += missing
    chunks.push(chunk)
    room -= chunk.bytes.length
    at = chunk.next
  }
  return { chunks, seen: at, lost, isCutOff: false }
}

/** The place `consumed` bytes into the chunks; undefined when nothing was consumed. */
function positionAfter(
  chunks: readonly OutputChunk[],
  consumed: number,
): OutputPosition | undefined {
  let left = consumed
  let position: OutputPosition | undefined
  for (const { at, bytes, next } of chunks) {
    if (left <= 0) break
    if (left >= bytes.length) position = next
    else {
      const newlines = at.newlines + newlinesIn(bytes.subarray(0, left))
      position = { segment: at.segment, byte: at.byte + left, newlines }
    }
    left -= bytes.length
  }
  return position
}

function newlinesIn(bytes: Uint8Array): number {
  let count = 0
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count++
  return count
}

/** Whether two places of one stream are the same. */
export function isSame(one: OutputPosition, other: OutputPosition | undefined): boolean {
  return other !== undefined && one.segment === other.segment && one.byte === other.byte
}
