import { logLineBytesMax } from '../wire/agent-protocol.ts'

/** A line cut out of what an instance printed. */
export interface CutLine {
  readonly text: string
  /** It was longer: the rest of it is not kept. */
  readonly cut: boolean
}

export interface CutLines {
  readonly lines: readonly CutLine[]
  /** Bytes that need not be looked at again. */
  readonly consumed: number
  /** The next bytes belong to a line that was cut: they are passed over to its end. */
  readonly skipping: boolean
}

const newline = 10

/**
 * Cuts bytes into lines: at most `linesMax`, each at most `logLineBytesMax` long, invalid UTF-8
 * replaced. What follows the last newline is left for later, unless `isFinal`.
 */
export function cutLines(
  bytes: Uint8Array,
  skipping: boolean,
  linesMax: number,
  isFinal: boolean,
): CutLines {
  const lines: CutLine[] = []
  let start = 0
  let isSkipping = skipping
  while (start < bytes.length && lines.length < linesMax) {
    const end = bytes.indexOf(newline, start)
    const length = (end === -1 ? bytes.length : end) - start
    const isCut = length > logLineBytesMax
    const isWhole = end !== -1 || isCut || isFinal
    if (isSkipping) isSkipping = end === -1
    else if (isWhole) lines.push(lineOf(bytes.subarray(start, start + length), isCut))
    else break
    if (isCut && end === -1) isSkipping = true
    start = end === -1 ? bytes.length : end + 1
  }
  return { lines, consumed: start, skipping: isSkipping }
}

function lineOf(bytes: Uint8Array, isCut: boolean): CutLine {
  const kept = isCut ? bytes.subarray(0, logLineBytesMax) : bytes
  const withoutReturn = kept.at(-1) === 13 && !isCut ? kept.subarray(0, -1) : kept
  return { text: decoder.decode(withoutReturn), cut: isCut }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
