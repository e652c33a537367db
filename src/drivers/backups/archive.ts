/**
 * The archive of a backup: a plain tar, so that any tar can look into it, of three parts in order:
 * `manifest.json`, the files that it lists, `end.json` with the manifest's digest. So nothing can
 * be missing, added, cut off or changed by accident without being found.
 */
import { createHash, type Hash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { Header } from 'tar'
import { Check } from 'typebox/value'
import { digestOf } from '../../base/digest.ts'
import { Fault, Refusal } from '../../base/errors.ts'
import { backupFormat, BackupManifest, type BackupEntry } from '../../parts/backups/model.ts'

const blockBytes = 512
/** Bytes read from an archive at a time. */
const chunkBytes = 256 * 1024
/** Bytes of the manifest at the most: 200,000 entries of some 160. */
const manifestBytesMax = 64 * 1024 * 1024

/** How an entry's bytes are come by; as many as were announced, or a Fault. */
export type ContentOf = (entry: BackupEntry) => AsyncIterable<Uint8Array>

/** Bytes that the archive of a manifest has. */
export function archiveBytes(manifest: BackupManifest): number {
  const own = [printManifest(manifest).length, endOf(manifest).length]
  const sizes = [...own, ...manifest.entries.map(({ sizeBytes }) => sizeBytes)]
  return sizes.reduce((sum, size) => sum + blockBytes + padded(size), 2 * blockBytes)
}

/** Writes the archive. */
export async function* printArchive(
  manifest: BackupManifest,
  contentOf: ContentOf,
): AsyncGenerator<Uint8Array> {
  yield* wholeFile('manifest.json', printManifest(manifest))
  for (const entry of manifest.entries) {
    yield headerOf(entry.path, entry.sizeBytes)
    let left = entry.sizeBytes
    for await (const chunk of contentOf(entry)) {
      left -= chunk.length
      if (left < 0) break
      yield chunk
    }
    if (left !== 0) throw new Fault('backup-failed', `${entry.path} changed while it was read`)
    yield padding(entry.sizeBytes)
  }
  yield* wholeFile('end.json', endOf(manifest))
  yield Buffer.alloc(2 * blockBytes)
}

/** Takes what an archive holds; it is to be kept only when the reading has ended well. */
export interface ArchiveReceiver {
  /** Looks at the manifest before anything comes of it; may refuse. */
  begin(manifest: BackupManifest): Promise<void>
  /** Gets the bytes of an entry; whether they are right is known when all of them came. */
  take(entry: BackupEntry, content: AsyncIterable<Uint8Array>): Promise<void>
}

/**
 * Reads an archive and checks every byte of it. Refusals `backup-invalid` (422): not a backup,
 * altered or truncated; `backup-newer` (409): of a later program.
 */
export async function readArchive(
  file: string,
  receiver: ArchiveReceiver,
): Promise<BackupManifest> {
  const handle = await open(file, 'r')
  try {
    const reader = new ArchiveReader(handle)
    const text = await reader.whole('manifest.json', manifestBytesMax)
    const manifest = parseManifest(text)
    await receiver.begin(manifest)
    for (const entry of manifest.entries) {
      await reader.expect(entry.path, entry.sizeBytes)
      const hash = createHash('sha256')
      const content = reader.content(entry.sizeBytes, hash)
      await receiver.take(entry, content)
      for await (const _ of content) void _
      if (`sha256:${hash.digest('hex')}` !== entry.digest) throw invalid(`${entry.path} is altered`)
    }
    const end = await reader.whole('end.json', blockBytes)
    if (end !== endOf(manifest).toString()) throw invalid('its manifest is altered')
    return manifest
  } finally {
    await handle.close()
  }
}

class ArchiveReader {
  readonly #handle: FileHandle
  #at = 0

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** A small file whose length is not known before. */
  async whole(path: string, bytesMax: number): Promise<string> {
    const size = await this.#header(path)
    if (size > bytesMax) throw invalid(`${path} is too large`)
    const chunks: Uint8Array[] = []
    for await (const chunk of this.content(size, undefined)) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  }

  async expect(path: string, sizeBytes: number): Promise<void> {
    const size = await this.#header(path)
    if (size !== sizeBytes) throw invalid(`${path} is not as long as it should be`)
  }

  /** The bytes of the file whose header was read, up to the next header. */
  async *content(size: number, hash: Hash | undefined): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0;) {
      const chunk = await this.#read(Math.min(left, chunkBytes))
      hash?.update(chunk)
      left -= chunk.length
      yield chunk
    }
    await this.#read(padded(size) - size)
  }

  async #header(path: string): Promise<number> {
    const header = new Header(await this.#read(blockBytes), 0)
    const isRight = header.cksumValid && header.type === 'File' && header.path === path
    if (!isRight || header.size === undefined) throw invalid(`${path} is not where it should be`)
    return header.size
  }

  async #read(length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(length)
    let filled = 0
    while (filled < length) {
      const { bytesRead } = await this.#handle.read(buffer, filled, length - filled, this.#at)
      if (bytesRead === 0) throw invalid('it ends in the middle')
      filled += bytesRead
      this.#at += bytesRead
    }
    return buffer
  }
}

function parseManifest(text: string): BackupManifest {
  let manifest: unknown
  try {
    manifest = JSON.parse(text)
  } catch {
    throw invalid('its manifest cannot be read')
  }
  const format = (manifest as { format?: unknown } | null)?.format
  if (typeof format === 'number' && format > backupFormat) {
    throw new Refusal('backup-newer', `this backup has the format ${format}`, {
      status: 409,
      hint: `this version reads formats up to ${backupFormat}: restore with the newer one`,
    })
  }
  if (!Check(BackupManifest, manifest)) throw invalid('its manifest is not one')
  return manifest
}

function invalid(why: string): Refusal {
  return new Refusal('backup-invalid', `this is not a backup that can be trusted: ${why}`, {
    status: 422,
    hint: 'nothing was restored; take another copy of the file, or an older backup',
  })
}

function* wholeFile(path: string, content: Uint8Array): Generator<Uint8Array> {
  yield headerOf(path, content.length)
  yield content
  yield padding(content.length)
}

function headerOf(path: string, size: number): Buffer {
  const header = new Header({ path, size, type: 'File', mode: 0o600, mtime: new Date(0) })
  if (header.encode() || header.block === undefined) {
    throw new Fault('backup-failed', `${path} is too long a name for a backup`)
  }
  return header.block
}

function printManifest(manifest: BackupManifest): Buffer {
  return Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`)
}

function endOf(manifest: BackupManifest): Buffer {
  return Buffer.from(`${JSON.stringify({ manifest: digestOf(printManifest(manifest)) })}\n`)
}

function padded(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes
}

function padding(size: number): Buffer {
  return Buffer.alloc(padded(size) - size)
}
