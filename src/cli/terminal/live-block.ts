import type { WriteStream } from 'node:tty'
import type { Clock } from '../../base/clock.ts'

/** Frames of the spinner, 80 ms each. */
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const frameMs = 80

/** The spinner's frame at a monotonic time. */
export function spinnerAt(monotonicMs: number): string {
  return frames[Math.floor(monotonicMs / frameMs) % frames.length] ?? '·'
}

/** Where a live block is drawn: standard error, or what a test gives. */
export type LiveStream = Pick<WriteStream, 'write'> & {
  readonly isTTY?: boolean
  readonly columns?: number
}

/**
 * Some lines at the end of the terminal that are drawn again and again. Where the stream is no
 * terminal nothing is drawn: callers print plain lines at each change instead.
 */
export class LiveBlock {
  readonly #stream: LiveStream
  #height = 0

  constructor(stream: LiveStream) {
    this.#stream = stream
  }

  get isLive(): boolean {
    return this.#stream.isTTY === true
  }

  /** Replaces the lines by others. */
  draw(lines: readonly string[]): void {
    if (!this.isLive) return
    const width = (this.#stream.columns ?? 80) - 1
    const cut = lines.map((line) => cutTo(line, width))
    this.#stream.write(this.#toTop() + cut.map((line) => `${line}\x1b[K\n`).join('') + '\x1b[J')
    this.#height = cut.length
  }

  /** Takes the lines away. */
  clear(): void {
    if (!this.isLive || this.#height === 0) return
    this.#stream.write(`${this.#toTop()}\x1b[J`)
    this.#height = 0
  }

  #toTop(): string {
    return this.#height === 0 ? '' : `\x1b[${this.#height}A\r`
  }
}

/** Redraws `lines` with a turning spinner until `work` is settled, then takes them away. */
export async function whileDrawing<T>(
  block: LiveBlock,
  clock: Clock,
  lines: (spinner: string) => readonly string[],
  work: Promise<T>,
): Promise<T> {
  const ended = new AbortController()
  const drawing = (async () => {
    while (block.isLive && !ended.signal.aborted) {
      block.draw(lines(spinnerAt(clock.monotonic())))
      await clock.sleep(frameMs, ended.signal).catch(() => {})
    }
  })()
  try {
    return await work
  } finally {
    ended.abort()
    await drawing
    block.clear()
  }
}

/** Cuts a line to a number of visible characters; colour codes take no room and stay whole. */
export function cutTo(line: string, width: number): string {
  // oxlint-disable-next-line no-control-regex -- that is how a terminal's colours begin
  const pieces = line.split(/(\x1b\[[0-9;]*m)/)
  let left = width
  let result = ''
  for (const [index, piece] of pieces.entries()) {
    if (index % 2 === 1) {
      result += piece
      continue
    }
    const characters = Array.from(piece)
    if (characters.length > left) {
      result += left > 0 ? `${characters.slice(0, left - 1).join('')}…` : ''
      left = 0
    } else {
      result += piece
      left -= characters.length
    }
  }
  return result
}
