import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress } from 'node:zlib'
import { Header, Pax } from 'tar'
import { Fault, messageOf, Refusal, systemCodeOf } from '../../base/errors.ts'
import type { ArtifactRef } from '../../parts/artifacts/model.ts'
import type { ArchiveLimits } from './limits.ts'
import type { SourceEntry } from './source-entries.ts'

/**
 * zstd's own default: 40 times as fast as gzip's at about its size. Its output depends on the input
 * and on zstd's version alone, which comes with the pinned Node.js; gzip's differs by processor.
 */
const compressionLevel = 3

/** Writes `entries` of `directory` into the file `target`; nothing is left of it on failure. */
export async function writeArchive(
  directory: string,
  entries: readonly SourceEntry[],
  target: string,
  { packedBytesMax }: ArchiveLimits,
): Promise<ArtifactRef> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length
      hash.update(chunk)
      done(sizeBytes > packedBytesMax ? tooLarge(packedBytesMax) : null, chunk)
    },
  })
  const params = { [constants.ZSTD_c_compressionLevel]: compressionLevel }
  try {
    await pipeline(
      () => tarBlocks(directory, entries),
      createZstdCompress({ params }),
      measure,
      createWriteStream(target, { flags: 'wx', mode: 0o600 }),
    )
  } catch (error) {
    // An archive that was there before is not ours to remove.
    if (systemCodeOf(error) !== 'EEXIST') await rm(target, { force: true })
    throw error instanceof Refusal ? error : packFault(error)
  }
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes }
}

function tooLarge(packedBytesMax: number): Refusal {
  return new Refusal('artifact-too-large', `the archive is larger than ${packedBytesMax} bytes`, {
    status: 413,
    hint: 'leave out by .gitignore, of a build by .dockerignore, what the app does not need',
  })
}

function packFault(error: unknown): Fault {
  if (error instanceof Fault) return error
  const code = systemCodeOf(error) === 'ENOSPC' ? 'disk-full' : 'pack-failed'
  return new Fault(code, `the directory could not be packed: ${messageOf(error)}`, { cause: error })
}

/** Tar works in blocks; an archive ends with two empty ones. */
const blockBytes = 512

async function* tarBlocks(
  directory: string,
  entries: readonly SourceEntry[],
): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    yield* headersOf(entry)
    if (entry.type === 'file' && entry.sizeBytes > 0) yield* contentOf(directory, entry)
  }
  yield Buffer.alloc(2 * blockBytes)
}

/** The header, after an extended one where the name does not fit into it. */
function* headersOf(entry: SourceEntry): Generator<Buffer> {
  const members = headerMembers(entry)
  const header = new Header(members)
  if (header.encode()) {
    const { path, linkpath } = members
    yield new Pax(linkpath === undefined ? { path } : { path, linkpath }).encode()
  }
  yield header.block!
}

function headerMembers(entry: SourceEntry): HeaderMembers {
  const same = { mtime: new Date(0), uid: 0, gid: 0 }
  switch (entry.type) {
    case 'directory':
      return { ...same, type: 'Directory', path: `${entry.path}/`, mode: 0o755, size: 0 }
    case 'link': {
      const { path, target: linkpath } = entry
      return { ...same, type: 'SymbolicLink', path, linkpath, mode: 0o777, size: 0 }
    }
    case 'file': {
      const mode = entry.isExecutable ? 0o755 : 0o644
      return { ...same, type: 'File', path: entry.path, mode, size: entry.sizeBytes }
    }
  }
}

interface HeaderMembers {
  readonly type: 'Directory' | 'SymbolicLink' | 'File'
  readonly path: string
  readonly linkpath?: string
  readonly mode: number
  readonly size: number
  readonly mtime: Date
  readonly uid: number
  readonly gid: number
}

/** A file's content as long as its header says, filled up to whole blocks. */
async function* contentOf(
  directory: string,
  { path, lies = path, sizeBytes, content }: Extract<SourceEntry, { type: 'file' }>,
): AsyncGenerator<Buffer> {
  let left = sizeBytes
  const chunks: AsyncIterable<Buffer> | Buffer[] =
    content === undefined
      ? createReadStream(join(directory, lies), { end: sizeBytes - 1 })
      : [content]
  for await (const chunk of chunks) {
    left -= chunk.length
    yield chunk
  }
  if (left !== 0) throw new Fault('source-changed', `${lies} became shorter while it was packed`)
  const rest = sizeBytes % blockBytes
  if (rest > 0) yield Buffer.alloc(blockBytes - rest)
}
