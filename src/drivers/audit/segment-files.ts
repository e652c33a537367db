/**
 * The audit chain in files: one record a line, some thousand lines a segment. One writer appends
 * to the newest segment and makes each seal durable. What a crash has torn is cut off when the
 * chain is opened, and the store, which keeps what is not sealed, tells it again.
 */
import { mkdir, open, readFile, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bound } from '../../base/bounds.ts'
import { Fault, messageOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { AuditChain, Segment } from '../../parts/audit/driver.ts'
import type { ChainTip, SealedRecord } from '../../parts/audit/model.ts'
import { parseLine } from '../../parts/audit/plan-verify.ts'
import { lineOf } from '../../parts/audit/plan-seal.ts'
import { segmentOf, segmentsIn } from './segment-names.ts'

/** A chain with what bounds it. */
export interface BoundedChain extends AuditChain {
  bounds(): readonly Bound[]
}

export interface SegmentFilesOptions {
  /** `<data>/server/audit`. */
  readonly directory: string
  readonly log: Log
  /** A segment that has reached it is followed by a new one; 4 MiB, some 10,000 records. */
  readonly segmentBytesMax?: number
  /**
   * Beyond it the oldest segment is dropped, and the next checkpoint says where the chain begins
   * now; 8 GiB, some 20 million commits: export them before, if you have to keep more.
   */
  readonly bytesMax?: number
}

/** Bytes of a segment at the most, the record that reaches it included or not. */
export const segmentBytesDefault = 4 * 1024 * 1024

/** Bytes of the chain at the most, give or take a segment. */
export const chainBytesDefault = 8 * 1024 ** 3

/** Opens the chain for its one writer; mends what a crash has torn. */
export async function openSegmentFiles(options: SegmentFilesOptions): Promise<BoundedChain> {
  const { directory } = options
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const files = new SegmentFiles(options, await segmentsIn(directory))
    await files.open()
    return files
  } catch (cause) {
    throw auditFailed('the audit chain cannot be opened', cause)
  }
}

class SegmentFiles implements BoundedChain {
  readonly #options: Required<SegmentFilesOptions>
  readonly #segments: Segment[]
  readonly #sizes = new Map<string, number>()
  #tip: ChainTip | undefined
  #handle: FileHandle | undefined
  dropped = 0

  constructor(options: SegmentFilesOptions, segments: Segment[]) {
    this.#options = {
      segmentBytesMax: segmentBytesDefault,
      bytesMax: chainBytesDefault,
      ...options,
    }
    this.#segments = segments
  }

  get first(): number | undefined {
    return this.#tip === undefined ? undefined : this.#segments[0]?.first
  }

  get tip(): ChainTip | undefined {
    return this.#tip
  }

  get sizeBytes(): number {
    return [...this.#sizes.values()].reduce((sum, size) => sum + size, 0)
  }

  bounds(): readonly Bound[] {
    return [
      {
        name: 'audit.chain',
        says: 'sealed records; before it is full export them with `roadstead audit export`, if you must keep more',
        unit: 'bytes',
        overflow: 'drops-oldest',
        limit: this.#options.bytesMax,
        used: () => this.sizeBytes,
        lost: () => this.dropped,
      },
    ]
  }

  async open(): Promise<void> {
    for (const { name } of this.#segments) {
      this.#sizes.set(name, (await stat(this.#pathOf(name))).size)
    }
    const newest = this.#segments.at(-1)
    if (newest !== undefined) await this.#mend(newest)
    for (const segment of this.#segments.toReversed()) {
      this.#tip = tipOf(await this.lines(segment))
      if (this.#tip !== undefined) return
      this.#options.log.error('audit segment without a record', { segment: segment.name })
    }
  }

  async append(records: readonly SealedRecord[]): Promise<void> {
    if (records.length === 0) return
    try {
      for (const batch of this.#batches(records)) await this.#write(batch)
    } catch (cause) {
      // What became of the bytes is not known: the next attempt cuts them off and writes anew.
      await this.#close()
      throw auditFailed('the audit chain cannot be written', cause)
    }
  }

  segments(): readonly Segment[] {
    return this.#segments.filter(({ name }) => this.#sizes.has(name))
  }

  async lines({ name }: Segment): Promise<readonly string[]> {
    const text = await readFile(this.#pathOf(name), 'utf8')
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .slice(0, -1)
  }

  get surplusBefore(): number | undefined {
    let left = this.sizeBytes
    let kept = 0
    while (left > this.#options.bytesMax && kept < this.#segments.length - 1) {
      left -= this.#sizes.get(this.#segments[kept]?.name ?? '') ?? 0
      kept++
    }
    return kept === 0 ? undefined : this.#segments[kept]?.first
  }

  async dropBefore(revision: number): Promise<void> {
    while (this.#segments.length > 1) {
      const [oldest] = this.#segments
      if (oldest === undefined || oldest.first >= revision) return
      await rm(this.#pathOf(oldest.name), { force: true })
      this.#segments.shift()
      this.#sizes.delete(oldest.name)
      this.dropped++
      this.#options.log.warn('oldest audit segment dropped', { segment: oldest.name })
    }
  }

  async close(): Promise<void> {
    await this.#close()
  }

  /** Cuts off what stands behind the last whole line: a seal that a crash has broken off. */
  async #mend({ name }: Segment): Promise<void> {
    const bytes = await readFile(this.#pathOf(name))
    const whole = bytes.lastIndexOf(0x0a) + 1
    if (whole === bytes.length) return
    this.#options.log.warn('torn audit record cut off', { segment: name, at: whole })
    this.#sizes.set(name, whole)
    const handle = await open(this.#pathOf(name), 'r+')
    try {
      await handle.truncate(whole)
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  /** Records that go into one segment each, with the segment. */
  *#batches(records: readonly SealedRecord[]): Generator<readonly SealedRecord[]> {
    let batch: SealedRecord[] = []
    const newest = this.#segments.at(-1)
    // One without a size was begun by an append that failed.
    let bytes = newest === undefined ? Infinity : (this.#sizes.get(newest.name) ?? 0)
    for (const record of records) {
      if (bytes >= this.#options.segmentBytesMax) {
        if (batch.length > 0) yield batch
        batch = []
        this.#segments.push(segmentOf(record.from ?? record.revision))
        bytes = 0
      }
      batch.push(record)
      bytes += Buffer.byteLength(lineOf(record)) + 1
    }
    if (batch.length > 0) yield batch
  }

  async #write(batch: readonly SealedRecord[]): Promise<void> {
    const segment = this.#segments.at(-1) as Segment
    const text = batch.map((record) => `${lineOf(record)}\n`).join('')
    const size = this.#sizes.get(segment.name)
    if (size === undefined) await this.#close()
    this.#handle ??= await this.#openAt(segment, size ?? 0)
    const bytes = Buffer.from(text)
    const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.length, size ?? 0)
    if (bytesWritten < bytes.length) throw new Fault('disk-full', 'only a part could be written')
    await this.#handle.datasync()
    this.#sizes.set(segment.name, (size ?? 0) + bytes.length)
    const { revision, hash } = batch.at(-1) as SealedRecord
    this.#tip = { revision, hash }
  }

  /** Opens a segment for writing at `size`; what stands behind it was never acknowledged. */
  async #openAt({ name }: Segment, size: number): Promise<FileHandle> {
    const handle = await open(this.#pathOf(name), size === 0 ? 'w' : 'r+', 0o600)
    await handle.truncate(size)
    if (size === 0) await syncFolder(this.#options.directory)
    return handle
  }

  async #close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close().catch(() => undefined)
  }

  #pathOf(name: string): string {
    return join(this.#options.directory, name)
  }
}

/** The newest record that can be read: what is damaged behind it is sealed anew, and found. */
function tipOf(lines: readonly string[]): ChainTip | undefined {
  for (const line of lines.toReversed()) {
    const record = parseLine(line)
    if (record !== undefined) return { revision: record.revision, hash: record.hash }
  }
  return undefined
}

async function syncFolder(directory: string): Promise<void> {
  const folder = await open(directory)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function auditFailed(what: string, cause: unknown): Fault {
  return new Fault('audit-failed', `${what}: ${messageOf(cause)}`, { cause })
}
