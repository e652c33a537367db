import { join } from 'node:path'
import type { Disk } from '../base/disk.ts'
import type { InstanceRecord } from './instance-facts.ts'

/** Ids that ended are remembered up to this many, oldest forgotten first. */
const endedIdsMax = 10_000

/** What an id must look like to name a file; the server's look like `i-7k3m9q2x`. */
const idPattern = /^[a-z0-9][a-z0-9-]{0,63}$/

/** How a record's file ends: as it was written, or renamed since it could not be. */
const written = '.json'
const renamed = '.stopped'

/** Whether an instance's id may name a file. */
export function isInstanceId(id: string): boolean {
  return idPattern.test(id)
}

/**
 * What the next agent has to know: a file per instance, and the ids of those that ended, which
 * never start again on this node (a tombstone outlives its instance's record).
 *
 * On a full disk a record is renamed where it cannot be written: that costs no space, and its new name
 * says that the instance was told to stop.
 */
export class RecordFiles {
  readonly #disk: Disk
  readonly #directory: string
  readonly #endedPath: string
  readonly #ended = new Set<string>()
  /** Tombstones are on the disk as far as this; less than all while it is full. */
  #buriedCount = 0
  #buryCount = 0
  /** Those that have a file. */
  readonly #saved = new Set<string>()
  readonly #writes = new Map<string, { latest: string; done: Promise<void> }>()

  constructor(disk: Disk, dataDir: string) {
    this.#disk = disk
    this.#directory = join(dataDir, 'records')
    this.#endedPath = join(dataDir, 'ended.json')
  }

  /** Reads all; a record that cannot be read is as if it was not there. */
  async load(): Promise<InstanceRecord[]> {
    await this.#disk.makeFolder(this.#directory)
    const ended = await readJson<string[]>(this.#disk, this.#endedPath)
    for (const id of ended ?? []) this.#ended.add(id)
    const records = new Map<string, InstanceRecord>()
    const names = await this.#disk.names(this.#directory)
    // What a record says is outdated by its name, so names go last.
    for (const ending of [written, renamed]) {
      for (const name of names.filter((one) => one.endsWith(ending))) {
        const record = await readJson<InstanceRecord>(this.#disk, join(this.#directory, name))
        if (record === undefined) continue
        const { instanceId } = record.assigned
        const newest = records.get(instanceId) ?? record
        records.set(instanceId, ending === renamed ? { ...newest, wanted: 'stopped' } : newest)
        this.#saved.add(instanceId)
      }
    }
    return [...records.values()]
  }

  /** Writes a record; of several while one is being written, the last. */
  async save(record: InstanceRecord): Promise<void> {
    const { instanceId } = record.assigned
    try {
      await this.#write(this.#pathOf(instanceId), JSON.stringify(record))
      this.#saved.add(instanceId)
    } catch (error) {
      if (record.wanted === 'stopped') await this.#rename(instanceId)
      throw error
    }
  }

  /** Those of whose files somebody else has disposed. */
  async lost(): Promise<string[]> {
    if (this.#saved.size === 0) return []
    const names = new Set(await this.#disk.names(this.#directory))
    return [...this.#saved].filter((id) => !names.has(id + written) && !names.has(id + renamed))
  }

  hasEnded(instanceId: string): boolean {
    return this.#ended.has(instanceId)
  }

  /** Remembers that an instance never starts again; `settle` mends what a full disk refused. */
  async bury(instanceId: string): Promise<void> {
    if (this.#ended.has(instanceId)) return
    this.#ended.add(instanceId)
    this.#buryCount++
    for (const oldest of this.#ended) {
      if (this.#ended.size <= endedIdsMax) break
      this.#ended.delete(oldest)
    }
    try {
      await this.#writeEnded()
    } catch (error) {
      await this.#rename(instanceId)
      throw error
    }
  }

  /** Whether every tombstone is on the disk. */
  get isSettled(): boolean {
    return this.#buriedCount >= this.#buryCount
  }

  /** Writes tombstones that could not be written before. */
  async settle(): Promise<void> {
    if (!this.isSettled) await this.#writeEnded()
  }

  async forget(instanceId: string): Promise<void> {
    const path = this.#pathOf(instanceId)
    this.#saved.delete(instanceId)
    await this.#writes.get(path)?.done
    await this.#disk.remove(path)
    await this.#disk.remove(join(this.#directory, instanceId + renamed))
  }

  /** Nothing happens where there is no record: it was told to stop before it could be written. */
  async #rename(instanceId: string): Promise<void> {
    const path = this.#pathOf(instanceId)
    if ((await this.#disk.read(path)) === undefined) return
    await this.#disk.move(path, join(this.#directory, instanceId + renamed))
  }

  async #writeEnded(): Promise<void> {
    const count = this.#buryCount
    await this.#write(this.#endedPath, JSON.stringify([...this.#ended]))
    this.#buriedCount = Math.max(this.#buriedCount, count)
  }

  #pathOf(instanceId: string): string {
    return join(this.#directory, instanceId + written)
  }

  #write(path: string, content: string): Promise<void> {
    const underWay = this.#writes.get(path)
    if (underWay !== undefined) {
      underWay.latest = content
      return underWay.done
    }
    const write = { latest: content, done: Promise.resolve() }
    write.done = this.#writeAll(path, write)
    this.#writes.set(path, write)
    return write.done
  }

  async #writeAll(path: string, write: { latest: string }): Promise<void> {
    try {
      for (let content: string | undefined; content !== write.latest;) {
        content = write.latest
        // A record is for the next agent: with the machine its instances are gone as well. What
        // ended must be known even then.
        if (path === this.#endedPath) await this.#disk.replace(path, content)
        else await this.#disk.note(path, content)
      }
    } finally {
      this.#writes.delete(path)
    }
  }
}

/** A file that we wrote ourselves, by rename: what parses is whole. */
export async function readJson<Content>(disk: Disk, path: string): Promise<Content | undefined> {
  try {
    const text = await disk.read(path)
    return text === undefined ? undefined : (JSON.parse(text) as Content)
  } catch {
    return undefined
  }
}
