import type { ByteStream, Disk } from '../src/base/disk.ts'
import type { Archiver } from '../src/parts/artifacts/driver.ts'
import type { Life } from './life.ts'

/** What is wrong with a disk now. */
export interface DiskTrouble {
  /** Writes are refused with ENOSPC. */
  readonly isFull?: boolean
  /** What should be made durable fails with EIO. */
  readonly failsSync?: boolean
  /** Each operation takes this much longer, in ms. */
  readonly slowMs?: number
}

interface File {
  content: string
  /** What is left of it after the machine crashed; undefined: nothing. */
  durable: string | undefined
  touchedAt: number
  readonly isFolder: boolean
}

/** An operation on a disk that nothing is wrong with takes this long, in ms. */
const usualMs = 0.05

/** The disk of one machine: it outlives programs, and forgets what was not synced when power fails. */
export class SimDisk {
  readonly files = new Map<string, File>()
  trouble: DiskTrouble = {}
  /** The last thing that was to be kept was refused: a power cut now costs what nobody can know. */
  hasRefused = false

  /** The disk as one run of a program sees it. */
  for(life: Life): Disk {
    return new LivingDisk(this, life)
  }

  /** Power fails. */
  crash(): void {
    for (const [path, file] of this.files) {
      if (file.isFolder) continue
      if (file.durable === undefined) this.files.delete(path)
      else file.content = file.durable
    }
  }
}

class LivingDisk implements Disk {
  readonly #disk: SimDisk
  readonly #life: Life

  constructor(disk: SimDisk, life: Life) {
    this.#disk = disk
    this.#life = life
  }

  async read(path: string): Promise<string | undefined> {
    await this.#take()
    return this.#disk.files.get(path)?.content
  }

  async replace(path: string, content: string): Promise<void> {
    await this.#takeToWrite()
    if (this.#disk.trouble.failsSync === true) {
      this.#disk.hasRefused = true
      throw systemError('EIO', 'the sync failed')
    }
    this.#write(path, content, content)
    this.#disk.hasRefused = false
  }

  async note(path: string, content: string): Promise<void> {
    await this.#takeToWrite()
    this.#write(path, content, this.#disk.files.get(path)?.durable)
  }

  async receive(path: string, content: ByteStream, signal: AbortSignal): Promise<void> {
    let received = ''
    for await (const chunk of content) {
      signal.throwIfAborted()
      received += Buffer.from(chunk).toString('latin1')
    }
    await this.#takeToWrite()
    this.#write(path, received, undefined)
  }

  async makeFolder(path: string): Promise<void> {
    await this.#takeToWrite()
    if (!this.#disk.files.has(path)) this.#disk.files.set(path, aFolder())
  }

  async names(path: string): Promise<readonly string[]> {
    await this.#take()
    const names = new Set<string>()
    for (const name of this.#disk.files.keys()) {
      if (!name.startsWith(`${path}/`)) continue
      names.add(name.slice(path.length + 1).split('/')[0] ?? '')
    }
    const found = [...names]
    return found.toSorted()
  }

  async hasFolder(path: string): Promise<boolean> {
    await this.#take()
    return this.#disk.files.get(path)?.isFolder === true
  }

  async seal(): Promise<void> {
    await this.#take()
  }

  async remove(path: string): Promise<void> {
    await this.#take()
    for (const name of this.#disk.files.keys()) {
      if (name === path || name.startsWith(`${path}/`)) this.#disk.files.delete(name)
    }
  }

  async move(from: string, to: string): Promise<void> {
    await this.#take()
    const all = [...this.#disk.files]
    for (const [name, file] of all) {
      if (name !== from && !name.startsWith(`${from}/`)) continue
      this.#disk.files.delete(name)
      this.#disk.files.set(to + name.slice(from.length), file)
    }
  }

  async copy(from: string, to: string): Promise<void> {
    await this.#takeToWrite()
    if (!this.#disk.files.has(to)) this.#disk.files.set(to, aFolder())
    const all = [...this.#disk.files]
    for (const [name, { content, isFolder }] of all) {
      const target = to + name.slice(from.length)
      if (!name.startsWith(`${from}/`) || this.#disk.files.has(target)) continue
      if (isFolder) this.#disk.files.set(target, aFolder())
      else this.#write(target, content, undefined)
    }
  }

  async fingerprint(path: string): Promise<string> {
    await this.#take()
    const below = [...this.#disk.files].filter(([name]) => name.startsWith(`${path}/`))
    return JSON.stringify(below.map(([name, { content }]) => [name, content]))
  }

  async touch(path: string, at: number): Promise<void> {
    await this.#take()
    const file = this.#disk.files.get(path)
    if (file !== undefined) file.touchedAt = at
  }

  async touchedAt(path: string): Promise<number> {
    await this.#take()
    return this.#disk.files.get(path)?.touchedAt ?? 0
  }

  #write(path: string, content: string, durable: string | undefined): void {
    this.#disk.files.set(path, { content, durable, touchedAt: this.#life.now(), isFolder: false })
  }

  async #takeToWrite(): Promise<void> {
    await this.#take()
    if (this.#disk.trouble.isFull !== true) return
    this.#disk.hasRefused = true
    throw systemError('ENOSPC', 'no space left on device')
  }

  #take(): Promise<void> {
    return this.#life.sleep(usualMs + (this.#disk.trouble.slowMs ?? 0))
  }
}

/** Unpacks what was received on a simulated disk: an archive is any text, and so is its content. */
export function simArchiver(disk: Disk): Archiver {
  return {
    pack: () => Promise.reject(new Error('nothing is packed in a simulated world')),
    async unpack(archive, _digest, directory) {
      const content = await disk.read(archive)
      await disk.makeFolder(directory)
      await disk.note(`${directory}/content`, content ?? '')
    },
  }
}

function aFolder(): File {
  return { content: '', durable: '', touchedAt: 0, isFolder: true }
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}
