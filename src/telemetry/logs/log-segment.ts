import { open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { systemCodeOf } from '../../base/errors.ts'
import type { AppCell } from '../../parts/tenants/model.ts'
import { decodeLine } from './line-format.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

const plainEnding = '.jsonl'
const packedEnding = '.jsonl.zst'

/** What is known of a segment without reading it; kept in the index. */
export interface SegmentSummary {
  /** Times of its oldest and its newest line, wall ms; missing: not known. */
  readonly span?: [oldest: number, newest: number]
  /** Bytes of lines that `instances` tells of. */
  readonly bytes: number
  /** By instance: how many of its lines are stored with the last one here. */
  readonly instances: Readonly<Record<string, number>>
}

/** A piece of a segment that is read as a whole, with the times of its lines. */
export interface LogBlock {
  /** Bytes of lines, `to` excluded. */
  readonly from: number
  readonly to: number
  /** Wall ms; lines of several instances are not quite in order. */
  readonly oldest: number
  readonly newest: number
}

/** A block takes no more lines from this size on: some hundreds of them. */
const blockBytes = 64 * 1024

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
  #blocks: LogBlock[] = []

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

  /** What can be read by itself, in the order of the file; a packed one only as a whole. */
  get blocks(): readonly LogBlock[] {
    return this.#isPacked ? joined(this.#blocks) : this.#blocks
  }

  summary(): SegmentSummary {
    const known = { bytes: this.#bytes, instances: Object.fromEntries(this.#instances) }
    const [all] = joined(this.#blocks)
    const isKnown = all !== undefined && Number.isFinite(all.oldest)
    return isKnown ? { ...known, span: [all.oldest, all.newest] } : known
  }

  /** Adds lines, and tells of the last of them; on failure the file is as it was before. */
  async append(
    text: string,
    instanceId: string,
    count: number,
    times: readonly number[],
  ): Promise<void> {
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
    this.#extend(this.#bytes + bytes.length, times)
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
      if (known.bytes > 0) this.#extend(known.bytes, known.span ?? [-Infinity, Infinity])
      for (const [id, count] of Object.entries(known.instances)) this.#count(id, count)
      if (this.#isPacked) return
    }
    const content = await this.#content()
    const end = content.lastIndexOf(newline) + 1
    const times: number[] = []
    for (const line of linesIn(content.subarray(this.#bytes, end))) {
      const decoded = decodeLine(line, '')
      if (decoded === undefined) continue
      this.#count(decoded.instanceId, decoded.count)
      times.push(decoded.at)
    }
    if (end > this.#bytes) this.#extend(end, times)
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

  /** The lines of a block as text, in the order of the file; none, where it is gone by now. */
  async linesOf({ from, to }: LogBlock): Promise<string[]> {
    if (this.#isPacked) return linesIn((await this.#content()).subarray(from, to))
    let file
    try {
      file = await open(this.path)
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw error
      // It was packed, or removed, since it was looked at.
      return this.#isPacked ? linesIn((await this.#content()).subarray(from, to)) : []
    }
    try {
      const bytes = Buffer.alloc(to - from)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, from)
      return linesIn(bytes.subarray(0, bytesRead))
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

  #extend(to: number, times: readonly number[]): void {
    const last = this.#blocks.at(-1)
    const from = last?.to ?? 0
    let [oldest, newest] = [Infinity, -Infinity]
    for (const time of times) {
      oldest = Math.min(oldest, time)
      newest = Math.max(newest, time)
    }
    const block = { from, to, oldest, newest }
    if (last === undefined || last.to - last.from >= blockBytes) this.#blocks.push(block)
    else this.#blocks.splice(-1, 1, ...joined([last, block]))
  }

  #count(instanceId: string, count: number): void {
    this.#instances.set(instanceId, Math.max(count, this.#instances.get(instanceId) ?? 0))
  }
}

/** Neighbouring blocks as one. */
function joined(blocks: readonly LogBlock[]): LogBlock[] {
  const [first] = blocks
  if (first === undefined) return []
  let { to, oldest, newest } = first
  for (const block of blocks) {
    to = block.to
    oldest = Math.min(oldest, block.oldest)
    newest = Math.max(newest, block.newest)
  }
  return [{ from: first.from, to, oldest, newest }]
}

/** The segments of one service in a cell, oldest first; the last may still grow. */
export interface ServiceSegments {
  readonly folder: string
  readonly service: string
  readonly cell: AppCell
  readonly segments: LogSegment[]
}

const newline = 10

function linesIn(bytes: Buffer): string[] {
  return bytes.length === 0 ? [] : bytes.toString().trimEnd().split('\n')
}

/** A segment's number and form by the name of its file; undefined for any other file. */
export function segmentNamed(path: string): { number: number; isPacked: boolean } | undefined {
  const match = /^(\d{10})\.jsonl(\.zst)?$/.exec(basename(path))
  return match === null ? undefined : { number: Number(match[1]), isPacked: match[2] !== undefined }
}
