import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { chmod, mkdir, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../base/clock.ts'
import { Fault, Refusal, systemCodeOf } from '../base/errors.ts'
import type { Archiver } from '../parts/artifacts/driver.ts'
import type { ArtifactRef } from '../parts/artifacts/model.ts'

/** Unpacked artifacts that nothing uses any more but that a revert may want: the newest few. */
const unusedKeptMax = 8
/** A digest's hexadecimal digits: a whole artifact; any other name is something unfinished. */
const namePattern = /^[0-9a-f]{64}$/
const sealedMode = 0o555
const writableMode = 0o755

export interface ArtifactCacheOptions {
  readonly directory: string
  readonly archiver: Archiver
  readonly clock: Clock
  /** Fetches the archive from the server. */
  readonly fetch: (digest: string, signal: AbortSignal) => Promise<Readable>
  /** Breaks off all pulls: an agent's end, never an instance's, since others may wait for it. */
  readonly signal: AbortSignal
}

/**
 * Unpacked artifacts by digest, shared by all instances that run them, so sealed against writing.
 *
 * A directory `<hex>/` is there only when all of it is: the archive comes into `.incoming/`, its
 * digest is checked, and the archiver unpacks it by rename.
 */
export class ArtifactCache {
  readonly #options: ArtifactCacheOptions
  readonly #incoming: string
  readonly #pulls = new Map<string, Promise<string>>()
  #pullCount = 0

  constructor(options: ArtifactCacheOptions) {
    this.#options = options
    this.#incoming = join(options.directory, '.incoming')
  }

  /** Makes the directory and throws away what an earlier agent was in the middle of. */
  async open(): Promise<void> {
    await mkdir(this.#options.directory, { recursive: true })
    for (const name of await readdir(this.#options.directory)) {
      if (namePattern.test(name)) continue
      await rm(join(this.#options.directory, name), { recursive: true, force: true })
    }
    await mkdir(this.#incoming)
  }

  /** The directory of an artifact, fetched if it is not here; pulls of one digest are one pull. */
  async pull(artifact: ArtifactRef): Promise<string> {
    const { digest } = artifact
    const directory = this.#directoryOf(digest)
    const underWay = this.#pulls.get(digest)
    if (underWay !== undefined) return underWay
    if (await isDirectory(directory)) {
      const seconds = this.#options.clock.now() / 1_000
      await utimes(directory, seconds, seconds)
      return directory
    }
    // Another caller may have begun while the disk was asked.
    const pull = this.#pulls.get(digest) ?? this.#fetch(artifact, directory)
    this.#pulls.set(digest, pull)
    try {
      return await pull
    } finally {
      this.#pulls.delete(digest)
    }
  }

  /** Removes what no instance uses, but for the newest few. */
  async collect(inUse: ReadonlySet<string>): Promise<void> {
    const { directory } = this.#options
    const unused: { path: string; usedAt: number }[] = []
    for (const name of await readdir(directory)) {
      const digest = `sha256:${name}`
      if (!namePattern.test(name) || inUse.has(digest) || this.#pulls.has(digest)) continue
      const path = join(directory, name)
      unused.push({ path, usedAt: (await stat(path)).mtimeMs })
    }
    const oldest = unused.toSorted((a, b) => b.usedAt - a.usedAt).slice(unusedKeptMax)
    for (const { path } of oldest) {
      await setDirectoryModes(path, writableMode)
      await rm(path, { recursive: true, force: true })
    }
  }

  async #fetch(artifact: ArtifactRef, directory: string): Promise<string> {
    const { digest, sizeBytes } = artifact
    const { signal } = this.#options
    const archive = join(this.#incoming, `${++this.#pullCount}.archive`)
    try {
      const content = await this.#options.fetch(digest, signal)
      const hash = createHash('sha256')
      const measure = measured(sizeBytes, (chunk) => hash.update(chunk))
      await pipeline(content, measure, createWriteStream(archive), { signal })
      if (`sha256:${hash.digest('hex')}` !== digest) {
        throw new Refusal('digest-mismatch', `what the server sent is not ${digest}`)
      }
      await this.#options.archiver.unpack(archive, digest, directory)
      await setDirectoryModes(directory, sealedMode)
      return directory
    } catch (error) {
      throw pullFault(error)
    } finally {
      await rm(archive, { force: true })
    }
  }

  #directoryOf(digest: string): string {
    const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1]
    if (hex === undefined) throw new Refusal('digest-mismatch', `${digest} is no digest`)
    return join(this.#options.directory, hex)
  }
}

/** Lets `bytesMax` bytes through and shows them to `see`; one more breaks the stream off. */
function measured(bytesMax: number, see: (chunk: Buffer) => void): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      see(chunk)
      if (bytes <= bytesMax) return done(null, chunk)
      done(new Refusal('digest-mismatch', `the archive is longer than its ${bytesMax} bytes`))
    },
  })
}

function pullFault(error: unknown): unknown {
  if (systemCodeOf(error) !== 'ENOSPC') return error
  return new Fault('disk-full', 'the disk of the node is full', { cause: error })
}

/** Sets the mode of a tree's directories: what cannot be written to keeps its files' names. */
async function setDirectoryModes(directory: string, mode: number): Promise<void> {
  // Writable first and sealed last, so that the way down is open in both directions.
  if (mode === writableMode) await chmod(directory, mode)
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await setDirectoryModes(join(directory, entry.name), mode)
  }
  if (mode !== writableMode) await chmod(directory, mode)
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
