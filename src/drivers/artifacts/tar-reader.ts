import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdir, open, symlink } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import type { Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { Parser, type ReadEntry } from 'tar'
import { Fault, messageOf, Refusal, systemCodeOf } from '../../base/errors.ts'
import type { ArchiveLimits } from './limits.ts'
import { linkFault, pathFault, plainPath } from './safe-path.ts'

/**
 * Unpacks the archive at `archive` into the empty folder `directory`, or throws with part of it
 * written: the caller removes the folder. Without a directory it only looks, at all of it, by the
 * same rules.
 *
 * Everything in the archive is taken for hostile. What is not plainly a file, a folder or a link
 * that stays inside refuses the whole; nothing is ever written through a link.
 */
export async function readArchive(
  archive: string,
  directory: string | undefined,
  limits: ArchiveLimits,
): Promise<void> {
  const extraction = new Extraction(directory, limits)
  const parser = new Parser({ strict: true })
  parser.on('entry', (entry) => extraction.add(entry))
  parser.on('meta', () => extraction.countExtended())
  parser.on('ignoredEntry', (entry) => extraction.refuse(entry))
  parser.on('eof', () => extraction.sawEnd())
  const broken = Promise.withResolvers<never>()
  broken.promise.catch(() => undefined)
  parser.on('error', (error) => broken.reject(error))
  extraction.failed.catch((error: unknown) => broken.reject(error))
  const source = await openUnpacked(archive)
  source.on('error', (error) => broken.reject(error))
  try {
    await Promise.race([feed(parser, source, limits), broken.promise])
    await Promise.race([extraction.finish(), broken.promise])
  } catch (error) {
    await extraction.settle()
    throw refusalOf(error)
  } finally {
    source.destroy()
  }
}

/** Passes the archive on to the parser, no faster than the entries are written. */
async function feed(
  parser: Parser,
  source: AsyncIterable<Buffer>,
  limits: ArchiveLimits,
): Promise<void> {
  // Headers and padding come on top of the files, which are counted one by one.
  const bytesMax = limits.unpackedBytesMax + limits.entriesMax * entryBytesMax
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes > bytesMax) throw bomb(limits)
    if (!parser.write(chunk)) await once(parser, 'drain')
  }
  const ended = once(parser, 'end')
  parser.end()
  await ended
}

/** Around a file's content: its header, an extended one of two blocks, and the padding. */
const entryBytesMax = 5 * 512

/** The archive without its compression: zstd as we pack it, gzip as others do, or none. */
async function openUnpacked(archive: string): Promise<Readable> {
  const file = createReadStream(archive)
  const start = Buffer.alloc(4)
  const handle = await open(archive)
  try {
    await handle.read(start, 0, start.length, 0)
  } finally {
    await handle.close()
  }
  const decompress = start.equals(zstdMagic)
    ? createZstdDecompress()
    : start.subarray(0, gzipMagic.length).equals(gzipMagic)
      ? createGunzip()
      : undefined
  if (decompress === undefined) return file
  file.on('error', (error) => decompress.destroy(error))
  decompress.on('close', () => file.destroy())
  return file.pipe(decompress)
}

const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
const gzipMagic = Buffer.from([0x1f, 0x8b])

/** Writes entries one after the other, each checked before the first byte of it is written. */
class Extraction {
  /** Rejects as soon as something went wrong; never resolves. */
  readonly failed: Promise<never>
  readonly #directory: string | undefined
  readonly #limits: ArchiveLimits
  readonly #fail: (error: unknown) => void
  readonly #files = new Set<string>()
  readonly #links = new Set<string>()
  /** Those with an entry of their own and those that a longer path has made. */
  readonly #folders = new Set<string>()
  #last: Promise<void> = Promise.resolve()
  #current: ReadEntry | undefined
  #entries = 0
  #extended = 0
  #bytes = 0
  #hasFailed = false
  #hasEnd = false

  constructor(directory: string | undefined, limits: ArchiveLimits) {
    this.#directory = directory
    this.#limits = limits
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => undefined)
    this.failed = promise
    this.#fail = (error) => {
      this.#hasFailed = true
      reject(error)
    }
  }

  add(entry: ReadEntry): void {
    try {
      this.#entries += 1
      if (this.#entries > this.#limits.entriesMax) throw bomb(this.#limits)
      const path = this.#check(entry)
      this.#last = this.#last.then(() => this.#write(entry, path)).catch(this.#fail)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The parser would pass over what it does not know, or what is too large for a header. */
  refuse(entry: ReadEntry): void {
    this.#fail(unsafe(entry.path, `is a ${entry.type}, not a file, folder or link`))
  }

  /** Counts the headers that say more about the next one: two for an entry at the most. */
  countExtended(): void {
    this.#extended += 1
    if (this.#extended > this.#limits.entriesMax * 2) this.#fail(bomb(this.#limits))
  }

  sawEnd(): void {
    this.#hasEnd = true
  }

  /** Waits for the last entry, and refuses an archive that just stopped. */
  async finish(): Promise<void> {
    await this.#last
    if (!this.#hasEnd) throw truncated()
  }

  /** Breaks off, and waits until nothing is being written any more. */
  async settle(): Promise<void> {
    this.#hasFailed = true
    this.#current?.destroy()
    await this.#last
  }

  /** The path under which an entry may be written; throws a Refusal when it may not. */
  #check(entry: ReadEntry): string {
    const { path: name, type, mode = 0, size } = entry
    if (entry.path === './' || entry.path === '.') return ''
    const plain = plainPath(name)
    const namedFault = pathFault(name.startsWith('/') ? name : plain)
    if (namedFault !== undefined) throw unsafe(name, namedFault)
    // One spelling per place: what is compared is what is written.
    const path = posix.normalize(plain)
    const fault = this.#placeFault(path, type)
    if (fault !== undefined) throw unsafe(name, fault)
    if ((mode & 0o7000) !== 0) throw unsafe(name, 'has a setuid, setgid or sticky bit')
    if (type === 'SymbolicLink') {
      const target = entry.linkpath ?? ''
      const linkedFault = linkFault(path, target)
      if (linkedFault !== undefined) throw unsafe(name, linkedFault)
      this.#links.add(path)
    }
    if (type !== 'Directory') this.#files.add(path)
    this.#bytes += size
    if (this.#bytes > this.#limits.unpackedBytesMax) throw bomb(this.#limits)
    return path
  }

  #placeFault(path: string, type: ReadEntry['type']): string | undefined {
    if (type === 'Link') return 'is a hard link'
    if (type !== 'File' && type !== 'OldFile' && type !== 'Directory' && type !== 'SymbolicLink') {
      return `is a ${type}, not a file, folder or link`
    }
    if (this.#files.has(path)) return 'comes twice'
    if (type === 'Directory') this.#folders.add(path)
    else if (this.#folders.has(path)) return 'comes twice, once as a folder'
    return this.#wayFault(path)
  }

  /** Goes up from a path until a folder that is known: whatever lies above it was looked at. */
  #wayFault(path: string): string | undefined {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const above = path.slice(0, end)
      if (this.#links.has(above)) return 'goes through a link'
      if (this.#files.has(above)) return 'goes through a file'
      if (this.#folders.has(above)) return undefined
      this.#folders.add(above)
      // Folders without an entry of their own are made all the same, and cost as much.
      if (this.#folders.size > this.#limits.entriesMax) throw bomb(this.#limits)
    }
    return undefined
  }

  async #write(entry: ReadEntry, path: string): Promise<void> {
    if (this.#hasFailed) return
    this.#current = entry
    if (this.#directory === undefined) {
      entry.resume()
      return
    }
    const place = join(this.#directory, path)
    if (entry.type === 'Directory') await mkdir(place, { recursive: true, mode: 0o755 })
    else {
      await mkdir(dirname(place), { recursive: true, mode: 0o755 })
      if (entry.type === 'SymbolicLink') await symlink(entry.linkpath ?? '', place)
      else return await writeContent(entry, place)
    }
    entry.resume()
  }
}

async function writeContent(entry: ReadEntry, place: string): Promise<void> {
  const mode = ((entry.mode ?? 0) & 0o100) === 0 ? 0o644 : 0o755
  const file = await open(place, 'wx', mode)
  try {
    for await (const chunk of entry) await file.writeFile(chunk)
    // The umask took its share when the file was opened.
    await file.chmod(mode)
  } finally {
    await file.close()
  }
}

function unsafe(name: string, fault: string): Refusal {
  // A hostile name is no place for control characters to reach a terminal.
  const shown = JSON.stringify(name.slice(0, 200))
  return new Refusal('archive-unsafe', `the archive is refused: ${shown} ${fault}`, {
    status: 422,
    path: name.slice(0, 200),
    hint: 'pack the directory with `roadstead deploy`, which leaves such things out',
  })
}

function bomb({ unpackedBytesMax, entriesMax }: ArchiveLimits): Refusal {
  const limits = `${unpackedBytesMax} bytes or ${entriesMax} entries`
  return new Refusal('archive-unsafe', `the archive is refused: it unpacks to over ${limits}`, {
    status: 422,
    hint: 'leave out by .gitignore what the app does not need when it runs',
    details: { unpackedBytesMax, entriesMax },
  })
}

function truncated(): Refusal {
  return new Refusal('archive-truncated', 'the archive ends in the middle', {
    status: 422,
    hint: 'pack and upload it again',
  })
}

/** Errors of the libraries as ours. */
function refusalOf(error: unknown): Error {
  if (error instanceof Refusal || error instanceof Fault) return error
  const code = systemCodeOf(error) ?? ''
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Fault('disk-full', 'the disk is full: nothing was unpacked', { cause: error })
  }
  if (isCut(error, code)) return truncated()
  if (code === 'EEXIST' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'ELOOP') {
    return new Refusal('archive-unsafe', 'the archive is refused: two things have one name', {
      status: 422,
      hint: 'pack the directory with `roadstead deploy`',
    })
  }
  if (code.startsWith('TAR_') || code.startsWith('Z_') || code.startsWith('ZSTD_')) {
    return new Refusal('archive-invalid', 'the archive is damaged, or is not a tar archive', {
      status: 422,
      hint: 'pack and upload it again; tar with zstd, gzip or no compression is read',
    })
  }
  return new Fault('unpack-failed', `the archive could not be unpacked: ${messageOf(error)}`, {
    cause: error,
  })
}

/** Whether the compressed stream, or an entry of the archive, wants more than there is. */
function isCut(error: unknown, code: string): boolean {
  if (code === 'Z_BUF_ERROR') return true
  return code === 'TAR_BAD_ARCHIVE' && error instanceof Error && 'entry' in error
}
