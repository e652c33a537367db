import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { ByteStream, Disk } from '../base/disk.ts'
import { Fault, Refusal, systemCodeOf } from '../base/errors.ts'
import type { Archiver } from '../parts/artifacts/driver.ts'
import type { ArtifactRef } from '../parts/artifacts/model.ts'

/** Unpacked artifacts that nothing uses any more but that a revert may want: the newest few. */
const unusedKeptMax = 8
/** Folders of what was altered are kept until the next collection: processes may stand in them. */
const alteredFolder = '.altered'
/** Artifacts that are looked at in one look: each costs some 10 us a file. */
const checkedAtOnce = 2
/** A digest's hexadecimal digits: a whole artifact; any other name is something unfinished. */
const namePattern = /^[0-9a-f]{64}$/

export interface ArtifactCacheOptions {
  readonly directory: string
  readonly disk: Disk
  readonly archiver: Archiver
  readonly clock: Clock
  /** Fetches the archive from the server. */
  readonly fetch: (digest: string, signal: AbortSignal) => Promise<ByteStream>
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
  readonly #seals: string
  readonly #altered: string
  /** Those that were looked at longest ago come first. */
  #nextChecked = 0
  #pullCount = 0

  constructor(options: ArtifactCacheOptions) {
    this.#options = options
    this.#incoming = join(options.directory, '.incoming')
    this.#seals = join(options.directory, '.seals')
    this.#altered = join(options.directory, alteredFolder)
  }

  /** Makes the directory and throws away what an earlier agent was in the middle of. */
  async open(): Promise<void> {
    const { disk, directory } = this.#options
    await disk.makeFolder(directory)
    for (const name of await disk.names(directory)) {
      if (!namePattern.test(name) && name !== '.seals') await disk.remove(join(directory, name))
    }
    await disk.makeFolder(this.#incoming)
    await disk.makeFolder(this.#seals)
  }

  /** The directory of an artifact, fetched if it is not here; pulls of one digest are one pull. */
  async pull(artifact: ArtifactRef): Promise<string> {
    const { digest } = artifact
    const directory = this.#directoryOf(digest)
    const underWay = this.#pulls.get(digest)
    if (underWay !== undefined) return underWay
    const { disk, clock } = this.#options
    if (await disk.hasFolder(directory)) {
      await disk.touch(directory, clock.now())
      return directory
    }
    // Another caller may have begun while the disk was asked.
    const pull = this.#pulls.get(digest) ?? this.#fetchSealed(artifact, directory)
    this.#pulls.set(digest, pull)
    try {
      return await pull
    } finally {
      this.#pulls.delete(digest)
    }
  }

  /** Removes what no instance uses, but for the newest few. */
  async collect(inUse: ReadonlySet<string>): Promise<void> {
    const { disk, directory } = this.#options
    const unused: { path: string; usedAt: number }[] = []
    for (const name of await disk.names(directory)) {
      const digest = `sha256:${name}`
      if (!namePattern.test(name) || inUse.has(digest) || this.#pulls.has(digest)) continue
      const path = join(directory, name)
      unused.push({ path, usedAt: await disk.touchedAt(path) })
    }
    const oldest = unused.toSorted((a, b) => b.usedAt - a.usedAt).slice(unusedKeptMax)
    for (const { path } of oldest) {
      await disk.remove(path)
      await disk.remove(join(this.#seals, basename(path)))
    }
    await disk.remove(this.#altered)
  }

  /**
   * Looks at some of the artifacts, the others next time: the digests of those that are not as they
   * were unpacked. Nothing of a file is read.
   */
  async findAltered(inUse: readonly ArtifactRef[]): Promise<readonly ArtifactRef[]> {
    const altered: ArtifactRef[] = []
    for (let looked = 0; looked < Math.min(checkedAtOnce, inUse.length); looked++) {
      const artifact = inUse[this.#nextChecked++ % inUse.length]
      if (artifact === undefined || this.#pulls.has(artifact.digest)) continue
      if (!(await this.#isAsSealed(artifact.digest))) altered.push(artifact)
    }
    return altered
  }

  /** Puts an artifact back: fetched and unpacked beside its place, then exchanged. */
  async restore(artifact: ArtifactRef): Promise<void> {
    const { disk } = this.#options
    const place = this.#directoryOf(artifact.digest)
    const fresh = join(this.#incoming, `${++this.#pullCount}.fresh`)
    await this.#fetch(artifact, fresh)
    await disk.makeFolder(this.#altered)
    const aside = join(this.#altered, String(++this.#pullCount))
    if (await disk.hasFolder(place)) await disk.move(place, aside)
    await disk.move(fresh, place)
    await this.#seal(artifact.digest)
  }

  async #isAsSealed(digest: string): Promise<boolean> {
    const { disk } = this.#options
    const place = this.#directoryOf(digest)
    if (!(await disk.hasFolder(place))) return false
    const seal = await disk.read(this.#sealOf(digest))
    // Unpacked by an agent that made no seals: it counts from now on.
    if (seal === undefined) await this.#seal(digest)
    return seal === undefined || seal === (await disk.fingerprint(place))
  }

  async #seal(digest: string): Promise<void> {
    const { disk } = this.#options
    await disk.note(this.#sealOf(digest), await disk.fingerprint(this.#directoryOf(digest)))
  }

  #sealOf(digest: string): string {
    return join(this.#seals, digest.slice('sha256:'.length))
  }

  async #fetchSealed(artifact: ArtifactRef, directory: string): Promise<string> {
    await this.#fetch(artifact, directory)
    await this.#seal(artifact.digest)
    return directory
  }

  async #fetch(artifact: ArtifactRef, directory: string): Promise<string> {
    const { digest, sizeBytes } = artifact
    const { disk, signal } = this.#options
    const archive = join(this.#incoming, `${++this.#pullCount}.archive`)
    try {
      const content = await this.#options.fetch(digest, signal)
      const hash = createHash('sha256')
      const measure = measured(content, sizeBytes, (chunk) => hash.update(chunk))
      await disk.receive(archive, measure, signal)
      if (`sha256:${hash.digest('hex')}` !== digest) {
        throw new Refusal('digest-mismatch', `what the server sent is not ${digest}`)
      }
      await this.#options.archiver.unpack(archive, digest, directory)
      await disk.seal(directory)
      return directory
    } catch (error) {
      throw pullFault(error)
    } finally {
      await disk.remove(archive)
    }
  }

  #directoryOf(digest: string): string {
    const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1]
    if (hex === undefined) throw new Refusal('digest-mismatch', `${digest} is no digest`)
    return join(this.#options.directory, hex)
  }
}

/** Lets `bytesMax` bytes through and shows them to `see`; one more breaks the stream off. */
async function* measured(
  content: ByteStream,
  bytesMax: number,
  see: (chunk: Uint8Array) => void,
): ByteStream {
  let bytes = 0
  for await (const chunk of content) {
    bytes += chunk.length
    see(chunk)
    if (bytes > bytesMax) {
      throw new Refusal('digest-mismatch', `the archive is longer than its ${bytesMax} bytes`)
    }
    yield chunk
  }
}

function pullFault(error: unknown): unknown {
  if (systemCodeOf(error) !== 'ENOSPC') return error
  return new Fault('disk-full', 'the disk of the node is full', { cause: error })
}
