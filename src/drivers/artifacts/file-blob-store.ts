import { createHash, type Hash } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { Fault, messageOf, Refusal, systemCodeOf } from '../../base/errors.ts'
import { archiveLimits, type BlobStore } from '../../parts/artifacts/driver.ts'
import type { ArtifactRef } from '../../parts/artifacts/model.ts'

export interface FileBlobStoreOptions {
  /** Made if it is not there; this store's alone. */
  readonly directory: string
  /** Bytes of one blob at the most. */
  readonly blobBytesMax?: number
  /** Looks at a file before it is kept; what it throws refuses the upload. */
  readonly check?: (file: string) => Promise<void>
}

/**
 * Blobs as files: `sha256/ab/cdef…` by their digest, what is still coming in below `incoming/`.
 *
 * A file at its place is whole, right and durable: it is written elsewhere, checked, fsynced and
 * moved there. So two that store the same at once do not hurt each other.
 */
export async function openFileBlobStore(options: FileBlobStoreOptions): Promise<BlobStore> {
  const { directory, blobBytesMax = archiveLimits.packedBytesMax, check } = options
  const incoming = join(directory, 'incoming')
  // What broke off in the middle of an upload, with the process that received it.
  await rm(incoming, { recursive: true, force: true })
  await mkdir(incoming, { recursive: true })
  await mkdir(join(directory, 'sha256'), { recursive: true })
  return new FileBlobStore(directory, blobBytesMax, check ?? (async () => {}))
}

class FileBlobStore implements BlobStore {
  readonly #directory: string
  readonly #blobBytesMax: number
  readonly #check: (file: string) => Promise<void>
  #uploads = 0

  constructor(directory: string, blobBytesMax: number, check: (file: string) => Promise<void>) {
    this.#directory = directory
    this.#blobBytesMax = blobBytesMax
    this.#check = check
  }

  async put(digest: string, content: Readable, signal: AbortSignal): Promise<ArtifactRef> {
    const place = this.#placeOf(digest)
    const upload = join(this.#directory, 'incoming', String(++this.#uploads))
    const isThere = await this.has(digest)
    // Content of a blob that is there is checked like any other, only not written again.
    const file = isThere ? undefined : await open(upload, 'wx', 0o600).catch(throwFault)
    try {
      const sizeBytes = await this.#receive(digest, content, file, signal)
      if (file !== undefined) await this.#check(upload)
      await file?.sync().catch(throwFault)
      await file?.close()
      if (file !== undefined) await moveTo(upload, place).catch(throwFault)
      return { digest, sizeBytes }
    } catch (error) {
      await file?.close().catch(() => undefined)
      await rm(upload, { force: true })
      throw error
    }
  }

  async get(digest: string) {
    const file = await open(this.#placeOf(digest)).catch(absent)
    if (file === undefined) return undefined
    const { size } = await file.stat()
    return { content: file.createReadStream(), sizeBytes: size }
  }

  async has(digest: string): Promise<boolean> {
    return (await stat(this.#placeOf(digest)).catch(absent)) !== undefined
  }

  async list(): Promise<readonly ArtifactRef[]> {
    const root = join(this.#directory, 'sha256')
    const blobs: ArtifactRef[] = []
    for (const start of await readdir(root)) {
      for (const rest of await readdir(join(root, start))) {
        const found = await stat(join(root, start, rest)).catch(absent)
        if (found === undefined) continue
        blobs.push({ digest: `sha256:${start}${rest}`, sizeBytes: found.size })
      }
    }
    return blobs.toSorted((a, b) => (a.digest < b.digest ? -1 : 1))
  }

  async remove(digest: string): Promise<void> {
    await rm(this.#placeOf(digest), { force: true })
  }

  /** Reads all of it, into the file if there is one; throws unless it is what the digest says. */
  async #receive(
    digest: string,
    content: Readable,
    file: FileHandle | undefined,
    signal: AbortSignal,
  ): Promise<number> {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of arriving(content, signal)) {
      bytes += chunk.length
      if (bytes > this.#blobBytesMax) throw tooLarge(this.#blobBytesMax)
      hash.update(chunk)
      await file?.writeFile(chunk).catch(throwFault)
    }
    checkDigest(hash, digest)
    return bytes
  }

  #placeOf(digest: string): string {
    const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1]
    if (hex === undefined) {
      throw new Refusal('digest-invalid', 'that is no digest', {
        hint: 'a digest is sha256: and 64 hexadecimal digits',
        path: 'digest',
      })
    }
    return join(this.#directory, 'sha256', hex.slice(0, 2), hex.slice(2))
  }
}

/** The chunks of an upload; one that breaks off is the sender's matter, unless it was told why. */
async function* arriving(content: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  const onAbort = (): void => void content.destroy(asError(signal.reason))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    signal.throwIfAborted()
    // Left open where it is too large: its sender is still to be answered.
    yield* content.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal('upload-incomplete', 'the upload broke off before its end', {
      hint: 'send it again',
      details: { reason: messageOf(error) },
    })
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(messageOf(reason))
}

function checkDigest(hash: Hash, digest: string): void {
  const found = `sha256:${hash.digest('hex')}`
  if (found === digest) return
  throw new Refusal('digest-mismatch', `what came is ${found}, not ${digest}`, {
    status: 422,
    hint: 'pack it again and send it under the digest that packing gives',
    details: { found, expected: digest },
  })
}

function tooLarge(bytesMax: number): Refusal {
  return new Refusal('artifact-too-large', `an artifact has ${bytesMax} bytes at the most`, {
    status: 413,
    hint: 'leave out by .gitignore what the app does not need when it runs',
    details: { bytesMax },
  })
}

/** Moves a file to its place for good: after a power failure it is there or it is not. */
async function moveTo(from: string, place: string): Promise<void> {
  const folder = dirname(place)
  const isNew = (await mkdir(folder, { recursive: true })) !== undefined
  await rename(from, place)
  await syncFolder(folder)
  if (isNew) await syncFolder(dirname(folder))
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function absent(error: unknown): undefined {
  if (systemCodeOf(error) === 'ENOENT') return undefined
  throw new Fault('blob-store-failed', `the artifact cannot be read: ${messageOf(error)}`, {
    cause: error,
  })
}

function throwFault(error: unknown): never {
  const code = systemCodeOf(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    throw new Fault('disk-full', 'the disk of the server is full: nothing was kept', {
      cause: error,
    })
  }
  throw new Fault('blob-store-failed', `the artifact cannot be written: ${messageOf(error)}`, {
    cause: error,
  })
}
