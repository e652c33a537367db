import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { ByteStream, Disk } from '../base/disk.ts'
import { Fault, messageOf, Refusal, systemCodeOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Archiver } from '../parts/artifacts/driver.ts'
import type { ArtifactRef } from '../parts/artifacts/model.ts'
import { contentKey, type ArchiveContent, type Content } from './content.ts'
import { SealedFolders } from './sealed-folders.ts'

export interface ArtifactCacheOptions {
  readonly directory: string
  readonly disk: Disk
  readonly archiver: Archiver
  readonly clock: Clock
  readonly log: Log
  /** Fetches the archive from the server. */
  readonly fetch: (digest: string, signal: AbortSignal) => Promise<ByteStream>
  /** Breaks off all pulls: an agent's end, never an instance's, since others may wait for it. */
  readonly signal: AbortSignal
}

/** A directory to start in. */
export interface Taken {
  readonly directory: string
  /** What it is made of: all that was asked for, but for what could not be had. */
  readonly content: Content
  /** Why something is missing in it, for people; null: nothing is. */
  readonly without: string | null
}

/** `all`: it fails while something may still come. `had`: it goes on with what can be had now. */
export type Wanted = 'all' | 'had'

type Carried = NonNullable<Content['assets']>['carried'][number]

/**
 * Unpacked artifacts, and copies of them with the assets of earlier ones laid over, each by its
 * digest: the archive is fetched, its digest is checked, and the archiver unpacks it by rename.
 *
 * What is laid over something is copied and never linked: a link would change the time by which
 * `Disk.fingerprint` tells that a file was changed by hand.
 */
export class ArtifactCache {
  readonly #options: ArtifactCacheOptions
  readonly #folders: SealedFolders

  constructor(options: ArtifactCacheOptions) {
    this.#options = options
    this.#folders = new SealedFolders(options)
  }

  /** Makes the directory and throws away what an earlier agent was in the middle of. */
  open(): Promise<void> {
    return this.#folders.open()
  }

  /**
   * The directory of a content, fetched and composed if it is not here. What is missing of earlier
   * archives stops nothing for good: what the server has no more is left out at once, and with
   * `had` whatever cannot be had now.
   */
  async take(content: ArchiveContent, wanted: Wanted): Promise<Taken> {
    const { artifact, assets } = content
    const found = await this.#folders.find(contentKey(content))
    if (found !== undefined) return { directory: found, content, without: null }
    const own = await this.#pull(artifact)
    const plain = { directory: own, content: { artifact }, without: null }
    if (assets === undefined) return plain
    const { had, lost } = await this.#pullCarried(assets.carried, wanted)
    const without = lost.length === 0 ? null : withoutText(lost)
    if (had.length === 0) return { ...plain, without }
    const composed = { artifact, assets: { ...assets, carried: had } }
    try {
      const make = (place: string): Promise<void> => this.#compose(composed, place)
      const directory = await this.#folders.get(contentKey(composed), make)
      return { directory, content: composed, without }
    } catch (error) {
      if (wanted === 'all' || this.#options.signal.aborted) throw error
      return { ...plain, without: withoutText([messageOf(error)]) }
    }
  }

  /** Removes what no instance uses, but for the newest few. */
  collect(inUse: ReadonlySet<string>): Promise<void> {
    return this.#folders.collect(inUse)
  }

  /** Looks at some of the contents, the others next time: those that are not as they were made. */
  async findAltered(inUse: readonly ArchiveContent[]): Promise<readonly ArchiveContent[]> {
    const altered = await this.#folders.findAltered(inUse.map(contentKey))
    return inUse.filter((content) => altered.includes(contentKey(content)))
  }

  /** Puts back what was altered: made anew beside its place, then exchanged. */
  restore(content: ArchiveContent): Promise<void> {
    return this.#folders.restore(contentKey(content), (place) =>
      content.assets === undefined
        ? this.#fetch(content.artifact, place)
        : this.#compose(content, place),
    )
  }

  #pull(artifact: ArtifactRef): Promise<string> {
    return this.#folders.get(artifact.digest, (place) => this.#fetch(artifact, place))
  }

  async #pullCarried(
    carried: readonly Carried[],
    wanted: Wanted,
  ): Promise<{ had: Carried[]; lost: string[] }> {
    const had: Carried[] = []
    const lost: string[] = []
    for (const one of carried) {
      try {
        await this.#pull(one.artifact)
        had.push(one)
      } catch (error) {
        const isFinal = error instanceof Refusal && error.status !== tooManyRequests
        if ((wanted === 'all' && !isFinal) || this.#options.signal.aborted) throw error
        lost.push(messageOf(error))
      }
    }
    return { had, lost }
  }

  /** Lays the files of earlier artifacts over a copy of one, which appears at `place` when it is whole. */
  async #compose({ artifact, assets }: ArchiveContent, place: string): Promise<void> {
    const { disk, log } = this.#options
    const carried = assets?.carried ?? []
    const keys = [artifact, ...carried.map((one) => one.artifact)].map(({ digest }) => digest)
    const target = this.#folders.newPlace('composed')
    try {
      await this.#folders.holding(keys, async () => {
        await this.#copySound(artifact, '.', target, 'kept')
        for (const one of carried) {
          const over = join(target, assets?.directory ?? '.')
          await this.#copySound(one.artifact, one.directory, over, 'left-out')
        }
      })
      await disk.seal(target)
      await disk.move(target, place)
      log.info('assets of earlier versions laid over', {
        artifact: artifact.digest,
        of: keys.slice(1),
      })
    } catch (error) {
      await disk.remove(target)
      throw pullFault(error)
    }
  }

  /** Copies a folder of an artifact; one that was altered by hand is fetched anew for it. */
  async #copySound(
    artifact: ArtifactRef,
    directory: string,
    target: string,
    links: 'kept' | 'left-out',
  ): Promise<void> {
    const { disk } = this.#options
    let source = await this.#pull(artifact)
    const isSound = await this.#folders.isAsSealed(artifact.digest)
    if (!isSound) source = this.#folders.newPlace('source')
    try {
      if (!isSound) await this.#fetch(artifact, source)
      const from = join(source, directory)
      if (await disk.hasFolder(from)) await disk.copy(from, target, links)
    } finally {
      if (!isSound) await disk.remove(source)
    }
  }

  async #fetch(artifact: ArtifactRef, directory: string): Promise<void> {
    const { digest, sizeBytes } = artifact
    const { disk, signal } = this.#options
    const archive = this.#folders.newPlace('archive')
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
    } catch (error) {
      throw pullFault(error)
    } finally {
      await disk.remove(archive)
    }
  }
}

/** The one refusal that another attempt may not meet. */
const tooManyRequests = 429

function withoutText(reasons: readonly string[]): string {
  return `without all assets of earlier versions: ${reasons.join('; ')}`
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
