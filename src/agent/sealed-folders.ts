import { basename, join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Disk } from '../base/disk.ts'
import { Refusal } from '../base/errors.ts'

/** Folders that nothing uses any more but that a revert may want: the newest few. */
const unusedKeptMax = 8
/** Folders of what was altered are kept until the next collection: processes may stand in them. */
const alteredFolder = '.altered'
/** Folders that are looked at in one look: each costs some 10 us a file. */
const checkedAtOnce = 2
/** A digest's hexadecimal digits: a whole folder; any other name is something unfinished. */
const namePattern = /^[0-9a-f]{64}$/

/** Makes a folder in one step: it is there only when all of it is. */
type Make = (place: string) => Promise<void>

/**
 * Folders by digest, shared by all instances that start in them, so sealed against writing.
 *
 * A folder `<hex>/` is there only when all of it is; what is being made lies in `.incoming/`, which
 * the next start throws away.
 */
export class SealedFolders {
  readonly #directory: string
  readonly #disk: Disk
  readonly #clock: Clock
  readonly #incoming: string
  readonly #seals: string
  readonly #altered: string
  readonly #underWay = new Map<string, Promise<string>>()
  /** Folders that something is being made of, and how often. */
  readonly #held = new Map<string, number>()
  /** Those that were looked at longest ago come first. */
  #nextChecked = 0
  #placeCount = 0

  constructor(options: { readonly directory: string; readonly disk: Disk; readonly clock: Clock }) {
    this.#directory = options.directory
    this.#disk = options.disk
    this.#clock = options.clock
    this.#incoming = join(options.directory, '.incoming')
    this.#seals = join(options.directory, '.seals')
    this.#altered = join(options.directory, alteredFolder)
  }

  /** Makes the directory and throws away what an earlier agent was in the middle of. */
  async open(): Promise<void> {
    const disk = this.#disk
    await disk.makeFolder(this.#directory)
    for (const name of await disk.names(this.#directory)) {
      if (namePattern.test(name) || name === '.seals') continue
      await disk.remove(join(this.#directory, name))
    }
    await disk.makeFolder(this.#incoming)
    await disk.makeFolder(this.#seals)
  }

  /** A place for what is unfinished, which nothing else takes. */
  newPlace(kind: string): string {
    return join(this.#incoming, `${++this.#placeCount}.${kind}`)
  }

  /** Where a folder is; undefined: it is not here yet. What is found counts as used now. */
  async find(key: string): Promise<string | undefined> {
    if (this.#underWay.has(key)) return undefined
    const place = this.#placeOf(key)
    if (!(await this.#disk.hasFolder(place))) return undefined
    await this.#disk.touch(place, this.#clock.now())
    return place
  }

  /** The folder, made if it is not here; whoever asks for one that is being made gets that one. */
  async get(key: string, make: Make): Promise<string> {
    const underWay = this.#underWay.get(key)
    if (underWay !== undefined) return underWay
    const found = await this.find(key)
    if (found !== undefined) return found
    // Another caller may have begun while the disk was asked.
    const making = this.#underWay.get(key) ?? this.#make(key, make)
    this.#underWay.set(key, making)
    try {
      return await making
    } finally {
      this.#underWay.delete(key)
    }
  }

  /** Keeps folders from being collected while `work` is under way. */
  async holding<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const count = (key: string, by: number): void => {
      const held = (this.#held.get(key) ?? 0) + by
      if (held > 0) this.#held.set(key, held)
      else this.#held.delete(key)
    }
    for (const key of keys) count(key, 1)
    try {
      return await work()
    } finally {
      for (const key of keys) count(key, -1)
    }
  }

  /** Removes what no instance uses, but for the newest few. */
  async collect(inUse: ReadonlySet<string>): Promise<void> {
    const disk = this.#disk
    const unused: { path: string; usedAt: number }[] = []
    for (const name of await disk.names(this.#directory)) {
      const key = `sha256:${name}`
      if (!namePattern.test(name) || inUse.has(key) || this.#isBusy(key)) continue
      const path = join(this.#directory, name)
      unused.push({ path, usedAt: await disk.touchedAt(path) })
    }
    const oldest = unused.toSorted((a, b) => b.usedAt - a.usedAt).slice(unusedKeptMax)
    for (const { path } of oldest) {
      if (this.#isBusy(`sha256:${basename(path)}`)) continue
      await disk.remove(path)
      await disk.remove(join(this.#seals, basename(path)))
    }
    await disk.remove(this.#altered)
  }

  /**
   * Looks at some of the folders, the others next time: the keys of those that are not as they
   * were made. Nothing of a file is read.
   */
  async findAltered(inUse: readonly string[]): Promise<readonly string[]> {
    const altered: string[] = []
    for (let looked = 0; looked < Math.min(checkedAtOnce, inUse.length); looked++) {
      const key = inUse[this.#nextChecked++ % inUse.length]
      if (key === undefined || this.#underWay.has(key)) continue
      if (!(await this.isAsSealed(key))) altered.push(key)
    }
    return altered
  }

  /** Puts a folder back: made beside its place, then exchanged. */
  async restore(key: string, make: Make): Promise<void> {
    const disk = this.#disk
    const place = this.#placeOf(key)
    const fresh = this.newPlace('fresh')
    await make(fresh)
    await disk.makeFolder(this.#altered)
    const aside = join(this.#altered, String(++this.#placeCount))
    if (await disk.hasFolder(place)) await disk.move(place, aside)
    await disk.move(fresh, place)
    await this.#seal(key)
  }

  /** Whether a folder is here as it was made. */
  async isAsSealed(key: string): Promise<boolean> {
    const disk = this.#disk
    const place = this.#placeOf(key)
    if (!(await disk.hasFolder(place))) return false
    const seal = await disk.read(this.#sealOf(key))
    // Made by an agent that made no seals, or that died before it did: it counts from now on.
    if (seal === undefined) await this.#seal(key)
    return seal === undefined || seal === (await disk.fingerprint(place))
  }

  #isBusy(key: string): boolean {
    return this.#underWay.has(key) || this.#held.has(key)
  }

  async #make(key: string, make: Make): Promise<string> {
    const place = this.#placeOf(key)
    await make(place)
    await this.#seal(key)
    return place
  }

  async #seal(key: string): Promise<void> {
    await this.#disk.note(this.#sealOf(key), await this.#disk.fingerprint(this.#placeOf(key)))
  }

  #sealOf(key: string): string {
    return join(this.#seals, key.slice('sha256:'.length))
  }

  #placeOf(key: string): string {
    const hex = /^sha256:([0-9a-f]{64})$/.exec(key)?.[1]
    if (hex === undefined) throw new Refusal('digest-mismatch', `${key} is no digest`)
    return join(this.#directory, hex)
  }
}
