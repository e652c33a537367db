import { open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { systemCodeOf } from '../../base/errors.ts'
import { decodeLine } from './line-format.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

const plainEnding = '.jsonl'
const packedEnding = '.jsonl.zst'

/** What is known of a segment without reading it; kept in the index. */
export interface SegmentSummary {
  /** Bytes of lines that `instances` tells of. */
  readonly bytes: number
  /** By instance: how many of its lines are stored with the last one here. */
  readonly instances: Readonly<Record<string, number>>
}

/**
 * One file of lines of one service, in the order in which they came in. It grows until it is
 * sealed, then it is compressed, and it goes as a whole.
 */
export class LogSegment {
  /** Rises over all services: a higher one was begun later. */
  readonly number: number
  readonly #base: string
  #isPacked: boolean
  /** Bytes of its lines, and of its file: the same until it is packed. */
  #bytes = 0
  #bytesOnDisk = 0
  readonly #instances = new Map<string, number>()

  constructor(folder: string, number: number, isPacked = false) {
    this.number = number
    this.#base = `${folder}/${String(number).padStart(10, '0')}`
    this.#isPacked = isPacked
  }

  get bytes(): number {
    return this.#bytes
  }

  get bytesOnDisk(): number {
    return this.#bytesOnDisk
  }

  get isPacked(): boolean {
    return this.#isPacked
  }

  get path(): string {
    return this.#base + (this.#isPacked ? packedEnding : plainEnding)
  }

  get instances(): ReadonlyMap<string, number> {
    return this.#instances
  }

  summary(): SegmentSummary {
    return { bytes: this.#bytes, instances: Object.fromEntries(this.#instances) }
  }

  /** Adds lines; on failure the file is as it was before. */
  async append(text: string, instanceId: string, count: number): Promise<void> {
    const bytes = Buffer.from(text)
    const file = await open(this.path, 'a', 0o600)
    try {
      await file.writeFile(bytes)
    } catch (error) {
      await file.truncate(this.#bytes).catch(() => undefined)
      throw error
    } finally {
      await file.close()
    }
    this.#bytes += bytes.length
    this.#bytesOnDisk += bytes.length
    this.#count(instanceId, count)
  }

  /**
   * Learns what the file holds: from `known` as far as that goes, else by reading it. A line that
   * was cut by a kill is taken off.
   */
  async recover(sizeOnDisk: number, known: SegmentSummary | undefined): Promise<void> {
    this.#bytesOnDisk = sizeOnDisk
    if (known !== undefined && (this.#isPacked || known.bytes <= sizeOnDisk)) {
      this.#bytes = known.bytes
      for (const [id, count] of Object.entries(known.instances)) this.#count(id, count)
      if (this.#isPacked) return
    }
    const content = await this.#content()
    const end = content.lastIndexOf(newline) + 1
    for (const line of linesIn(content.subarray(this.#bytes, end))) {
      const decoded = decodeLine(line, '')
      if (decoded !== undefined) this.#count(decoded.instanceId, decoded.count)
    }
    this.#bytes = end
    if (this.#isPacked || end === sizeOnDisk) return
    await truncate(this.path, end)
    this.#bytesOnDisk = end
  }

  /** Replaces the file by a compressed one; nothing is appended any more. */
  async pack(): Promise<void> {
    if (this.#isPacked) return
    const plain = this.path
    const packed = await compress(await readFile(plain))
    await writeFile(`${this.#base}.tmp`, packed, { mode: 0o600 })
    await rename(`${this.#base}.tmp`, this.#base + packedEnding)
    this.#isPacked = true
    this.#bytesOnDisk = packed.length
    await rm(plain, { force: true })
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }

  /** Its lines as text, the newest first; a plain file is read from its end, piece by piece. */
  async *linesBackwards(): AsyncGenerator<string> {
    if (this.#isPacked) return yield* linesIn(await this.#content()).toReversed()
    let file
    try {
      file = await open(this.path)
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw error
      // It was packed, or removed, since it was looked at.
      if (this.#isPacked) yield* linesIn(await this.#content()).toReversed()
      return
    }
    try {
      let rest: Buffer = Buffer.alloc(0)
      for (let end = this.#bytes; end > 0;) {
        const start = Math.max(0, end - pieceBytes)
        const piece = Buffer.alloc(end - start)
        await file.read(piece, 0, piece.length, start)
        const bytes = Buffer.concat([piece, rest])
        const first = start === 0 ? 0 : firstWholeLine(bytes)
        rest = bytes.subarray(0, first)
        yield* linesIn(bytes.subarray(first)).toReversed()
        end = start
      }
    } finally {
      await file.close()
    }
  }

  async #content(): Promise<Buffer> {
    const content = await readFile(this.path).catch((error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return Buffer.alloc(0)
      throw error
    })
    if (!this.#isPacked || content.length === 0) return content
    // One that a broken disk has changed is empty, not the end of the search.
    return decompress(content).catch(() => Buffer.alloc(0))
  }

  #count(instanceId: string, count: number): void {
    this.#instances.set(instanceId, Math.max(count, this.#instances.get(instanceId) ?? 0))
  }
}

/** Where the first line begins that is whole: what stands before it may have begun earlier. */
function firstWholeLine(bytes: Buffer): number {
  const at = bytes.indexOf(newline)
  return at === -1 ? bytes.length : at + 1
}

/** The segments of one service in a cell, oldest first; the last may still grow. */
export interface ServiceSegments {
  readonly folder: string
  readonly service: string
  readonly segments: LogSegment[]
}

const newline = 10

/** Bytes that are read at once on the way back: some hundred lines. */
const pieceBytes = 64 * 1024

function linesIn(bytes: Buffer): string[] {
  return bytes.length === 0 ? [] : bytes.toString().trimEnd().split('\n')
}

/** A segment's number and form by the name of its file; undefined for any other file. */
export function segmentNamed(path: string): { number: number; isPacked: boolean } | undefined {
  const match = /^(\d{10})\.jsonl(\.zst)?$/.exec(basename(path))
  return match === null ? undefined : { number: Number(match[1]), isPacked: match[2] !== undefined }
}
