import { appendFile, open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OutputStream } from '../../../parts/instances/driver.ts'

/**
 * Writes what containers print into the files that `process/output-files.ts` reads: numbered
 * segments, two of which are kept, and the newlines of those that are gone.
 */

/** A segment is full above this many bytes. */
const segmentBytesMax = 6 * 1024 * 1024

/** Where a stream is written: what lies behind it was written by somebody who died. */
export interface WritePlace {
  readonly segment: number
  readonly bytes: number
}

export class OutputWriter {
  readonly #home: string
  readonly #stream: OutputStream
  #place: WritePlace
  #endsLine: boolean

  private constructor(home: string, stream: OutputStream, place: WritePlace, endsLine: boolean) {
    this.#home = home
    this.#stream = stream
    this.#place = place
    this.#endsLine = endsLine
  }

  /** Goes on at a place; whatever lies behind it is cut off, to be written again. */
  static async open(home: string, stream: OutputStream, place: WritePlace): Promise<OutputWriter> {
    const path = join(home, `${stream}.${place.segment}`)
    const { size } = await stat(path).catch(() => ({ size: 0 }))
    if (size > place.bytes) await truncate(path, place.bytes)
    await rm(join(home, `${stream}.${place.segment + 1}`), { force: true })
    const bytes = Math.min(size, place.bytes)
    return new OutputWriter(home, stream, { ...place, bytes }, await endsLine(path, bytes))
  }

  get place(): WritePlace {
    return this.#place
  }

  async append(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return
    await appendFile(this.#pathOf(this.#place.segment), bytes)
    this.#place = { ...this.#place, bytes: this.#place.bytes + bytes.length }
    this.#endsLine = bytes.at(-1) === newline
    if (this.#place.bytes > segmentBytesMax) await this.#beginSegment()
  }

  /** Its last line is a line, with its newline or without. */
  async finish(): Promise<void> {
    if (!this.#endsLine) await this.append(Buffer.from('\n'))
  }

  async #beginSegment(): Promise<void> {
    const segment = this.#place.segment + 1
    const old = segment - 2
    if (old >= 1) await this.#drop(old)
    await writeFile(this.#pathOf(segment), '')
    this.#place = { segment, bytes: 0 }
  }

  /** Its newlines are counted before it goes, so that lost lines are told exactly. */
  async #drop(segment: number): Promise<void> {
    const path = this.#pathOf(segment)
    const content = await readFile(path).catch(() => Buffer.alloc(0))
    const note = join(this.#home, `${this.#stream}.dropped`)
    const before = Number((await readFile(note, 'utf8').catch(() => '0 0')).split(' ')[1] ?? '0')
    await writeFile(`${note}.new`, `${segment} ${before + newlinesIn(content)}\n`)
    await rename(`${note}.new`, note)
    await rm(path, { force: true })
  }

  #pathOf(segment: number): string {
    return join(this.#home, `${this.#stream}.${segment}`)
  }
}

const newline = 10

function newlinesIn(bytes: Uint8Array): number {
  let count = 0
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) count++
  return count
}

async function endsLine(path: string, bytes: number): Promise<boolean> {
  if (bytes === 0) return true
  await using file = await open(path)
  const last = Buffer.alloc(1)
  await file.read(last, 0, 1, bytes - 1)
  return last[0] === newline
}
