import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { nothingLost, type Bounds } from '../../base/bounds.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { Fault, messageOf, Refusal, systemCodeOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { AppCell } from '../../parts/tenants/model.ts'
import type { LogBatch } from '../../wire/agent.ts'
import { encodeLine, newLines, stored } from './line-format.ts'
import { LogFollowers } from './log-followers.ts'
import { readIndex, writeIndex } from './log-index.ts'
import { LogSegment, type ServiceSegments } from './log-segment.ts'
import { countLines, searchLines } from './log-search.ts'
import type {
  LogCounts,
  LogCountSearch,
  LogFilter,
  LogPage,
  LogSearch,
  LogStore,
  StoredLine,
} from './port.ts'
import { recoverServices } from './log-recovery.ts'

export interface FileLogStoreOptions {
  /** Made if it is not there; this store's alone. */
  readonly directory: string
  /** Bytes on disk at the most; 512 MiB by default. */
  readonly bytesMax?: number
  /** Lines that wait for one slow reader. */
  readonly waitingMax?: number
  /** Where it tells how full it is. */
  readonly bounds?: Bounds
  readonly clock: Clock
  readonly log: Log
}

/** The disk that logs may take when nobody says: some ten million lines, compressed. */
const bytesMaxDefault = 512 * 1024 * 1024

/** A segment is sealed at this size: little enough to be unpacked for one search. */
const segmentBytesMax = 4 * 1024 * 1024

/** The index is this old at the most: what came after it is read again at the next start. */
const indexEveryMs = 10_000

/**
 * Logs as files: a folder for each service in a cell, in it segments of JSON lines, the older ones
 * compressed. Lines are found from the newest back, and go by whole segments when the disk that
 * they may take is full.
 */
export async function openFileLogStore(options: FileLogStoreOptions): Promise<LogStore> {
  const { directory, log } = options
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const services = await recoverServices(directory, await readIndex(directory, log))
  return new FileLogStore(options, services)
}

class FileLogStore implements LogStore {
  readonly #options: FileLogStoreOptions
  readonly #bytesMax: number
  readonly #segmentBytesMax: number
  readonly #services: Map<string, ServiceSegments>
  readonly #followers: LogFollowers
  /** Ends all that is followed when the store is closed. */
  readonly #closing = new AbortController()
  #segmentNumber = 0
  /** Writes come one after the other, and so does what tidies up behind them. */
  #writing: Promise<unknown> = Promise.resolve()
  #tidying: Promise<unknown> = Promise.resolve()
  #isTidying = false
  #indexTimer: Timer | undefined

  constructor(options: FileLogStoreOptions, services: Map<string, ServiceSegments>) {
    this.#options = options
    this.#services = services
    this.#bytesMax = options.bytesMax ?? bytesMaxDefault
    // A small disk still holds some sixteen segments, so that little goes at once.
    this.#segmentBytesMax = Math.min(segmentBytesMax, Math.ceil(this.#bytesMax / 16))
    this.#followers = new LogFollowers(options.waitingMax)
    options.bounds?.addAll(this.#followers)
    options.bounds?.add({
      name: 'logs.kept',
      says: 'what instances printed, on disk; the oldest lines go first',
      unit: 'bytes',
      overflow: 'drops-oldest',
      limit: this.#bytesMax,
      used: () => this.#total(),
      lost: nothingLost,
    })
    for (const segment of this.#all()) {
      this.#segmentNumber = Math.max(this.#segmentNumber, segment.number)
    }
    this.#tidy()
  }

  async append({ batches }: LogBatch): Promise<void> {
    if (this.#closing.signal.aborted) throw closed()
    await this.#inTurn(async () => {
      for (const batch of batches) await this.#appendOne(batch)
    })
  }

  async search(search: LogSearch): Promise<LogPage> {
    checkPlace(search)
    return searchLines(this.#services.values(), search)
  }

  async count(search: LogCountSearch): Promise<LogCounts> {
    checkPlace(search)
    return countLines(this.#services.values(), search)
  }

  follow(filter: LogFilter, signal: AbortSignal): AsyncIterable<StoredLine> {
    checkPlace(filter)
    return this.#followers.follow(filter, AbortSignal.any([signal, this.#closing.signal]))
  }

  offset(instanceId: string): number {
    for (const { segments } of this.#services.values()) {
      const count = storedIn(segments, instanceId)
      if (count !== undefined) return count
    }
    return 0
  }

  async close(): Promise<void> {
    this.#closing.abort(closed())
    this.#indexTimer?.cancel()
    await this.#writing
    await this.#tidying
    await this.#saveIndex()
  }

  async #appendOne(batch: LogBatch['batches'][number]): Promise<void> {
    const { instanceId, at: cell, service } = batch
    const home = await this.#homeOf(cell, service)
    const lines = newLines(batch, storedIn(home.segments, instanceId))
    const last = lines.at(-1)
    if (last === undefined) return
    const segment = this.#growing(home)
    try {
      const times = lines.map(({ at }) => at)
      await segment.append(lines.map(encodeLine).join(''), instanceId, last.count, times)
    } catch (error) {
      throw appendFault(error)
    }
    const told = lines.map((line) => stored(line, cell))
    this.#followers.tell(cell, service, told)
    this.#indexTimer ??= this.#options.clock.after(indexEveryMs, () => this.#indexLater())
    if (segment.bytes >= this.#segmentBytesMax || this.#total() > this.#bytesMax) this.#tidy()
  }

  /** Runs a step after all writes that came before, and before all that come later. */
  async #inTurn(step: () => Promise<void>): Promise<void> {
    const turn = this.#writing.then(step)
    this.#writing = turn.catch(() => undefined)
    await turn
  }

  async #homeOf(cell: AppCell, service: string): Promise<ServiceSegments> {
    const name = folderOf(cell, service)
    const known = this.#services.get(name)
    if (known !== undefined) return known
    const { environment, tenant, app } = cell
    const folder = join(this.#options.directory, name)
    const home = { folder, service, cell: { environment, tenant, app }, segments: [] }
    await mkdir(home.folder, { recursive: true, mode: 0o700 })
    this.#services.set(name, home)
    return home
  }

  /** The segment that takes the next line. */
  #growing({ folder, segments }: ServiceSegments): LogSegment {
    const last = segments.at(-1)
    if (last !== undefined && !last.isPacked && last.bytes < this.#segmentBytesMax) return last
    const segment = new LogSegment(folder, ++this.#segmentNumber)
    segments.push(segment)
    return segment
  }

  *#all(): Iterable<LogSegment> {
    for (const { segments } of this.#services.values()) yield* segments
  }

  #total(): number {
    let bytes = 0
    for (const segment of this.#all()) bytes += segment.bytesOnDisk
    return bytes
  }

  /** Drops what is too much and packs what is sealed, behind the writers' backs. */
  #tidy(): void {
    if (this.#isTidying) return
    this.#isTidying = true
    this.#tidying = this.#tidying.then(() => this.#tidyUp())
  }

  async #tidyUp(): Promise<void> {
    try {
      await this.#inTurn(() => this.#dropOldest())
      await this.#packSealed()
    } catch (error) {
      this.#options.log.warn('logs could not be tidied', { error: messageOf(error) })
    } finally {
      this.#isTidying = false
    }
  }

  async #packSealed(): Promise<void> {
    for (const { segments } of this.#services.values()) {
      for (const [index, segment] of segments.entries()) {
        const isSealed = index < segments.length - 1 || segment.bytes >= this.#segmentBytesMax
        if (isSealed && !segment.isPacked) await segment.pack()
      }
    }
  }

  /**
   * Drops the oldest segments of services that hold more than their share of the disk, so that one
   * that floods the store drowns itself and not the others. Runs in the writers' turn: nothing is
   * being appended to what goes.
   */
  async #dropOldest(): Promise<void> {
    let total = this.#total()
    while (total > this.#bytesMax) {
      const victim = oldestOfTheLargest([...this.#services.values()], this.#bytesMax)
      if (victim === undefined) return
      const { home, segment } = victim
      home.segments.shift()
      total -= segment.bytesOnDisk
      await segment.remove()
      this.#options.log.info('old logs dropped', { path: segment.path })
    }
  }

  #indexLater(): void {
    this.#indexTimer = undefined
    this.#tidying = this.#tidying.then(() => this.#saveIndex())
  }

  async #saveIndex(): Promise<void> {
    const { directory, log } = this.#options
    try {
      await writeIndex(directory, this.#services)
    } catch (error) {
      // Without it the next start takes longer, nothing else.
      log.warn('index of logs not written', { error: messageOf(error) })
    }
  }
}

function oldestOfTheLargest(
  services: readonly ServiceSegments[],
  bytesMax: number,
): { home: ServiceSegments; segment: LogSegment } | undefined {
  const share =
    bytesMax / Math.max(1, services.filter(({ segments }) => segments.length > 0).length)
  return services
    .filter((home) => bytesOf(home) > share)
    .flatMap((home) => home.segments.slice(0, 1).map((segment) => ({ home, segment })))
    .toSorted(
      (a, b) =>
        Number(b.home.segments.length > 1) - Number(a.home.segments.length > 1) ||
        a.segment.number - b.segment.number,
    )[0]
}

function bytesOf({ segments }: ServiceSegments): number {
  return segments.reduce((sum, segment) => sum + segment.bytesOnDisk, 0)
}

/** Lines stored of an instance; undefined when nothing of it is kept. */
function storedIn(segments: readonly LogSegment[], instanceId: string): number | undefined {
  // The newest that tells of it tells the most.
  return segments
    .findLast((segment) => segment.instances.has(instanceId))
    ?.instances.get(instanceId)
}

/** A folder's name: `local+default+shop+storefront`; no name of ours has a plus. */
function folderOf({ environment, tenant, app }: AppCell, service: string): string {
  const parts = [environment, tenant, app, service]
  parts.forEach(checkName)
  return parts.join('+')
}

function checkPlace({ cell: { environment, tenant, app }, service }: LogFilter): void {
  for (const part of [environment, tenant, app, service]) if (part !== undefined) checkName(part)
}

function checkName(name: string): void {
  if (/^[a-z0-9~-]{1,64}$/.test(name)) return
  throw new Refusal('log-place-invalid', `${JSON.stringify(name)} is no name of a service`, {
    hint: 'name environment, tenant, app and service as the manifest does',
  })
}

function appendFault(error: unknown): Fault {
  const code = systemCodeOf(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Fault('disk-full', 'the disk of the log store is full', { cause: error })
  }
  return new Fault('log-store-failed', `lines could not be stored: ${messageOf(error)}`, {
    cause: error,
  })
}

function closed(): Fault {
  return new Fault('log-store-closed', 'the log store is closed', { retry: 'never' })
}
