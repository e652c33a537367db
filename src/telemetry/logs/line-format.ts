import { logLineBytesMax, type LogBatch, type LogLine } from '../../wire/agent.ts'
import type { AppCell } from '../../parts/tenants/model.ts'
import { positionText, type StoredLine } from './port.ts'

/**
 * A line of a segment: JSON, so that nothing that an instance prints (NULs, terminal codes, a
 * forged newline, half a character) can end it or begin another.
 */
interface Encoded {
  /** Wall ms at which it was read. */
  readonly a: number
  /** The instance, and the number of its lines up to and with this one. */
  readonly i: string
  readonly n: number
  /** The release. */
  readonly r: string
  /** Standard output (`o`) or error (`e`). */
  readonly s: 'o' | 'e'
  readonly t: string
  /** It was cut. */
  readonly c?: 1
}

/** A line with its place among the lines of its instance. */
export interface NumberedLine extends Omit<StoredLine, 'cell' | 'position'> {
  /** Lines of its instance that are stored when it is. */
  readonly count: number
}

/** The line as a segment holds it, with its newline. */
export function encodeLine(line: NumberedLine): string {
  const encoded: Encoded = {
    a: line.at,
    i: line.instanceId,
    n: line.count,
    r: line.releaseId,
    s: line.stream === 'stdout' ? 'o' : 'e',
    t: line.text,
    ...(line.cut === true ? { c: 1 } : {}),
  }
  return `${JSON.stringify(encoded)}\n`
}

/** The inverse of `encodeLine`; undefined for what a broken disk made of it. */
export function decodeLine(text: string, service: string): NumberedLine | undefined {
  const encoded = parsed(text)
  if (encoded === undefined) return undefined
  const { a: at, i: instanceId, n: count, r: releaseId, s, t, c } = encoded
  const stream = s === 'o' ? 'stdout' : 'stderr'
  const line = { at, instanceId, service, releaseId, stream, text: t, count } as const
  return c === 1 ? { ...line, cut: true } : line
}

/** The line as it is told: where it belongs, and its place in the order of all. */
export function stored(line: NumberedLine, cell: AppCell): StoredLine {
  const { at, instanceId, service, releaseId, stream, text, cut } = line
  const position = positionText(line)
  const told = { at, instanceId, service, cell, releaseId, stream, text, position }
  return cut === true ? { ...told, cut } : told
}

function parsed(text: string): Encoded | undefined {
  try {
    const data: unknown = JSON.parse(text)
    const isLine =
      typeof data === 'object' && data !== null && 'i' in data && 'n' in data && 't' in data
    return isLine ? (data as Encoded) : undefined
  } catch {
    return undefined
  }
}

/** What stands in every encoded line of an instance: a quick test before it is taken apart. */
export function markOf(instanceId: string): string {
  return `"i":${JSON.stringify(instanceId)}`
}

type Batch = LogBatch['batches'][number]

/** The lines of a batch that are not stored yet, where `stored` lines of its instance are. */
export function newLines(batch: Batch, stored: number | undefined): NumberedLine[] {
  const { instanceId, service, releaseId, offset, lost } = batch
  const same = { instanceId, service, releaseId }
  const skipped = Math.max(0, (stored ?? offset) - offset)
  const lines: NumberedLine[] = batch.lines
    .slice(skipped)
    .map((line, index) => ({ ...same, ...bounded(line), count: offset + skipped + index + 1 }))
  const [first] = lines
  if (lost > 0 && skipped === 0 && first !== undefined) {
    lines.unshift(remark(same, first.at, `${lost} lines were lost before this one`, offset))
  }
  return lines
}

/** A line of our own among an instance's, marked as such. */
export function remark(
  of: Pick<NumberedLine, 'instanceId' | 'service' | 'releaseId'>,
  at: number,
  text: string,
  count = 0,
): NumberedLine {
  const { instanceId, service, releaseId } = of
  const marked = `[roadstead: ${text}]`
  return { instanceId, service, releaseId, at, stream: 'stderr', text: marked, count }
}

/** The line within its bound, whatever its agent made of it. */
function bounded(line: LogLine): LogLine {
  // A character is three bytes of UTF-8 at the most.
  if (line.text.length * 3 <= logLineBytesMax) return line
  const bytes = Buffer.from(line.text)
  if (bytes.length <= logLineBytesMax) return line
  const text = new TextDecoder().decode(bytes.subarray(0, logLineBytesMax)).replace(/\uFFFD$/, '')
  return { ...line, text, cut: true }
}
